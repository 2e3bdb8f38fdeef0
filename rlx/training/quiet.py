"""Keep Lightning's greetings and its advice for other kinds of projects off the terminal."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

NOT_FOR_US = (
    ".*does not have many workers.*",  # batches are empty, workers would only cost
    ".*Checkpoint directory .* exists and is not empty.*",  # it is the run's own
    ".*`isinstance\\(treespec, LeafSpec\\)` is deprecated.*",  # Lightning's own call into torch
)


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Show Lightning's warnings and errors, once and without its greetings, inside the block."""
    logger = logging.getLogger("lightning.pytorch")
    level, handlers = logger.level, logger.handlers
    logger.setLevel(logging.WARNING)
    logger.handlers = []  # its records reach the root logger's handlers, terminal and run folder, all the same
    try:
        with warnings.catch_warnings():
            for message in NOT_FOR_US:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        logger.setLevel(level)
        logger.handlers = handlers
