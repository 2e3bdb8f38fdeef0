"""Checks of single configuration values that modules share; no heavy imports."""

from __future__ import annotations

import math
from typing import Any

from rlx.errors import ConfigError, did_you_mean


def whole(name: str, value: Any, low: int) -> int:
    """Return ``value``; ConfigError unless it is a whole number of at least ``low``."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ConfigError(f"module.{name}={value!r}: must be a whole number, at least {low}.")
    return value


def number(name: str, value: Any, *, low: float = -math.inf, above: float = -math.inf, high: float = math.inf) -> None:
    """Raise ConfigError unless ``value`` is a finite number within the bounds."""
    finite = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if finite and low <= value <= high and value > above:
        return
    bounds = [f"above {above:g}"] if above > -math.inf else []
    bounds += [f"at least {low:g}"] if low > -math.inf else []
    bounds += [f"at most {high:g}"] if high < math.inf else []
    raise ConfigError(f"module.{name}={value!r}: must be a number {' and '.join(bounds)}.")


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise ConfigError, with the nearest match, unless ``value`` is allowed."""
    if value not in allowed:
        hint = did_you_mean(str(value), allowed)
        raise ConfigError(f"module.{name}={value!r}: must be one of {', '.join(allowed)}.{hint}")
