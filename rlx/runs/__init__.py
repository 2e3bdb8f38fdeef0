"""Runs as records: how each was made, and which sweep's study it was a trial of."""
