"""Where a run's numbers go: a CSV file in its folder and, unless disabled, Weights & Biases."""
