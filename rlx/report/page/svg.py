"""Paths in few characters, and the frame that every large chart is drawn in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from rlx.report.page.html import Markup, tag
from rlx.report.page.scale import Scale
from rlx.types import FloatArray, IntArray

WIDTH = 1000
HEIGHT = 400
"""Units of a chart's inside, whatever its size on the screen: a unit is at most about a pixel."""
OUTSIDE = 0.02
"""How far beyond the right edge an area closes, as a share of the width."""
TOP_PX = 8
BOTTOM_PX = 22
"""Pixels above and below the inside; labels of the time axis stand below."""
POINTS = 150
NARROW = 100
"""Points of a line in a chart as wide as the page, and in one half as wide: more cannot be told apart."""


def line_path(x: FloatArray, y: FloatArray, points: int = POINTS) -> str:
    """Return a path through points (N,) given between 0 and 1; NaN interrupts it.

    Lines are thinned so that the lowest and highest point of every stretch stay.
    """
    pieces = []
    for start, stop in _stretches(y):
        kept = _extremes(y[start:stop], points) + start
        pieces.append(_moves(x[kept], y[kept]))
    return "".join(pieces)


def area_path(x: FloatArray, y: FloatArray, zero: float, points: int = POINTS) -> str:
    """Return a closed path between points (N,) and a level, all between 0 and 1; NaN interrupts it.

    At the right edge it closes outside of the chart, where its outline is not seen.
    """
    pieces = []
    for start, stop in _stretches(y):
        kept = _extremes(y[start:stop], points) + start
        end = x[kept[-1:]] + (OUTSIDE if x[kept[-1]] >= 1.0 else 0.0)
        across = np.concatenate((x[kept[:1]], x[kept], end, end))
        pieces.append(_moves(across, np.concatenate(([zero], y[kept], y[kept[-1:]], [zero]))) + "z")
    return "".join(pieces)


def frame(
    title: str,
    description: str,
    scale: Scale,
    write: Callable[[float, float], str],
    inside: Sequence[Markup],
    across: Sequence[tuple[float, str]] = (),
    height_px: int = 200,
    zero: float | None = None,
    clip: bool = False,
) -> Markup:
    """Return a chart: grid lines and labels by ``scale``, the ``inside`` drawn in units, labels ``across`` below.

    ``write`` turns a tick and the span of the axis into its label; ``zero`` is a level to draw a firm line at,
    and ``clip`` cuts off what lies outside.
    """
    plot_px = height_px - TOP_PX - BOTTOM_PX
    grid, labels = [], []
    for tick in scale.ticks:
        y = TOP_PX + (1.0 - float(scale.at(tick))) * plot_px
        firm = "zero" if zero is not None and abs(tick - zero) < 1e-12 else "grid"
        grid.append(tag("line", class_=firm, x1=0, x2="100%", y1=_short(y), y2=_short(y)))
        labels.append(
            tag("text", write(tick, scale.high - scale.low), x=-6, y=_short(y), dy="0.32em", class_="tick end")
        )
    for share, words in across:
        where = "start" if share < 0.05 else "end" if share > 0.95 else "middle"
        labels.append(tag("text", words, x=f"{share:.1%}", y=height_px - 5, class_=f"tick {where}"))
    view = {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "preserveAspectRatio": "none"}
    plot = tag(
        "svg", *inside, class_="inside clip" if clip else "inside", y=TOP_PX, width="100%", height=plot_px, **view
    )
    drawn = (tag("title", title), tag("desc", description), *grid, plot, *labels)
    return tag("svg", *drawn, role="img", class_="chart", width="100%", height=height_px)


def units(share: float, length: int) -> int:
    """Return the place of a share of an axis in whole units."""
    return round(share * length)


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


def _signed(value: int, apart: bool) -> str:
    """Return a number set apart from the one before it by its sign or a space."""
    return f" {value}" if apart and value >= 0 else str(value)


def _bends(x: IntArray, y: IntArray) -> IntArray:
    """Return which points change the direction, the first and the last among them."""
    if len(x) < 3:
        return np.arange(len(x))
    dx, dy = np.diff(x), np.diff(y)
    turns = (dx[:-1] * dy[1:] != dx[1:] * dy[:-1]) | (dx[:-1] * dx[1:] + dy[:-1] * dy[1:] < 0)
    return np.concatenate(([0], np.flatnonzero(turns) + 1, [len(x) - 1]))


def _stretches(y: FloatArray) -> list[tuple[int, int]]:
    """Return start and stop of each run of finite values."""
    finite = np.concatenate(([False], np.isfinite(y), [False]))
    edges = np.flatnonzero(finite[1:] != finite[:-1])
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _extremes(y: FloatArray, points: int) -> IntArray:
    """Return at most about ``points`` indices: the lowest and highest of as many stretches, first and last value."""
    if len(y) <= points:
        return np.arange(len(y))
    edges = np.linspace(0, len(y), points // 2 + 1).round().astype(int)
    found = {0, len(y) - 1}
    for start, stop in pairwise(edges.tolist()):
        found |= {int(start + np.argmin(y[start:stop])), int(start + np.argmax(y[start:stop]))}
    return np.array(sorted(found))


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
