"""Charts drawn by Matplotlib, as the panels of a figure."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from rlx.report.charts.chart import OWN, Chart, Lanes
from rlx.report.charts.scale import Scale, percent
from rlx.sim.rules import GUARDS, TURNOVER
from rlx.untrusted.escape import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1b1f24"
MUTED = "#6a737d"
POLICY = "#0b5cad"
BASELINES = {"equal_weight": "#d1660f", "buy_and_hold": "#1a8f6d", "cash": "#8a8f98"}
OTHERS = ("#9a5fb5", "#b8912b", "#3b9ab2")
CAP = "#c0392b"
FIRED = ("#c0392b", "#d98c00", "#6b4fa0", "#2f7f79")
"""Colours of the guards, in the order of their table."""
COLOURS = {
    OWN: POLICY,
    **BASELINES,
    **{f"other_{number}": colour for number, colour in enumerate(OTHERS)},
    "ink": INK,
    "cap": CAP,
    **{rule.flag: colour for rule, colour in zip(GUARDS, cycle(FIRED), strict=False)},
}
"""Role of a mark -> its colour."""
DASHED = frozenset({"cap", TURNOVER.flag})
FAINT = {OWN: 0.28, "ink": 0.6}
"""Role of an area -> its opacity."""
LEFT = 0.062
"""Left edge of titles and panels, as a share of the width."""
MARGIN = 0.05
"""Share of the height that stays empty above and below curves, except at zero."""


@contextmanager
def plain_names() -> Iterator[None]:
    """Draw and write a figure in which names are shown literally; also a decorator.

    Dollar signs do not start a formula, and a letter missing from the font becomes a box without a warning.
    """
    from matplotlib import rc_context

    with rc_context({"text.parse_math": False}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def new_figure(
    size_inches: tuple[float, float], title: str, subtitle: str, heights: tuple[float, float], left: float = LEFT
) -> Figure:
    """Return a figure with title and subtitle at two heights, as shares of its own, without changing pyplot's state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size_inches)
    FigureCanvasAgg(figure)
    figure.text(left, heights[0], one_line(title), fontsize=17, fontweight="bold", color=INK)
    figure.text(left, heights[1], subtitle, fontsize=11.5, color=MUTED)
    return figure


def draw_chart(axes: Axes, chart: Chart) -> None:
    """Draw curves; their names and numbers are written next to the panel."""
    style(axes, chart.title)
    for mark in chart.marks:
        colour = COLOURS.get(mark.role, MUTED)
        if mark.filled:
            axes.fill_between(mark.x, mark.y, 0.0, color=colour, alpha=FAINT[mark.role], lw=0)
        if mark.outlined:
            width = 1.1 if not chart.large else 2.2 if mark.role == OWN else 1.3
            dashes = (0, (5, 3)) if mark.role in DASHED else "-"
            axes.plot(mark.x, mark.y, color=colour, lw=width, ls=dashes, solid_capstyle="round")
    if chart.zero is not None:
        axes.axhline(chart.zero, color=MUTED, lw=0.7, zorder=1)
    _draw_scale(axes, chart)
    if chart.large:
        _label_ends(axes, chart)
    for number, (words, role) in enumerate(chart.side_notes):
        note(axes, words, COLOURS[role], y=1.0 - 0.62 * number)


def draw_lanes(axes: Axes, chart: Lanes, title: str) -> None:
    """Draw bars one below the other, each with its share next to it."""
    from matplotlib.dates import date2num

    style(axes, title)
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-0.5, len(chart.lanes) - 0.5)
    axes.set_yticks([])
    for height, lane in enumerate(reversed(chart.lanes)):
        axes.axhspan(height - 0.36, height + 0.36, color="#eef0f3", lw=0)
        for first, last in date2num(lane.pieces):  # type: ignore[no-untyped-call]
            axes.fill_between([first, last], height - 0.36, height + 0.36, color=COLOURS[lane.role], lw=0.6)
        words = f"{lane.name}  {'off' if lane.off else f'{lane.share:.0%}'}"
        _write(axes, words, height, MUTED if lane.off else COLOURS[lane.role], of_data=True, va="center")


def _draw_scale(axes: Axes, chart: Chart) -> None:
    scale, span = chart.scale, chart.scale.high - chart.scale.low
    if scale.log:
        axes.set_yscale("log")
        axes.minorticks_off()
        axes.set_yticks(scale.ticks)
    axes.set_ylim(*_limits(scale))
    axes.yaxis.set_major_formatter(lambda y, _: chart.write(y, span))


def _limits(scale: Scale) -> tuple[float, float]:
    """Return the ends of a scale, each with a margin beyond it unless it is zero."""
    if scale.log:
        beyond = (scale.high / scale.low) ** MARGIN
        return scale.low / beyond, scale.high * beyond
    beyond = MARGIN * (scale.high - scale.low)
    return scale.low - beyond * (scale.low != 0.0), scale.high + beyond * (scale.high != 0.0)


def style(axes: Axes, title: str) -> None:
    """Give a panel its title and the common style."""
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold", color=INK, pad=6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#c5cad1")
    axes.tick_params(labelsize=10.5, colors=MUTED, length=3)
    axes.grid(visible=True, color="#e6e9ed", lw=0.8)
    axes.set_axisbelow(True)
    axes.margins(x=0)


def percent_axis(axes: Axes) -> None:
    """Label the vertical axis in percent, with the decimals that its range needs."""
    low, high = axes.get_ylim()
    axes.yaxis.set_major_formatter(lambda y, _: percent(y, high - low))


def note(axes: Axes, text: str, colour: str, y: float = 1.0) -> None:
    """Write next to a panel, at the height ``y`` as a share of the panel."""
    _write(axes, text, y, colour, va="top", linespacing=1.35)


def _write(axes: Axes, text: str, y: float, colour: str, *, of_data: bool = False, **how: Any) -> None:
    """Write next to a panel, at a height that is a share of the panel, or a value of its axis if ``of_data``."""
    axes.annotate(
        text,
        (1.0, y),
        xycoords=("axes fraction", "data" if of_data else "axes fraction"),
        xytext=(10, 0),
        textcoords="offset points",
        fontsize=10.5,
        color=colour,
        annotation_clip=False,
        **how,
    )


def _label_ends(axes: Axes, chart: Chart) -> None:
    """Write the name of each curve at its end; names that are too close to each other are moved."""
    low, high = (chart.scale.at(end) for end in _limits(chart.scale))
    named = [mark for mark in chart.marks if mark.name]
    ends = [float((chart.scale.at(mark.y[-1]) - low) / (high - low)) for mark in named]
    for mark, height in zip(named, spread(ends, gap=0.145), strict=True):
        weight = "bold" if mark.role == OWN else "normal"
        words = f"{mark.name}\n{mark.said}"
        _write(axes, words, height, COLOURS[mark.role], va="center", linespacing=1.25, fontweight=weight)


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Return the heights, moved to be at least ``gap`` from each other, in the same order and at most 1."""
    order = np.argsort(heights, kind="stable")
    placed = np.asarray(heights, float)[order]
    for i in range(1, len(placed)):
        placed[i] = max(placed[i], placed[i - 1] + gap)
    ceiling = 1.0
    for i in reversed(range(len(placed))):
        placed[i] = min(placed[i], ceiling)
        ceiling = placed[i] - gap
    out = np.empty(len(placed))
    out[order] = placed
    return [float(height) for height in out]
