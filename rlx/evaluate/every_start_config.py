"""The schema of ``protocol=every_start``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from rlx.evaluate.config import Protocol
from rlx.ranges import Number


@dataclass(frozen=True)
class EveryStart(Protocol):
    """The same judgement, with its windows at every start index told one by one and searched for outliers.

    A window is an outlier when its return, or its excess over equal weight, lies more than ``fence_iqrs``
    interquartile ranges outside the quartiles of all windows (Tukey 1977). What is played is what every protocol plays.
    """

    fence_iqrs: Annotated[float, Number(0.001, 1_000)] = 1.5
