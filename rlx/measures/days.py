"""A book by calendar days, regardless of the length of its steps, and a few of many days."""

from __future__ import annotations

import numpy as np

from rlx.measures.evaluation import WindowLedger
from rlx.types import FloatArray, IntArray


def daily_growth(windows: WindowLedger) -> FloatArray:
    """Return the factor on the first window's account of each calendar day (D,) on which one of its steps closed."""
    days = windows.end_timestamps[0].astype("datetime64[D]")
    firsts = np.flatnonzero(np.diff(days, prepend=days[:1] - 1))
    growth: FloatArray = np.multiply.reduceat(1.0 + windows.ledger.net_return[0], firsts)
    return growth


def evenly_spaced(length: int, most: int) -> IntArray:
    """Return at most ``most`` indices of a series of this length, evenly spaced, the first and the last among them."""
    return np.linspace(0, length - 1, min(most, length)).round().astype(np.int64)
