"""The picture of walk-forward windows: what the policy and equal weight made of each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rlx.evaluate.distribution import window_metrics
from rlx.evaluate.evaluation import Evaluation
from rlx.evaluate.walk_forward import seen_in
from rlx.evaluate.windows import WALK_FORWARD
from rlx.plain import atomic_path
from rlx.report.numbers import number
from rlx.report.panels import BASELINES, INK, MUTED, POLICY, note, percent_axis, style
from rlx.report.windows_table import describe_in_words
from rlx.types import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE_INCHES = (14.0, 9.0)
DPI = 100
PANELS = {"cumulative_return": "Return", "sharpe": "Sharpe ratio", "max_drawdown": "Max drawdown"}
MOST_BARS = 60
"""More windows are drawn as lines, since bars would be thinner than a pixel or two."""
MOST_DATES = 12
BESIDE = "equal_weight"


def write_walk_forward_png(
    path: str | Path, evaluation: Evaluation, baselines: Mapping[str, Evaluation], block: dict[str, Any], title: str
) -> None:
    """Write the picture, 1400 x 900 pixels, atomically; ``block`` is the scorecard's ``walk_forward``."""
    figure = draw_walk_forward(evaluation, baselines, block, title)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=DPI, facecolor="white", metadata={"Software": None})


def draw_walk_forward(
    evaluation: Evaluation, baselines: Mapping[str, Evaluation], block: dict[str, Any], title: str
) -> Figure:
    """Return the picture as a matplotlib Figure, without touching pyplot's state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_INCHES)
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(
        len(PANELS), 1, left=0.062, right=0.862, top=0.88, bottom=0.075, hspace=0.28, height_ratios=(1.3, 1.0, 1.0)
    )
    measured = {evaluation.policy: window_metrics(evaluation, WALK_FORWARD)}
    if BESIDE in baselines and evaluation.policy != BESIDE:
        measured[BESIDE] = window_metrics(baselines[BESIDE], WALK_FORWARD)
    for row, name in enumerate(PANELS):
        axes = figure.add_subplot(grid[row])
        _draw_measure(axes, name, {who: numbers[name] for who, numbers in measured.items()}, evaluation.policy)
        _shade_seen(axes, block, explained=row == 0)
        _label_windows(axes, block, named=row == len(PANELS) - 1)
    figure.text(0.062, 0.955, f"{title}, walk-forward", fontsize=17, fontweight="bold", color=INK)
    figure.text(0.062, 0.925, describe_in_words(block), fontsize=11.5, color=MUTED)
    return figure


def _draw_measure(axes: Axes, name: str, values: Mapping[str, FloatArray], policy: str) -> None:
    """Draw one measure (B,) of the policy and of equal weight side by side, and name the medians."""
    style(axes, PANELS[name])
    for place, (who, heights) in enumerate(values.items()):
        colour = POLICY if who == policy else BASELINES[BESIDE]
        at = np.arange(len(heights))
        if len(heights) <= MOST_BARS:
            width = 0.8 / len(values)
            axes.bar(at - 0.4 + (place + 0.5) * width, heights, width, color=colour)
        else:
            axes.plot(at, heights, color=colour, lw=1.6 if who == policy else 1.1)
        finite = heights[np.isfinite(heights)]
        median = number(name, float(np.median(finite)) if finite.size else None)
        note(axes, f"{who.replace('_', ' ')}\nmedian {median}", colour, y=1.0 - 0.35 * place)
    axes.axhline(0.0, color=MUTED, lw=0.7)
    axes.grid(visible=False, axis="x")
    axes.set_xlim(-0.6, len(heights) - 0.4)
    if name != "sharpe":
        percent_axis(axes)


def _shade_seen(axes: Axes, block: dict[str, Any], *, explained: bool) -> None:
    """Grey the windows that hold steps the policy was made on."""
    made_on = [row["window"] for row in block["rows"] if seen_in(row)]
    for window in made_on:
        axes.axvspan(window - 0.5, window + 0.5, color="#eef0f3", lw=0, zorder=0)
    if made_on and explained:
        note(axes, "grey: no test, holds\nsteps the policy\nwas made on", MUTED, y=0.25)


def _label_windows(axes: Axes, block: dict[str, Any], *, named: bool) -> None:
    rows = block["rows"][:: math.ceil(block["n"] / MOST_DATES)]
    axes.set_xticks([row["window"] for row in rows])
    axes.set_xticklabels([f"{row['first'][:10]}\n{row['last'][:10]}" if named else "" for row in rows], fontsize=9.5)
