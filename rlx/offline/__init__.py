"""Offline data sets: what several behaviours did on the train split, and policies that are trained on such files."""
