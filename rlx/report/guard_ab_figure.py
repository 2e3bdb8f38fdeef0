"""The figure of a comparison of guards: how return and max drawdown changed in stressed and in calm windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rlx.evaluate.protocols.guard_ab import GuardContest
from rlx.report.panels import INK, MUTED, POLICY, plain_names, style
from rlx.untrusted.escape import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_INCHES = 14.0
PANELS = {"return": "Return, guard less control", "max_drawdown": "Max drawdown, guard less control"}
STRESSED = "#c0392b"


@plain_names()
def draw_guard_ab(contest: GuardContest) -> Figure:
    """Return the figure, 1400 pixels wide, as a matplotlib Figure, without changing pyplot's state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_INCHES, 2.2 + 1.1 * len(contest.deltas)))
    FigureCanvasAgg(figure)
    top = 1.0 - 1.15 / figure.get_figheight()
    grid = figure.add_gridspec(1, len(PANELS), left=0.09, right=0.98, top=top, bottom=0.5 / figure.get_figheight())
    for column, (measure, title) in enumerate(PANELS.items()):
        axes = figure.add_subplot(grid[column])
        style(axes, title)
        _draw_boxes(axes, contest, measure, named=column == 0)
    summary, height = contest.summary, figure.get_figheight()
    title = one_line(f"Guards of {summary['policy']}, compared with {summary['control']}")
    figure.text(0.09, 1.0 - 0.4 / height, title, fontsize=17, fontweight="bold", color=INK)
    windows = f"{summary['windows']['all']['n']} windows of {summary['windows']['steps']} steps"
    subtitle = f"{windows}: box of the middle half, whiskers to 5% and 95%, dot at the mean, "
    figure.text(0.09, 1.0 - 0.7 / height, f"{subtitle}red stressed, blue calm", fontsize=11.5, color=MUTED)
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
    decimals = 0 if high - low > 0.06 else 1 if high - low > 0.006 else 2
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:+.{decimals}%}" if x else "0%")
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
