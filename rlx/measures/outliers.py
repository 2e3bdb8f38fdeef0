"""Windows far from the others, the events behind them, and the result without them."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlx.files import to_json
from rlx.measures.evaluation import WindowLedger
from rlx.measures.metrics import ROUNDING_FLOOR
from rlx.types import BoolArray, FloatArray, IntArray

LOW, HIGH = "low", "high"
MIN_WINDOWS = 4
"""Minimum number of windows: quartiles of fewer are the windows themselves."""

Fence = tuple[float, float]


def tukey_fence(values: FloatArray, iqrs: float) -> Fence | None:
    """Return the bounds ``iqrs`` interquartile ranges below the first and above the third quartile of values (B,).

    Tukey (1977) uses 1.5; quartiles are interpolated linearly. None for fewer than four values, or when the middle half
    of them are equal: then there is no scale for outliers.
    """
    if len(values) < MIN_WINDOWS:
        return None
    first, third = (float(q) for q in np.quantile(values, (0.25, 0.75)))
    if third - first <= ROUNDING_FLOOR:
        return None
    return first - iqrs * (third - first), third + iqrs * (third - first)


def outlier_sides(values: FloatArray, fence: Fence | None) -> IntArray:
    """Return -1 for a value (B,) below the fence, 1 for one above it and 0 for one within, (B,)."""
    if fence is None:
        return np.zeros(len(values), dtype=np.int64)
    return (values > fence[1]).astype(np.int64) - (values < fence[0])


def episodes(flagged: BoolArray, windows: WindowLedger) -> list[IntArray]:
    """Return the flagged windows (B,), as indices in time order, grouped into events that share no step.

    Windows that overlap share days, so one extraordinary day makes many of them outliers: each belongs to the event of
    the previous one when they share a step.
    """
    found = np.flatnonzero(flagged)
    if not found.size:
        return []
    disjoint = np.diff(windows.starts[found]) >= windows.steps
    return np.split(found, np.flatnonzero(disjoint) + 1)


def flag_names(sides: IntArray) -> list[str | None]:
    """Return ``low``, ``high`` or None for each window."""
    return [{-1: LOW, 1: HIGH}.get(int(side)) for side in sides]


def describe_outliers(values: FloatArray, fence: Fence | None, windows: WindowLedger) -> dict[str, Any]:
    """Return a description of the outliers among values (B,), one per window, and of their effect.

    ``fence_low`` and ``fence_high`` (None without a fence); ``n_low`` and ``n_high``; ``mean`` and ``median`` of all,
    ``mean_without`` and ``median_without`` the outliers, ``mean_without_high`` those above; ``high_share_of_mean``, the
    share of the mean due to those above, None when the mean is not above zero; ``episodes``, in time order.
    """
    sides = outlier_sides(values, fence)
    within, total = values[sides == 0], float(values.sum())
    high = float(values[sides > 0].sum())
    return {
        "fence_low": None if fence is None else fence[0],
        "fence_high": None if fence is None else fence[1],
        "n_low": int((sides < 0).sum()),
        "n_high": int((sides > 0).sum()),
        "mean": float(values.mean()),
        "median": float(np.median(values)),
        "mean_without": float(within.mean()) if within.size else None,
        "median_without": float(np.median(within)) if within.size else None,
        "mean_without_high": float(values[sides <= 0].mean()) if (sides <= 0).any() else None,
        "high_share_of_mean": high / total if total > 0.0 else None,
        "episodes": _episodes(values, sides, windows),
    }


def _episodes(values: FloatArray, sides: IntArray, windows: WindowLedger) -> list[dict[str, Any]]:
    """Return ``side``, dates ``first`` and ``last``, number of ``windows``, and the value and index farthest out."""
    found = [(side, group) for side, number in ((LOW, -1), (HIGH, 1)) for group in episodes(sides == number, windows)]
    described = []
    for side, group in sorted(found, key=lambda one: int(one[1][0])):
        farthest = group[values[group].argmin() if side == LOW else values[group].argmax()]
        described.append(
            {
                "side": side,
                "first": to_json(windows.timestamps[group[0], 0]),
                "last": to_json(windows.end_timestamps[group[-1], -1]),
                "windows": len(group),
                "farthest": float(values[farthest]),
                "farthest_window": int(farthest),
            }
        )
    return described
