"""Forecasts of the next bars' moves: a protocol for all forecasters, and the package's quantile network."""
