"""pufferlib: forecaster, specialists and PPO over pairs, the last by PufferLib."""
