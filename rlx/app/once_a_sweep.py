"""Warnings on the terminal: those that an earlier trial of a sweep has shown are not repeated."""

from __future__ import annotations

import logging
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

_said: set[tuple[Path, str]] = set()


class OnceASweep(logging.Filter):
    """Lets a warning through once per sweep: every trial's log file has it, the terminal shows it once."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to show a record."""
        if record.levelno != logging.WARNING or not HydraConfig.initialized():
            return True
        if HydraConfig.get().mode is not RunMode.MULTIRUN:
            return True
        said = (Path(HydraConfig.get().runtime.output_dir).parent, record.getMessage())
        new = said not in _said
        _said.add(said)
        return new
