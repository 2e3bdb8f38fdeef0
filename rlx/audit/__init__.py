"""The leak audit: does a decision change when only the future changes, and does an edge survive a shuffle?"""
