"""The schema of ``protocol=every_start``."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rlx.errors import ConfigError
from rlx.evaluate.config import Protocol


@dataclass(frozen=True)
class EveryStart(Protocol):
    """The same judgement, with its windows at every start index told one by one and searched for outliers.

    A window is an outlier when its return, or its excess over equal weight, lies more than ``fence_iqrs``
    interquartile ranges outside the quartiles of all windows (Tukey 1977). What is played is what every protocol plays.
    """

    fence_iqrs: float = 1.5

    def __post_init__(self) -> None:
        super().__post_init__()
        fence = self.fence_iqrs
        number = isinstance(fence, (int, float)) and not isinstance(fence, bool) and math.isfinite(fence)
        if not number or fence <= 0.0:
            raise ConfigError(f"protocol.fence_iqrs={fence!r}: must be a number above 0.")
