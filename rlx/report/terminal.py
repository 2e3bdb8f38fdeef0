"""A scorecard as the last thing a command prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rlx.evaluate.scorecard import Scorecard
from rlx.report.numbers import number
from rlx.report.outliers_table import (
    EPISODE_HEADER,
    SUMMARY_HEADER,
    episode_lines,
    outliers_in_words,
    summary_lines,
)
from rlx.report.tables import terminal_line, terminal_table
from rlx.report.windows_table import describe_in_words, shares_in_words, window_header, window_lines

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table

SHOWN = {
    "cumulative_return": "return",
    "annual_return": "a year",
    "sharpe": "Sharpe",
    "sortino": "Sortino",
    "max_drawdown": "max drawdown",
    "turnover": "turnover/step",
    "cost_drag": "cost/year",
    "mean_gross_exposure": "gross",
}
"""Metric -> its heading in the terminal."""


def scorecard_summary(card: Scorecard) -> Group:
    """Return a rich renderable: the hold-out beside the baselines, its intervals, windows that walk, the verdict."""
    from rich.console import Group
    from rich.text import Text

    intervals = terminal_line(_interval_line(card), "dim")
    verdict = terminal_line(card.verdict, above=1)
    if card.every_start:
        return Group(_table(card), intervals, Text(), *_every_start(card), verdict)
    if not card.walk_forward:
        return Group(_table(card), intervals, verdict)
    shares = terminal_line(shares_in_words(card.walk_forward))
    return Group(_table(card), intervals, Text(), _windows(card), shares, verdict)


def parts_table(cards: Mapping[str, Scorecard]) -> Table:
    """Return a rich table of policies for some of the symbols, each beside equal weight of the same symbols."""
    lines = [
        [
            name,
            *(number(metric, card.metrics[metric]) for metric in SHOWN),
            number("cumulative_return", card.baselines["equal_weight"]["cumulative_return"]),
        ]
        for name, card in cards.items()
    ]
    return terminal_table("Policies of some symbols", ["symbols", *SHOWN.values(), "equal weight"], lines)


def _table(card: Scorecard) -> Table:
    holdout, own = card.key["windows"]["holdout"], card.policy["name"]
    title = f"{holdout['first'][:10]} to {holdout['last'][:10]}, {holdout['steps']} steps, key {card.key['hash']}"
    labels = {f"{name} (baseline)" if name == own else name: metrics for name, metrics in card.baselines.items()}
    lines = [
        [label, *(number(name, metrics[name]) for name in SHOWN)]
        for label, metrics in {own: card.metrics, **labels}.items()
    ]
    table = terminal_table(title, ["policy", *SHOWN.values()], lines)
    table.rows[0].style = "bold"
    return table


def _windows(card: Scorecard) -> Table:
    title = f"Walk-forward: {describe_in_words(card.walk_forward)}"
    return terminal_table(title, window_header(card.walk_forward), window_lines(card.walk_forward))


def _every_start(card: Scorecard) -> list[RenderableType]:
    block = card.every_start
    parts: list[RenderableType] = [
        terminal_table(f"Every start: {describe_in_words(block)}", SUMMARY_HEADER, summary_lines(block)),
        terminal_line(shares_in_words(block)),
        terminal_line(outliers_in_words(block), above=1),
    ]
    if lines := episode_lines(block):
        parts.append(terminal_table("Episodes", EPISODE_HEADER, lines))
    return parts


def _interval_line(card: Scorecard) -> str:
    spans = []
    for name in ("sharpe", "cumulative_return"):
        interval = card.intervals[name]
        if interval["low"] is None:
            return f"no intervals: {interval['reason']}"
        spans.append(f"{SHOWN[name]} {number(name, interval['low'])} to {number(name, interval['high'])}")
    return f"{interval['confidence']:.0%} intervals: {', '.join(spans)}"
