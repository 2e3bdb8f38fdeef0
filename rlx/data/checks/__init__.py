"""Checks of one symbol's bars: each reports findings and never changes a price."""
