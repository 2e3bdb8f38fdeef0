"""Logging of a run's numbers: to a CSV and a JSON Lines file in its folder and, unless disabled, Weights & Biases."""
