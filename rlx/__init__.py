"""rlx: reinforcement-learning portfolio allocators in one exact simulator, judged by one evaluator."""

__version__ = "0.1.0"
