"""Warnings on the terminal: what a sweep's first trial said is not said again by the others."""

from __future__ import annotations

import logging
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

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
