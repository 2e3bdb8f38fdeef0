"""The picture of walk-forward windows: what the policy and equal weight made of each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rlx.evaluate.windows import WALK_FORWARD
from rlx.measures.distribution import window_metrics
from rlx.measures.evaluation import Evaluation
from rlx.measures.metric import Metric
from rlx.measures.performance import tagged
from rlx.report.numbers import capital, is_fraction
from rlx.report.panels import BASELINES, MUTED, POLICY, percent_axis, plain_names, style
from rlx.report.windows_figure import BESIDE, LEFT, label_windows, new_figure, note_median, shade_no_test, write_png
from rlx.report.windows_table import describe_in_words
from rlx.types import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_BARS = 60
"""More windows are drawn as lines, since bars would be thinner than a pixel or two."""


def write_walk_forward_png(
    path: str | Path, evaluation: Evaluation, baselines: Mapping[str, Evaluation], block: dict[str, Any], title: str
) -> None:
    """Write the picture, 1400 x 900 pixels, atomically; ``block`` is the scorecard's ``walk_forward``."""
    write_png(path, draw_walk_forward(evaluation, baselines, block, title))


@plain_names()
def draw_walk_forward(
    evaluation: Evaluation, baselines: Mapping[str, Evaluation], block: dict[str, Any], title: str
) -> Figure:
    """Return the picture as a matplotlib Figure, without touching pyplot's state."""
    figure = new_figure(f"{title}, walk-forward", describe_in_words(block))
    panels = tagged("panel")
    heights = (1.3, *[1.0] * (len(panels) - 1))
    grid = figure.add_gridspec(
        len(panels), 1, left=LEFT, right=0.862, top=0.88, bottom=0.075, hspace=0.28, height_ratios=heights
    )
    measured = {evaluation.policy: window_metrics(evaluation, WALK_FORWARD)}
    if BESIDE in baselines and evaluation.policy != BESIDE:
        measured[BESIDE] = window_metrics(baselines[BESIDE], WALK_FORWARD)
    for row, (name, metric) in enumerate(panels.items()):
        axes = figure.add_subplot(grid[row])
        _draw_measure(axes, metric, {who: numbers[name] for who, numbers in measured.items()}, evaluation.policy)
        shade_no_test(axes, block["rows"], explained_beside=axes if row == 0 else None)
        label_windows(axes, block["rows"], named=row == len(panels) - 1)
    return figure


def _draw_measure(axes: Axes, metric: Metric, values: Mapping[str, FloatArray], policy: str) -> None:
    """Draw one measure (B,) of the policy and of equal weight side by side, and name the medians."""
    style(axes, _title(metric))
    for place, (who, heights) in enumerate(values.items()):
        colour = POLICY if who == policy else BASELINES[BESIDE]
        at = np.arange(len(heights))
        if len(heights) <= MOST_BARS:
            width = 0.8 / len(values)
            axes.bar(at - 0.4 + (place + 0.5) * width, heights, width, color=colour)
        else:
            axes.plot(at, heights, color=colour, lw=1.6 if who == policy else 1.1)
        note_median(axes, who, metric.name, heights, colour, place)
    axes.axhline(0.0, color=MUTED, lw=0.7)
    if is_fraction(metric.name):
        percent_axis(axes)


def _title(metric: Metric) -> str:
    return capital(f"{metric.heading} ratio" if metric.unit == "ratio/year" else metric.heading)
