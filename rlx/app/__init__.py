"""The commands: each combines data, simulator, learner and evaluator."""

import time

STARTED = time.perf_counter()
"""When a command began: this is its first import, some hundredths of a second after Python's start."""
