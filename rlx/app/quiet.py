"""Keep off the terminal what was said before, and Lightning's advice for other kinds of projects."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

NOT_FOR_US = (
    ".*does not have many workers.*",  # batches are empty, workers would only cost
    ".*Checkpoint directory .* exists and is not empty.*",  # it is the run's own
    ".*`isinstance\\(treespec, LeafSpec\\)` is deprecated.*",  # Lightning's own call into torch
)

_said: set[tuple[Path, str]] = set()


class OnceASweep(logging.Filter):
    """Lets a warning through once a sweep: every trial has it in its log file, the terminal has it from the first."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is to be shown."""
        if record.levelno != logging.WARNING or not HydraConfig.initialized():
            return True
        if HydraConfig.get().mode is not RunMode.MULTIRUN:
            return True
        said = (Path(HydraConfig.get().runtime.output_dir).parent, record.getMessage())
        new = said not in _said
        _said.add(said)
        return new


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
