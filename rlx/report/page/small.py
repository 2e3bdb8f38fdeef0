"""The small pictures inside the table: an interval on a scale that all rows share, and the account's value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rlx.report.page.html import Markup, tag
from rlx.report.page.scale import Scale
from rlx.types import FloatArray

INTERVAL = (76, 16)
SPARK = (80, 24)
"""Width and height in pixels."""
MARGIN = 4


def interval_scale(intervals: Sequence[Mapping[str, Any]]) -> Scale:
    """Return one scale for all intervals that exist, zero among them."""
    ends = [[part["low"], part["high"]] for part in intervals if part.get("low") is not None]
    return Scale.over(np.array(ends, dtype=np.float64).reshape(-1), include=(0.0,))


def interval_bar(interval: Mapping[str, Any], scale: Scale) -> Markup:
    """Return an interval as a bar with its estimate as a dot, zero as a line; firm where zero lies outside."""
    low, middle, high, zero = (_across(scale, interval.get(name, 0.0)) for name in ("low", "estimate", "high", "zero"))
    width, height = INTERVAL
    class_ = "interval" if interval.get("covers_zero") else "interval clear"
    drawn = (
        tag("line", class_="zero", x1=zero, x2=zero, y1=0, y2=height),
        tag("line", class_="span", x1=low, x2=high, y1=height // 2, y2=height // 2),
        tag("circle", class_="dot", cx=middle, cy=height // 2, r=3),
    )
    return tag("svg", *drawn, class_=class_, width=width, height=height, aria_hidden="true")


def spark_line(values: Sequence[float]) -> Markup:
    """Return the account's value over the hold-out as a small line, the start as a level."""
    width, height = SPARK
    array: FloatArray = np.array(values, dtype=np.float64)
    scale = Scale.growth([array])
    across = np.linspace(1.0, width - 2.0, len(array))
    down = 1.5 + (1.0 - scale.at(array)) * (height - 3.0)
    start = f"{1.5 + (1.0 - float(scale.at(1.0))) * (height - 3.0):.1f}"
    points = " ".join(f"{x:.0f} {y:.1f}" for x, y in zip(across, down, strict=True) if np.isfinite(y))
    drawn = (
        tag("title", f"Value from 1 to {array[-1]:.2f}, lowest {array.min():.2f}, highest {array.max():.2f}"),
        tag("line", class_="zero", x1=0, x2=width, y1=start, y2=start),
        tag("path", class_="spark", d=f"M{points}"),
    )
    return tag("svg", *drawn, role="img", width=width, height=height)


def _across(scale: Scale, value: float) -> float:
    width = INTERVAL[0] - 2 * MARGIN
    return round(MARGIN + width * float(scale.at(value)), 1)
