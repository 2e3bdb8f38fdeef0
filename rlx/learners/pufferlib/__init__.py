"""pufferlib: a forecaster, specialists, and PufferLib's PPO over pairs."""
