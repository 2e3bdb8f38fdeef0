"""Families of learners under one Trainer: each trains in the simulator and exports a policy checkpoint."""
