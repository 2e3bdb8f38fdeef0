"""The tables of a document of strategies, for the terminal, Markdown and the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rlx.backtest.stored_documents import ORIGINAL_NUMBERS
from rlx.measures.metric import UNDEFINED, written
from rlx.report.numbers import number
from rlx.report.tables import Column, Table

Document = Mapping[str, Any]
YEARLY = "annual_return"
SAME, NONE = "same", "-"
ERRORS = ("mae", "naive_mae", "pinball")
WIDE = ("Sharpe, 95%", "max drawdown")
"""Columns for which a terminal has no space."""


def strategy_table(document: Document, *, wide: bool = False) -> Table:
    """Return the strategies of a document, results after costs and what they are compared with; all of it if ``wide``.

    A column with a dash or ``same`` does not apply to a strategy.
    """
    columns: list[Column[tuple[str, Any]]] = [
        Column("strategy", lambda row: row[0], left=True),
        Column("a year", lambda row: row[1]["metrics"].get(YEARLY), measure=YEARLY),
        Column("Sharpe", lambda row: row[1]["metrics"].get("sharpe"), measure="sharpe"),
        Column("Sharpe, 95%", lambda row: _interval(row[1]["intervals"].get("sharpe"), ".2f")),
        Column("above holding", lambda row: _estimate(row[1]["excess_over_buy_and_hold"])),
        Column("95%", lambda row: _interval(row[1]["excess_over_buy_and_hold"], ".1%")),
        Column("pessimistic", lambda row: row[1].get("pessimistic", {}).get(YEARLY), spec=".1%", undefined=SAME),
        Column("optimistic", lambda row: row[1].get("optimistic", {}).get(YEARLY), spec=".1%", undefined=SAME),
        Column("max drawdown", lambda row: row[1]["metrics"].get("max_drawdown"), measure="max_drawdown"),
        Column("DSR", lambda row: row[1]["significance"]["dsr"], spec=".2f"),
        Column("peeking", lambda row: row[1]["in_sample_gain"], spec="+.1%", undefined=NONE),
    ]
    shown = [one for one in columns if wide or one.heading not in WIDE]
    return Table.of(shown, list(document["strategies"].items()), title_of(document))


def fills_table(document: Document) -> Table:
    """Return what the strategies counted; a share of bars next to the numbers of entries and targets."""
    counted: dict[str, None] = {}
    for one in document["strategies"].values():
        counted |= dict.fromkeys(one["fills"])
    header = ["strategy", *(name.replace("_", " ") for name in counted), "turnover/step"]
    rows = [
        [
            name,
            *(_count(one["fills"].get(kind)) for kind in counted),
            number("turnover", one["metrics"].get("turnover")),
        ]
        for name, one in document["strategies"].items()
    ]
    return Table(header, rows, "Bars and orders")


def error_table(document: Document) -> Table:
    """Return the error of the forecasts next to that of no move."""
    rows = [
        [name, *(_percent(one.get(key)) for key in ERRORS), _percent(one.get("coverage_80"), 1)]
        for name, one in document["forecast_error"].items()
    ]
    return Table(["price", "mean error", "of no move", "pinball", "coverage of 80%"], rows, "Errors of the forecasts")


def symbols_table(documents: Sequence[Document], strategies: Sequence[str]) -> Table:
    """Return the yearly return of each strategy by symbol."""
    rows = [
        [name, *(_measure(document["strategies"].get(name), YEARLY) for document in documents)] for name in strategies
    ]
    return Table(["strategy", *(document["symbol"] for document in documents)], rows, "Return a year by symbol")


def legacy_table(documents: Sequence[Document]) -> Table:
    """Return what documents of the original system report; nothing in it can be compared with other documents."""
    rows = [
        [document["symbol"], name, *(written((one or {}).get(number), "+.4f") for number in ORIGINAL_NUMBERS)]
        for document in documents
        for name, one in document["strategies"].items()
    ]
    headings = ["legacy", "strategy", *(name.replace("_", " ") for name in ORIGINAL_NUMBERS)]
    return Table(headings, rows, "Documents of the original system", left=(0, 1))


def title_of(document: Document) -> str:
    """Return label, symbol, dates and fills of a document."""
    data = document["data"]
    return (
        f"{document['label']}: {document['symbol']}, {data['first']} to {data['last']}, {data['bars']} bars, "
        f"{document['both_touch']}, tune={document['tune']}"
    )


def _measure(one: Mapping[str, Any] | None, measure: str) -> str:
    return UNDEFINED if one is None else number(measure, one["metrics"].get(measure))


def _estimate(interval: Mapping[str, Any] | None) -> str:
    return NONE if interval is None else written(interval["estimate"], "+.1%")


def _interval(interval: Mapping[str, Any] | None, spec: str) -> str:
    if interval is None:
        return NONE
    low, high = interval["low"], interval["high"]
    return "none" if low is None or high is None else f"{low:{spec}} to {high:{spec}}"


def _percent(value: float | None, decimals: int = 3) -> str:
    return written(value, f".{decimals}%")


def _count(value: int | None) -> str:
    return NONE if value is None else f"{value:,}"
