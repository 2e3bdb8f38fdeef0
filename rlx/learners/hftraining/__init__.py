"""hftraining: a transformer whose loss is the net growth of simulated paths."""
