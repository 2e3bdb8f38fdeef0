"""The small drawings in the table: an interval on a scale that all rows share, and the value of the account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rlx.report.charts.scale import Scale
from rlx.types import FloatArray

INTERVAL = 76
SPARK = (80, 24)
"""Width and height in pixels, as in the templates."""
MARGIN = 4


def interval_scale(intervals: Sequence[Mapping[str, Any]]) -> Scale:
    """Return one scale for all intervals that exist, zero among them."""
    ends = [[part["low"], part["high"]] for part in intervals if part.get("low") is not None]
    return Scale.over(np.array(ends, dtype=np.float64).reshape(-1), include=(0.0,))


def interval_bar(interval: Mapping[str, Any], scale: Scale) -> dict[str, Any]:
    """Return the ends, the estimate and zero of an interval in pixels, and the class: ``clear`` if it excludes zero."""
    ends = {name: _across(scale, interval.get(name, 0.0)) for name in ("low", "estimate", "high", "zero")}
    return {**ends, "class_": "interval" if interval.get("covers_zero") else "interval clear"}


def spark_line(values: Sequence[float]) -> dict[str, Any]:
    """Return the value of the account over the hold-out as a small line, and its start as a level, in pixels."""
    width, height = SPARK
    array: FloatArray = np.array(values, dtype=np.float64)
    scale = Scale.growth([array])
    across = np.linspace(1.0, width - 2.0, len(array))
    down = 1.5 + (1.0 - scale.at(array)) * (height - 3.0)
    return {
        "said": f"Value from 1 to {array[-1]:.2f}, lowest {array.min():.2f}, highest {array.max():.2f}",
        "start": f"{1.5 + (1.0 - float(scale.at(1.0))) * (height - 3.0):.1f}",
        "points": " ".join(f"{x:.0f} {y:.1f}" for x, y in zip(across, down, strict=True) if np.isfinite(y)),
    }


def _across(scale: Scale, value: float) -> str:
    return f"{MARGIN + (INTERVAL - 2 * MARGIN) * float(scale.at(value)):.1f}".removesuffix(".0")
