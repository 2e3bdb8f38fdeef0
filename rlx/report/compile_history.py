"""A compile history of the old kind: its tables as the original made them, and what the record really contains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rlx.compile_check.deltas import Deltas, summarised
from rlx.compile_check.legacy import MEASURES, LegacyEntry, by_symbol, read_legacy, variant_of
from rlx.compile_check.legacy_alert import alert, recorded_deltas
from rlx.compile_check.legacy_findings import (
    ALIKE,
    CLOSES,
    OPENS,
    STEEP,
    SimpleReturn,
    SymbolFindings,
    distinct,
    simple_returns,
    symbol_findings,
)
from rlx.console import open_console, say
from rlx.errors import RlxError
from rlx.files import write_text
from rlx.report.tables import Column, Table, terminal_line, to_markdown, to_terminal
from rlx.untrusted.markdown import document, heading

OLD_RULES = (
    "As the original computed them: variants pooled, repeats counted, higher taken as better for every measure, losses "
    "included. No conclusion follows from these alerts."
)
CONCLUSION = "Nothing in the record says which code ran, so it says nothing about compilation."
_DELTA = "+.4f"
_COUNTS: tuple[Column[tuple[str, list[LegacyEntry]]], ...] = (
    Column("Symbol", lambda row: row[0], left=True),
    Column("Entries", lambda row: len(row[1]), spec="d"),
    Column("First Timestamp", lambda row: min(entry["timestamp"] for entry in row[1])),
    Column("Latest Timestamp", lambda row: max(entry["timestamp"] for entry in row[1])),
)
_STATS: tuple[Column[tuple[str, Deltas]], ...] = (
    Column("Symbol", lambda row: row[0], left=True),
    Column("Mean", lambda row: row[1].mean, spec=".4f"),
    Column("Std Dev", lambda row: row[1].std or 0.0, spec=".4f"),  # 0 for one run, as in the original
    Column("Last", lambda row: row[1].last, spec=".4f"),
    Column("Rolling Mean (last 5)", lambda row: row[1].rolling_mean, spec=".4f"),
    Column("Samples", lambda row: row[1].samples, spec="d"),
    Column("Pos", lambda row: row[1].positive, spec="d"),
    Column("Neg", lambda row: row[1].negative, spec="d"),
    Column("Zero", lambda row: row[1].zero, spec="d"),
    Column("Pos Ratio", lambda row: row[1].positive_share, spec=".4f"),
    Column("Alert", lambda row: alert(row[1]), left=True),
)
_FINDINGS: tuple[Column[SymbolFindings], ...] = (
    Column("symbol", lambda row: row.symbol, left=True),
    Column("runs", lambda row: row.runs, spec="d"),
    Column("MaxDiff return and loss exactly equal", lambda row: row.zero, spec="d"),
    Column("commonest MaxDiff return", lambda row: row.maxdiff_return, spec=".4%"),
    Column("simple returns there", lambda row: len(row.simple_returns), spec="d"),
    Column("lowest", lambda row: min(row.simple_returns, default=None), spec=".2%"),
    Column("highest", lambda row: max(row.simple_returns, default=None), spec=".2%"),
)


def history_table(entries: Sequence[LegacyEntry]) -> Table:
    """Return the original's table of all entries."""
    columns: list[Column[LegacyEntry]] = [
        Column("time", lambda entry: entry["timestamp"], left=True),
        Column("symbol", lambda entry: entry["symbol"], left=True),
        Column("variant", variant_of, left=True),
        *(
            Column(f"delta {name}", _delta_of(name), spec="+.5f" if "loss" in name else _DELTA)
            for name in ("maxdiff_return", "simple_return", "maxdiff_sharpe", "close_val_loss")
        ),
    ]
    return Table.of(columns, entries, "History")


def _delta_of(name: str) -> Callable[[LegacyEntry], float | None]:
    return lambda entry: entry["delta"].get(name)


def stats_tables(entries: Sequence[LegacyEntry]) -> list[Table]:
    """Return the original's tables of statistics: entry counts, and one for each measure."""
    symbols = by_symbol(entries)
    tables = [Table.of(_COUNTS, symbols.items(), "Entry Counts")]
    for name, title in MEASURES.items():
        deltas = {symbol: recorded_deltas(own, name) for symbol, own in symbols.items()}
        rows = [(symbol, summarised(own)) for symbol, own in deltas.items() if own]
        tables.append(Table.of(_STATS, rows, f"Δ {title}"))
    return tables


