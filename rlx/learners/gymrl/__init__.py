"""gymrl: Stable-Baselines3 PPO on the batched portfolio environment."""
