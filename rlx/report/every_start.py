"""The picture of the windows at every start index: their distribution, and the outliers over time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rlx.evaluate.every_start import FLAGS
from rlx.evaluate.window_rows import Row
from rlx.measures.outliers import HIGH, LOW
from rlx.report.outliers_table import MEASURES, outliers_line
from rlx.report.panels import CAP, MUTED, POLICY, percent_axis, plain_names, style
from rlx.report.windows_figure import LEFT, label_windows, new_figure, note_median, shade_no_test, write_png
from rlx.report.windows_table import describe_in_words
from rlx.types import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_DATES = 9
SIDES = {LOW: CAP, HIGH: "#1a8f6d"}
"""Side of an outlier -> its colour."""


def write_every_start_png(path: str | Path, rows: list[Row], block: dict[str, Any], policy: str, title: str) -> None:
    """Write the picture, 1400 x 900 pixels, atomically; ``block`` is the scorecard's ``every_start``."""
    write_png(path, draw_every_start(rows, block, policy, title))


@plain_names()
def draw_every_start(rows: list[Row], block: dict[str, Any], policy: str, title: str) -> Figure:
    """Return the picture as a matplotlib Figure: a measure a row, over time on the left, its histogram on the right."""
    figure = new_figure(f"{title}, every start", describe_in_words(block))
    measures = list(block["outliers"])
    grid = figure.add_gridspec(
        len(measures), 2, left=LEFT, right=0.862, top=0.87, bottom=0.075, hspace=0.24, wspace=0.03,
        width_ratios=(4.2, 1.0),
    )  # fmt: skip
    for row, name in enumerate(measures):
        values = np.array([one[name] for one in rows])
        over_time = figure.add_subplot(grid[row, 0])
        histogram = figure.add_subplot(grid[row, 1], sharey=over_time)
        _draw_over_time(over_time, name, values, [one[FLAGS[name]] for one in rows], block)
        _draw_histogram(histogram, values, block["outliers"][name])
        note_median(histogram, policy, name, values, POLICY)
        label_windows(over_time, rows, named=row == len(measures) - 1, most=MOST_DATES)
        shade_no_test(over_time, rows, explained_beside=histogram if row == 0 else None)
    return figure


def _draw_over_time(axes: Axes, name: str, values: FloatArray, flags: list[str | None], block: dict[str, Any]) -> None:
    """Draw a measure (B,) by window, its outliers as dots and its fence as dashed lines."""
    style(axes, f"{MEASURES[name].capitalize()} of each window: {outliers_line(block, name)}")
    at = np.arange(len(values))
    axes.plot(at, values, color=POLICY, lw=1.1, marker="." if len(values) == 1 else None)
    for side, colour in SIDES.items():
        out = np.array([flag == side for flag in flags])
        axes.scatter(at[out], values[out], s=14, color=colour, zorder=3, label=side)
    _draw_fence(axes, block["outliers"][name])


def _draw_histogram(axes: Axes, values: FloatArray, found: dict[str, Any]) -> None:
    style(axes, "Windows")
    axes.hist(values, bins="auto" if np.ptp(values) > 0.0 else 1, orientation="horizontal", color=POLICY, alpha=0.6)
    axes.tick_params(labelleft=False)
    percent_axis(axes)
    _draw_fence(axes, found)


def _draw_fence(axes: Axes, found: dict[str, Any]) -> None:
    axes.axhline(0.0, color=MUTED, lw=0.7)
    for bound, side in (("fence_low", LOW), ("fence_high", HIGH)):
        if found[bound] is not None:
            axes.axhline(found[bound], color=SIDES[side], lw=0.9, ls="--")
