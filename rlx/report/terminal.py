"""A scorecard for the end of the output of a command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rlx.evaluate.scorecard import Scorecard
from rlx.measures.performance import tagged
from rlx.report.numbers import comparison, number
from rlx.report.protocols import report_of
from rlx.report.tables import Table, terminal_line, to_terminal, with_baselines

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table as RichTable


def scorecard_summary(card: Scorecard) -> Group:
    """Return a rich renderable: the hold-out with baselines, intervals, the blocks of protocols, the verdict."""
    from rich.console import Group
    from rich.text import Text

    intervals = terminal_line(_interval_line(card), "dim")
    blocks = [part for name, block in card.blocks.items() for part in (Text(), *report_of(name).terminal(block))]
    return Group(_table(card), intervals, *blocks, terminal_line(card.verdict, above=1))


def parts_table(cards: Mapping[str, Scorecard]) -> RichTable:
    """Return a rich table of policies for some of the symbols, each with equal weight of the same symbols."""
    lines = [
        [
            name,
            *_measures(card.metrics),
            number("cumulative_return", card.baselines["equal_weight"]["cumulative_return"]),
        ]
        for name, card in cards.items()
    ]
    return to_terminal(Table(["symbols", *_headings(), "equal weight"], lines, "Policies of some symbols"))


def _table(card: Scorecard) -> RichTable:
    title = comparison(card.key["windows"]["holdout"], card.key["hash"])
    lines = [[label, *_measures(metrics)] for label, metrics in with_baselines(card).items()]
    table = to_terminal(Table(["policy", *_headings()], lines, title))
    table.rows[0].style = "bold"
    return table


def _headings() -> list[str]:
    return [metric.heading for metric in tagged("terminal").values()]


def _measures(metrics: Mapping[str, float | None]) -> list[str]:
    return [number(name, metrics.get(name)) for name in tagged("terminal")]


def _interval_line(card: Scorecard) -> str:
    spans = []
    for name, metric in tagged("headline").items():
        interval = card.intervals[name]
        if interval["low"] is None:
            return f"no intervals: {interval['reason']}"
        spans.append(f"{metric.heading} {number(name, interval['low'])} to {number(name, interval['high'])}")
    return f"{interval['confidence']:.0%} intervals: {', '.join(spans)}"
