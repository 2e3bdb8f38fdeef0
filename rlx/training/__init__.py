"""The training of one learner: Lightning's Trainer, its callbacks and checkpoints, resuming, and the hardware."""
