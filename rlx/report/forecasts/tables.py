"""The tables of a check of forecasts, for the terminal and Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rlx.measures.metric import UNDEFINED
from rlx.report.tables import Column, Table

Document = Mapping[str, Any]
Row = Mapping[str, Any]
WIDE = ("no move",)


def title_of(document: Document) -> str:
    """Return who was judged on what."""
    split, name = document["split"], document["forecaster"]["name"]
    mark = " (for tests only)" if document["forecaster"]["test_only"] else ""
    symbols = f"{len(document['symbols'])} symbol{'s' * (len(document['symbols']) > 1)}"
    return f"{name}{mark}: {symbols}, {split['name']} split, {split['first']} to {split['last']}, {split['bars']} bars"


def price_table(document: Document, *, wide: bool = False) -> Table:
    """Return pooled losses and skill for each price and horizon; a terminal has no space for all of it."""
    columns: list[Column[Row]] = [
        Column("price", lambda row: row["price"], left=True),
        Column("ahead", lambda row: str(row["horizon"])),
        Column("pinball", lambda row: row["pinball"], spec=".4%"),
        Column("null model", lambda row: row["null_pinball"], spec=".4%"),
        Column("no move", lambda row: row["no_move_pinball"], spec=".4%"),
        Column("skill over null", lambda row: row["skill_over_null"]["estimate"], spec=".2%"),
        Column("95%", lambda row: interval(row["skill_over_null"])),
        Column("median errs", lambda row: row["mae"], spec=".3%"),
        Column("no move errs", lambda row: row["no_move_mae"], spec=".3%"),
        Column("skill of median", lambda row: row["mae_skill"]["estimate"], spec=".2%"),
        Column("median, 95%", lambda row: interval(row["mae_skill"])),
    ]
    shown = [one for one in columns if wide or one.heading not in WIDE]
    return Table.of(shown, document["pooled"], title_of(document))


def symbols_table(document: Document) -> Table:
    """Return skill by symbol for the close of the next bar."""
    columns: list[Column[tuple[str, Row]]] = [
        Column("symbol", lambda row: row[0], left=True),
        Column("pinball", lambda row: row[1]["pinball"], spec=".4%"),
        Column("null model", lambda row: row[1]["null_pinball"], spec=".4%"),
        Column("skill over null", lambda row: row[1]["skill_over_null"]["estimate"], spec=".2%"),
        Column("95%", lambda row: interval(row[1]["skill_over_null"])),
        Column("p, corrected", lambda row: row[1]["p_value"], spec=".3f"),
        Column("skill of median", lambda row: row[1]["mae_skill"]["estimate"], spec=".2%"),
        Column("median, 95%", lambda row: interval(row[1]["mae_skill"])),
    ]
    first = [(symbol, rows[0]) for symbol, rows in document["symbols"].items()]
    return Table.of(columns, first, "Close of the next bar, by symbol")


def coverage_table(document: Document) -> Table:
    """Return the share of outcomes at or below each quantile of the next close, and the loss at its level."""
    row = document["pooled"][0]
    columns: list[Column[int]] = [
        Column("level", lambda place: document["levels"][place], spec=".3g"),
        Column("outcomes at or below", lambda place: row["coverage"][place], spec=".1%"),
        Column("null model", lambda place: row["null_coverage"][place], spec=".1%"),
        Column("pinball", lambda place: row["pinball_by_level"][place], spec=".4%"),
    ]
    return Table.of(columns, range(len(document["levels"])), "Quantiles of the next close")


def latency_table(profiles: Sequence[Mapping[str, Any]]) -> Table:
    """Return the times of warm calls, each a forecast of all symbols at one bar."""
    columns: list[Column[Mapping[str, Any]]] = [
        Column("forecaster", lambda row: row["backend"], left=True),
        Column("device", lambda row: row["device"], left=True),
        Column("load", lambda row: row["load_s"], spec=".2f"),
        Column("first call", lambda row: row["compile_s"], spec=".3f"),
        *[
            Column(name.removesuffix("_ms") + " ms", lambda row, name=name: row[name], spec=".2f")  # type: ignore[misc]
            for name in ("p50_ms", "p95_ms", "p99_ms")
        ],
        Column("forecasts/s", lambda row: row["forecasts_per_second"], spec=",.0f"),
        Column("peak MB", lambda row: row["peak_memory_mb"], spec=",.0f"),
    ]
    return Table.of(
        columns, profiles, f"Time of {profiles[0]['warm_calls']} warm calls (s to load, s more in the first)"
    )


def interval(facts: Mapping[str, Any]) -> str:
    """Return an interval as text."""
    if facts["low"] is None or facts["high"] is None:
        return UNDEFINED
    return f"{facts['low']:.1%} to {facts['high']:.1%}"
