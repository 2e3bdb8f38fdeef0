"""The figure of a comparison of guards: how return and max drawdown changed in stressed and in calm windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rlx.evaluate.protocols.guard_ab import GuardContest
from rlx.report.charts.scale import decimals
from rlx.report.panels import INK, MUTED, POLICY, new_figure, plain_names, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_INCHES = 14.0
LEFT = 0.09
PANELS = {"return": "Return, guard less control", "max_drawdown": "Max drawdown, guard less control"}
STRESSED = "#c0392b"


@plain_names()
def draw_guard_ab(contest: GuardContest) -> Figure:
    """Return the figure, 1400 pixels wide, as a matplotlib Figure, without changing pyplot's state."""
    summary, height = contest.summary, 2.2 + 1.1 * len(contest.deltas)
    figure = new_figure(
        (WIDTH_INCHES, height),
        f"Guards of {summary['policy']}, compared with {summary['control']}",
        f"{summary['windows']['all']['n']} windows of {summary['windows']['steps']} steps: box of the middle half, "
        "whiskers to 5% and 95%, dot at the mean, red stressed, blue calm",
        (1.0 - 0.4 / height, 1.0 - 0.7 / height),
        LEFT,
    )
    grid = figure.add_gridspec(1, len(PANELS), left=LEFT, right=0.98, top=1.0 - 1.15 / height, bottom=0.5 / height)
    for column, (measure, title) in enumerate(PANELS.items()):
        axes = figure.add_subplot(grid[column])
        style(axes, title)
        _draw_boxes(axes, contest, measure, named=column == 0)
    return figure


def _draw_boxes(axes: Axes, contest: GuardContest, measure: str, *, named: bool) -> None:
    """Draw for each guard a box of its stressed windows above a box of its calm windows."""
    for place, deltas in enumerate(contest.deltas.values()):
        for offset, colour, among in ((-0.19, STRESSED, contest.stressed), (0.19, POLICY, ~contest.stressed)):
            values = deltas[measure][among]
            if values.size:
                _draw_box(axes, values, place + offset, colour)
    axes.axvline(0.0, color=MUTED, lw=0.9, zorder=1)
    axes.set_ylim(len(contest.deltas) - 0.5, -0.5)
    axes.set_yticks(range(len(contest.deltas)))
    axes.set_yticklabels(list(contest.deltas) if named else [""] * len(contest.deltas), fontsize=12, color=INK)
    axes.margins(x=0.05)
    low, high = axes.get_xlim()
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:+.{decimals(high - low)}%}" if x else "0%")
    axes.grid(visible=False, axis="y")


def _draw_box(axes: Axes, values: np.ndarray, height: float, colour: str) -> None:
    axes.boxplot(
        values,
        positions=[height],
        orientation="horizontal",
        whis=(5, 95),
        widths=0.28,
        showfliers=False,
        showmeans=True,
        manage_ticks=False,
        patch_artist=True,
        boxprops={"facecolor": colour, "alpha": 0.35, "edgecolor": colour},
        medianprops={"color": colour, "lw": 1.6},
        whiskerprops={"color": colour},
        capprops={"color": colour},
        meanprops={"marker": "o", "markerfacecolor": colour, "markeredgecolor": "white", "markersize": 6},
    )
