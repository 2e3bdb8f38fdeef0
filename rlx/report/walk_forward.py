"""How a walk-forward is shown: a table of its windows, and a figure of the results of the policy in each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, NotRequired, TypedDict

import numpy as np

from rlx.evaluate.judge import Judgement
from rlx.evaluate.protocols.walk_forward import WalkForward
from rlx.measures.distribution import window_metrics
from rlx.measures.metric import Metric
from rlx.measures.performance import tagged
from rlx.report.charts.chart import BASELINE
from rlx.report.numbers import capital, is_fraction
from rlx.report.panels import BASELINES, LEFT, MUTED, POLICY, percent_axis, plain_names, style
from rlx.report.protocols import Block, ProtocolReport
from rlx.report.tables import Table, terminal_line, to_terminal
from rlx.report.windows_figure import label_windows, new_figure, note_median, shade_no_test
from rlx.report.windows_table import (
    Shares,
    Spaced,
    describe_in_words,
    left_columns,
    quantiles_table,
    shares_in_words,
    window_header,
    window_lines,
)
from rlx.types import FloatArray
from rlx.untrusted.markdown import Markdown, joined, table
from rlx.untrusted.plain_types import Measure, Rule, Stamp, items

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from rich.console import RenderableType

MOST_BARS = 60
"""More windows are drawn as lines, since bars would be too thin."""


class Row(TypedDict):
    """A window."""

    first: str
    last: str
    cumulative_return: Measure
    sharpe: Measure
    max_drawdown: Measure
    turnover: Measure
    equal_weight_cumulative_return: NotRequired[Measure]
    excess_over_equal_weight: NotRequired[Measure]
    trained_until: NotRequired[Stamp]
    selected_until: NotRequired[Stamp]
    status: NotRequired[str]


Seen = Rule(
    "whole numbers as numbers of seen steps",
    lambda row: all(isinstance(value, int) for name, value in row.items() if name.startswith("seen_")),
)


class Walk(Spaced):
    """The windows of a walk."""

    rows: Annotated[list[Annotated[dict[str, Any], Row, Seen]], items(1)]


def walk_in_markdown(block: Block) -> Markdown:
    """Return a description of the windows, their quantiles, and a table of them."""
    words = f"{describe_in_words(block)} {shares_in_words(block)}"
    return joined([words, quantiles_table(block), table(window_header(block), window_lines(block))])


def walk_on_terminal(block: Block) -> list[RenderableType]:
    """Return a table of the windows, and how many gained."""
    title = f"Walk-forward: {describe_in_words(block)}"
    return [
        to_terminal(Table(window_header(block), window_lines(block), title, left=left_columns(block))),
        terminal_line(shares_in_words(block)),
    ]


@plain_names()
def draw_walk_forward(judgement: Judgement) -> Figure:
    """Return the figure, 1400 x 900 pixels, as a matplotlib Figure, without changing pyplot's state."""
    evaluation, baselines, rows = judgement.evaluation, judgement.baselines, judgement.block["rows"]
    figure = new_figure(f"{judgement.title}, walk-forward", describe_in_words(judgement.block))
    panels = tagged("panel")
    heights = (1.3, *[1.0] * (len(panels) - 1))
    grid = figure.add_gridspec(
        len(panels), 1, left=LEFT, right=0.862, top=0.88, bottom=0.075, hspace=0.28, height_ratios=heights
    )
    measured = {evaluation.policy: window_metrics(evaluation, WalkForward.name)}
    if BASELINE in baselines and evaluation.policy != BASELINE:
        measured[BASELINE] = window_metrics(baselines[BASELINE], WalkForward.name)
    for row, (name, metric) in enumerate(panels.items()):
        axes = figure.add_subplot(grid[row])
        _draw_measure(axes, metric, {who: numbers[name] for who, numbers in measured.items()}, evaluation.policy)
        shade_no_test(axes, rows, explained_at=axes if row == 0 else None)
        label_windows(axes, rows, named=row == len(panels) - 1)
    return figure


REPORT = ProtocolReport(
    "Walk-forward",
    walk_in_markdown,
    walk_on_terminal,
    draw_walk_forward,
    shape=Annotated[dict[str, Any], Walk, Shares],
)


def _draw_measure(axes: Axes, metric: Metric, values: Mapping[str, FloatArray], policy: str) -> None:
    """Draw one measure (B,) of the policy and of equal weight side by side, and name the medians."""
    style(axes, _title(metric))
    for place, (who, heights) in enumerate(values.items()):
        colour = POLICY if who == policy else BASELINES[BASELINE]
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
