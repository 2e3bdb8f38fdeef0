"""The leak audit: does a decision change when only the future does, and does an edge outlive a shuffle?"""
