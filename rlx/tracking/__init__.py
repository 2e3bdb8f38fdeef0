"""Where a run's numbers go: a CSV and a JSON Lines file in its folder and, unless disabled, Weights & Biases."""
