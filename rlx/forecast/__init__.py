"""Forecasts of the next bars' moves: one protocol for whatever makes them, and the quantile network of our own."""
