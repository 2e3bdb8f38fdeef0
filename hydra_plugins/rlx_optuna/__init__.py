"""Optuna sweeps that survive failed trials and continue where they stopped."""
