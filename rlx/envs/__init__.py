"""Adapters that serve the simulator's accounts to reinforcement-learning libraries; no finance lives here."""
