"""How windows at every start index are shown: their distribution, and the outliers in words, tables and over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import numpy as np

from rlx.evaluate.judge import Judgement
from rlx.evaluate.protocols.every_start import FLAGS
from rlx.measures.metric import UNDEFINED
from rlx.measures.outliers import HIGH, LOW
from rlx.report.numbers import capital, number
from rlx.report.panels import CAP, LEFT, MUTED, POLICY, percent_axis, plain_names, style
from rlx.report.protocols import EVERY_START, Block, ProtocolReport
from rlx.report.tables import Table, terminal_line, to_terminal
from rlx.report.windows_figure import label_windows, new_figure, note_median, shade_no_test
from rlx.report.windows_table import Shares, Spaced, describe_in_words, quantiles_table, shares_in_words
from rlx.types import FloatArray
from rlx.untrusted.markdown import Markdown, joined, table
from rlx.untrusted.plain_types import Count, Finite, Measure, Rule

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from rich.console import RenderableType

MEASURES = {"cumulative_return": "return", "excess_over_equal_weight": "excess over equal weight"}
"""Measure in which outliers are searched -> its name in words."""

SUMMARY = {
    "mean": "mean",
    "mean_without": "mean inside fence",
    "mean_without_high": "mean without high",
    "median": "median",
    "median_without": "median inside fence",
}
SUMMARY_HEADER = ["", "low", "high", *SUMMARY.values(), "high share of mean"]
EPISODE_HEADER = ["outliers by", "side", "from", "to", "windows", "farthest"]
LONGEST = 12
"""At most so many episodes of a measure are shown, those that lie farthest out; the document has all."""
MOST_DATES = 9
SIDES = {LOW: CAP, HIGH: "#1a8f6d"}
"""Side of an outlier -> its colour."""


class Episode(TypedDict):
    """Outliers of one side that share days."""

    side: str
    first: str
    last: str
    windows: Count
    farthest: Finite


class Outliers(TypedDict):
    """The windows that lie far from the others by one measure."""

    fence_low: Measure
    fence_high: Measure
    n_low: Count
    n_high: Count
    mean: Finite
    median: Finite
    mean_without: Measure
    median_without: Measure
    mean_without_high: Measure
    high_share_of_mean: Measure
    episodes: list[Episode]


class Starts(Spaced):
    """The windows at every start index."""

    fence_iqrs: Finite
    outliers: Annotated[
        dict[str, Outliers], Rule(f"{' and '.join(MEASURES)}", lambda found: found.keys() <= {*MEASURES})
    ]


def starts_in_markdown(block: Block) -> Markdown:
    """Return a description of the windows, their quantiles, and tables of the outliers."""
    parts = [
        f"{describe_in_words(block)} {shares_in_words(block)}",
        outliers_in_words(block),
        quantiles_table(block),
        table(SUMMARY_HEADER, summary_lines(block)),
    ]
    if lines := episode_lines(block):
        parts.append(table(EPISODE_HEADER, lines))
    return joined(parts)


def starts_on_terminal(block: Block) -> list[RenderableType]:
    """Return tables of the outliers, and sentences about them."""
    parts: list[RenderableType] = [
        to_terminal(Table(SUMMARY_HEADER, summary_lines(block), f"Every start: {describe_in_words(block)}")),
        terminal_line(shares_in_words(block)),
        terminal_line(outliers_in_words(block), above=1),
    ]
    if lines := episode_lines(block):
        parts.append(to_terminal(Table(EPISODE_HEADER, lines, "Episodes", left=range(4))))
    return parts


def summary_lines(block: dict[str, Any]) -> list[list[str]]:
    """Return a line for each measure of a block: the number of outliers, and averages with and without them."""
    lines = []
    for name, found in block["outliers"].items():
        part = found["high_share_of_mean"]
        numbers = [number(name, found[key]) for key in SUMMARY]
        counts = [str(found["n_low"]), str(found["n_high"])]
        lines.append([MEASURES[name], *counts, *numbers, UNDEFINED if part is None else f"{part:.0%}"])
    return lines


def episode_lines(block: dict[str, Any]) -> list[list[str]]:
    """Return a line for each episode by measure, in time order; of many, only those farthest from the median."""
    lines = []
    for name, found in block["outliers"].items():
        far = sorted(found["episodes"], key=lambda one: -abs(one["farthest"] - found["median"]))[:LONGEST]
        for one in (one for one in found["episodes"] if one in far):
            dates = [one["first"][:10], one["last"][:10]]
            lines.append([MEASURES[name], one["side"], *dates, str(one["windows"]), number(name, one["farthest"])])
    return lines


def outliers_line(block: dict[str, Any], name: str) -> str:
    """Return how many outliers a measure has, and in how many episodes."""
    found = block["outliers"][name]
    if found["fence_low"] is None:
        return "no outliers, as the middle half of the windows are alike"
    n = found["n_low"] + found["n_high"]
    if n == 0:
        return "no outliers"
    split = f"{found['n_low']} low, {found['n_high']} high"
    return f"{n} {'outlier' if n == 1 else 'outliers'} ({split}) in {_episodes(len(found['episodes']))}"


def outliers_in_words(block: dict[str, Any]) -> str:
    """Return a description of the outliers, and whether the mean of the windows depends on them."""
    fence = f"An outlier lies more than {block['fence_iqrs']:g} interquartile ranges outside the quartiles"
    sentences = [f"{fence}; outliers of one side that share a day are one episode."]
    for name, found in block["outliers"].items():
        sentences.append(f"By {MEASURES[name]}: {outliers_line(block, name)}.")
        sentences.append(_dependence(name, found))
        if len(found["episodes"]) > LONGEST:
            sentences.append(f"The {LONGEST} that lie farthest out are listed.")
    return " ".join(sentence for sentence in sentences if sentence)


@plain_names()
def draw_every_start(judgement: Judgement) -> Figure:
    """Return the figure, one measure per row: over time on the left, as a histogram on the right; 1400 x 900 pixels."""
    rows, block = judgement.rows, judgement.block
    figure = new_figure(f"{judgement.title}, every start", describe_in_words(block))
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
        note_median(histogram, judgement.evaluation.policy, name, values, POLICY)
        label_windows(over_time, rows, named=row == len(measures) - 1, most=MOST_DATES)
        shade_no_test(over_time, rows, explained_at=histogram if row == 0 else None)
    return figure


REPORT = ProtocolReport(
    EVERY_START,
    starts_in_markdown,
    starts_on_terminal,
    draw_every_start,
    shape=Annotated[dict[str, Any], Starts, Shares],
)


def _dependence(name: str, found: dict[str, Any]) -> str:
    """Return how much of a mean above zero is due to the high outliers."""
    part, rest = found["high_share_of_mean"], found["mean_without_high"]
    if part is None or found["n_high"] == 0:
        return ""
    events = sum(one["side"] == HIGH for one in found["episodes"])
    those, source = ("the high outlier", "it") if found["n_high"] == 1 else ("the high outliers", "them")
    without = f"without {those} the mean window returns {number(name, rest)} instead of {number(name, found['mean'])}"
    if rest is None or rest > 0.0:
        return f"{capital(without)}: {part:.0%} of the mean comes from {source}."
    return f"The mean depends on {_episodes(events)}: {without}."


def _episodes(count: int) -> str:
    return f"{count} {'episode' if count == 1 else 'episodes'}"


def _draw_over_time(axes: Axes, name: str, values: FloatArray, flags: list[str | None], block: dict[str, Any]) -> None:
    """Draw a measure (B,) by window, with its outliers as dots and its fences as dashed lines."""
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
