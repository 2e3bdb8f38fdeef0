"""Names for array types and choices that are shared between modules."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
TimeArray: TypeAlias = npt.NDArray[np.datetime64]

YEARS = (1678, 2261)
"""The complete years that datetime64[ns] can represent: others wrap around into these."""


class Accounting(StrEnum):
    """How trading costs enter the books."""

    exact = "exact"
    additive = "additive"


class Execution(StrEnum):
    """When a decision taken on a closed bar is traded."""

    close = "close"
    next_open = "next_open"


class Engine(StrEnum):
    """Which implementation of the rules is used."""

    auto = "auto"
    torch = "torch"
    numba = "numba"


class AssetClass(StrEnum):
    """Asset classes with their own broker rule."""

    equity = "equity"
    crypto = "crypto"
