"""The commands: each puts data, simulator, learner and evaluator together."""

import time

STARTED = time.perf_counter()
"""When a command began: this is the first thing it imports, some hundredths of a second after Python's own start."""