def findings_table(entries: Sequence[LegacyEntry]) -> Table:
    """Return what the runs of the variant ``compile`` of each symbol contain, repeats removed."""
    return Table.of(_FINDINGS, symbol_findings(entries), "What the record contains")


def hours_table(entries: Sequence[LegacyEntry]) -> Table:
    """Return for each hour of the day, in UTC, how many returns of ``simple`` were recorded and how many are steep."""
    by_hour: dict[int, list[SimpleReturn]] = {}
    for one in simple_returns(entries):
        by_hour.setdefault(one.moment.hour, []).append(one)
    columns: tuple[Column[tuple[int, list[SimpleReturn]]], ...] = (
        Column("hour (UTC)", lambda row: f"{row[0]:02d}:00", left=True),
        Column("simple returns", lambda row: len(row[1]), spec="d"),
        Column("outside New York's session", lambda row: sum(not one.in_session for one in row[1]), spec="d"),
        Column(f"below {STEEP:.0%}", lambda row: sum(one.value < STEEP for one in row[1]), spec="d"),
        Column("lowest", lambda row: min(one.value for one in row[1]), spec=".2%"),
    )
    return Table.of(columns, sorted(by_hour.items()), "Returns of the strategy simple by hour")


def findings_text(entries: Sequence[LegacyEntry]) -> list[str]:
    """Return in words what the record contains."""
    pairs = len(distinct(entries))
    said = [f"{len(entries)} entries, {pairs} different pairs of results: {len(entries) - pairs} are repeats."]
    return [*said, *_of_zeros(entries), *_of_spreads(entries), CONCLUSION]


def _of_zeros(entries: Sequence[LegacyEntry]) -> list[str]:
    found = symbol_findings(entries)
    if not any(one.zero for one in found):
        return []
    equal = "; ".join(f"{one.symbol} {one.zero} of {one.runs}" for one in found)
    return [
        f"Repeats removed, {' and '.join(ALIKE)} are exactly those of the baseline in these runs: {equal}. Unseeded "
        "samples that are drawn twice do not agree to the last bit, so a cache has probably answered the compiled run."
    ]


def _of_spreads(entries: Sequence[LegacyEntry]) -> list[str]:
    most = max(len(one.simple_returns) for one in symbol_findings(entries))
    steep = [one for one in simple_returns(entries) if one.value < STEEP]
    outside = sum(not one.in_session for one in steep)
    said = []
    if most > 1:
        said.append(
            f"At one MaxDiff return and loss, so with the same forecasts, the strategy simple has up to {most} "
            "different returns (table). The only other input is the spread quoted at the time of the run."
        )
    if steep:
        said.append(
            f"{len(steep)} returns of simple are below {STEEP:.0%}; {outside} of them were recorded outside the "
            f"session ({OPENS:%H:%M} to {CLOSES:%H:%M} in New York), when quotes are wide."
        )
    return said


def render_history(entries: Sequence[LegacyEntry]) -> str:
    """Return the history as Markdown."""
    blocks: list[str] = [heading(1, "Compile history of the old kind (legacy)"), heading(2, "What it contains")]
    blocks += [*findings_text(entries), *map(to_markdown, (findings_table(entries), hours_table(entries)))]
    blocks += [heading(2, "The original's statistics"), OLD_RULES]
    for table in (*stats_tables(entries), history_table(entries)):
        blocks += [heading(3, table.title), to_markdown(table)]
    return document(blocks)


def run_history(path: str, out: str | None) -> int:
    """Print a history's statistics and findings, write everything to ``out`` if given, and return the exit status."""
    entries, console = read_legacy(path), open_console()
    for table in stats_tables(entries):
        console.print(to_terminal(table))
    console.print(terminal_line(OLD_RULES))
    for table in (findings_table(entries), hours_table(entries)):
        console.print(to_terminal(table))
    for sentence in findings_text(entries):
        console.print(terminal_line(sentence))
    if out is not None:
        _write(Path(out), render_history(entries))
    return 0


def _write(path: Path, text: str) -> None:
    try:
        write_text(path, text)
    except OSError as error:
        raise RlxError(f"--out {path}: cannot be written ({error.strerror or error}).") from error
    say(f"Written: {path}")
