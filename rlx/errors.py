"""Errors a user can fix: each names the key, the value, what is allowed and, where it helps, the nearest match."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

_NO_MEMORY = re.compile(r"out of memory|can't allocate memory|not enough memory", re.IGNORECASE)  # torch's own words


class RlxError(Exception):
    """Base of every error caused by input; the command line prints its text and exits with status 2."""


class ConfigError(RlxError):
    """An invalid configuration value, or a contradictory combination of values."""


class DataError(RlxError):
    """Market data that is missing, unreadable or unusable."""


class FileError(RlxError):
    """A file that is damaged, too large, or not of the kind it should be."""


class CheckpointError(RlxError):
    """A policy checkpoint that is missing, damaged, in another format or for another universe."""


class WeightsError(RlxError):
    """A file of target weights that cannot be traded on the given market."""


class RecordError(RlxError):
    """A production record that cannot be read, or replayed on the given market."""


class PlanError(RlxError):
    """A trading plan that cannot be read, cannot be replayed on the given market, or could not be obtained."""


class HardwareError(RlxError):
    """A requested device or compiler that is not available."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether memory ran out: the machine's, or the GPU's, for which torch has its own errors."""
    by_name = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return by_name or (isinstance(error, RuntimeError) and _NO_MEMORY.search(str(error)) is not None)


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the nearest of ``options``, or an empty string."""
    matches = get_close_matches(name, list(options), n=1)
    return f" Did you mean '{matches[0]}'?" if matches else ""
