"""Charts drawn as SVG: short paths, in units of a box that is scaled to the size on the screen."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from rlx.report.charts.chart import BASELINES, OTHERS, OWN, Chart, Lanes, Mark, Places, runs
from rlx.report.charts.weights import COLOURS
from rlx.sim.rules import GUARDS
from rlx.types import FloatArray, IntArray

WIDTH = 1000
HEIGHT = 400
"""Size of the inside of a chart in units, for any size on the screen: a unit is at most about a pixel."""
OUTSIDE = 0.02
"""How far beyond the right edge an area closes, as a share of the width, so that its outline is not visible there."""
TOP_PX = 8
BOTTOM_PX = 22
"""Pixels above and below the inside; the labels of the other axis are below."""
HEIGHT_PX = 200
LARGE_PX = 250
POINTS = 150
NARROW = 100
"""Points of a line in a chart as wide as the page, and in one half as wide: more cannot be distinguished."""
THINNEST = 3
"""Smallest width of a bar in units."""
CLASSES = {
    OWN: "line own",
    **dict(zip(BASELINES, ("line b1", "line b2", "line b3"), strict=True)),
    **{f"other_{number}": "line b4" for number in range(OTHERS)},
    **{f"c{number}": f"layer c{number}" for number in range(COLOURS + 1)},
    **{rule.flag: "fired" for rule in GUARDS},
}
"""Role of a mark -> its classes; any other role is its own class."""


def draw_chart(chart: Chart) -> dict[str, Any]:
    """Return the values for the template ``curves``."""
    if not chart.marks:
        return {"kind": "nothing", "chart": chart, "class_": "wide" if chart.large else ""}
    height = LARGE_PX if chart.large else HEIGHT_PX
    place = _places([mark.x for mark in chart.marks])
    return {
        "kind": "curves",
        "chart": chart,
        "class_": "wide" if chart.large else "",
        "legend": [_swatch(CLASSES.get(role, role), words) for role, words in chart.legend],
        "height": height,
        "inside": height - TOP_PX - BOTTOM_PX,
        "clip": "inside clip" if any(mark.filled and mark.outlined for mark in chart.marks) else "inside",
        "grid": [_grid(chart, tick, height - TOP_PX - BOTTOM_PX) for tick in chart.scale.ticks],
        "across": [_across(float(place(np.array([at]))[0]), words) for at, words in chart.across],
        "paths": [_path(chart, mark, place) for mark in chart.marks],
    }


def draw_lanes(chart: Lanes) -> dict[str, Any]:
    """Return the values for the template ``lanes``; lanes that are off are left out."""
    shown = [lane for lane in chart.lanes if not lane.off]
    if not shown:
        return {"kind": "nothing", "chart": chart, "class_": ""}
    place = _places([np.array([chart.first, chart.last])])
    lanes = [(one.name, one.said, CLASSES.get(one.role, one.role), _bars(place(one.pieces))) for one in shown]
    zero = [] if chart.zero is None else [_units(float(place(np.array([chart.zero]))[0]))]
    return {"kind": "lanes", "chart": chart, "lanes": lanes, "zero": zero}


def _places(ends: list[Places]) -> Callable[[Any], FloatArray]:
    """Return a function from positions to shares of the axis between the first and the last of all."""
    first, last = min(part.min() for part in ends), max(part.max() for part in ends)
    length = (last - first).astype(np.float64) or 1.0
    return lambda places: np.asarray((places - first).astype(np.float64) / length)


def _grid(chart: Chart, tick: float, inside: int) -> tuple[str, str, str]:
    """Return class, height in pixels and label of a tick."""
    firm = chart.zero is not None and abs(tick - chart.zero) < 1e-12
    y = TOP_PX + (1.0 - float(chart.scale.at(tick))) * inside
    words = chart.write(tick, chart.scale.high - chart.scale.low)
    return "zero" if firm else "grid", f"{y:.1f}".removesuffix(".0"), words


def _across(share: float, words: str) -> tuple[str, str, str]:
    """Return position, class and words of a label below the chart."""
    return f"{share:.1%}", "start" if share < 0.05 else "end" if share > 0.95 else "middle", words


def _path(chart: Chart, mark: Mark, place: Callable[[Any], FloatArray]) -> tuple[str, str]:
    """Return class and path of a mark."""
    x, y, points = place(mark.x), chart.scale.at(mark.y), POINTS if chart.large else NARROW
    class_ = CLASSES.get(mark.role, mark.role)
    if not mark.filled:
        return class_, trace(x, y, points)
    filled = class_.replace("line", "fill") + ("" if mark.outlined else " strong")
    return filled, trace(x, y, points, float(chart.scale.at(0.0)), OUTSIDE if mark.outlined else 0.0)


def _swatch(class_: str, words: str) -> tuple[str, int, str, str]:
    """Return class, width, path and words of an entry of a legend: a square for a layer, a line for a line."""
    return (class_, 20, "M0 5h20", words) if class_.startswith("line") else (class_, 10, "M0 0h10v10h-10z", words)


def _bars(pieces: FloatArray) -> str:
    """Return bars 10 units high, each from one share to another, (K, 2)."""
    ends = [(_units(first), _units(last)) for first, last in pieces.tolist()]
    return "".join(f"M{first} 0H{max(last, first + THINNEST)}V10H{first}z" for first, last in ends)


def _units(share: float) -> int:
    return round(share * WIDTH)


def trace(x: FloatArray, y: FloatArray, points: int = POINTS, zero: float | None = None, outside: float = 0.0) -> str:
    """Return a path through points (N,) given between 0 and 1, closed at the level ``zero``; NaN interrupts it.

    It is thinned, but the lowest and highest point of every part stay. At the right edge it closes ``outside``.
    """
    pieces = []
    for start, stop in runs(np.isfinite(y), np.arange(len(y) + 1)).tolist():
        kept = _extremes(y[start:stop], points) + start
        across, up = x[kept], y[kept]
        if zero is not None:
            end = across[-1] + (outside if across[-1] >= 1.0 else 0.0)
            across, up = np.r_[across[0], across, end, end], np.r_[zero, up, up[-1], zero]
        pieces.append(_moves(across, up) + ("" if zero is None else "z"))
    return "".join(pieces)


def _moves(x: FloatArray, y: FloatArray) -> str:
    """Return relative moves in whole units through points between 0 and 1, without those on a straight line."""
    across = np.rint(x * WIDTH).astype(np.int64)
    down = np.rint((1.0 - y) * HEIGHT).astype(np.int64)
    bends = _bends(across, down)
    across, down = across[bends], down[bends]
    if len(across) == 1:  # a single moment is a dot
        return f"M{across[0]} {down[0]}h0"
    steps = zip(np.diff(across).tolist(), np.diff(down).tolist(), strict=True)
    return f"M{across[0]} {down[0]}l" + "".join(
        f"{_signed(dx, i > 0)}{_signed(dy, True)}" for i, (dx, dy) in enumerate(steps)
    )


def _signed(value: int, follows: bool) -> str:
    """Return a number, separated by its sign or a space if it follows another."""
    return f" {value}" if follows and value >= 0 else str(value)


def _bends(x: IntArray, y: IntArray) -> IntArray:
    """Return the indices of points at which the direction changes, including the first and the last."""
    if len(x) < 3:
        return np.arange(len(x))
    dx, dy = np.diff(x), np.diff(y)
    turns = (dx[:-1] * dy[1:] != dx[1:] * dy[:-1]) | (dx[:-1] * dx[1:] + dy[:-1] * dy[1:] < 0)
    return np.concatenate(([0], np.flatnonzero(turns) + 1, [len(x) - 1]))


def _extremes(y: FloatArray, points: int) -> IntArray:
    """Return at most about ``points`` indices: the lowest and highest of equal parts, the first and the last."""
    if len(y) <= points:
        return np.arange(len(y))
    edges = np.linspace(0, len(y), points // 2 + 1).round().astype(int)
    found = {0, len(y) - 1}
    for start, stop in pairwise(edges.tolist()):
        found |= {int(start + np.argmin(y[start:stop])), int(start + np.argmax(y[start:stop]))}
    return np.array(sorted(found))
