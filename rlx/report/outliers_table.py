"""Outliers among windows in words and as rows of text, for Markdown, the terminal and the figure."""

from __future__ import annotations

from typing import Any

from rlx.measures.outliers import HIGH
from rlx.report.numbers import UNDEFINED, number

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
    events = len(found["episodes"])
    split = f"{found['n_low']} low, {found['n_high']} high"
    return f"{n} {'outlier' if n == 1 else 'outliers'} ({split}) in {events} {'episode' if events == 1 else 'episodes'}"


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


def _dependence(name: str, found: dict[str, Any]) -> str:
    """Return how much of a mean above zero is due to the high outliers."""
    part, rest = found["high_share_of_mean"], found["mean_without_high"]
    if part is None or found["n_high"] == 0:
        return ""
    events = sum(one["side"] == HIGH for one in found["episodes"])
    those, source = ("the high outlier", "it") if found["n_high"] == 1 else ("the high outliers", "them")
    without = f"without {those} the mean window returns {number(name, rest)} instead of {number(name, found['mean'])}"
    if rest is None or rest > 0.0:
        return f"{without[0].upper()}{without[1:]}: {part:.0%} of the mean comes from {source}."
    episodes = f"{events} {'episode' if events == 1 else 'episodes'}"
    return f"The mean depends on {episodes}: {without}."
