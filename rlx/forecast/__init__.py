"""Forecasts of the next bars' moves: forecasters behind one protocol, their cache, and what others read of them."""
