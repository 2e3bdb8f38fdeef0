"""The record of compile checks: what the last run found, the verdict on every variant, and the page of all runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rlx.compile_check.deltas import Deltas, summarised
from rlx.compile_check.entry import CONFIDENCE, CheckEntry, Outcome
from rlx.compile_check.store import WHAT, load
from rlx.compile_check.verdict import TOLERANCE, Standing, Variant, is_equal, standings, why_invalid
from rlx.console import open_console, say
from rlx.errors import RlxError
from rlx.files import write_text
from rlx.keys import known_key
from rlx.locks import file_lock
from rlx.report.tables import Column, Table, terminal_line, to_markdown, to_terminal
from rlx.untrusted.markdown import bullets, document, heading

EXPLAINED = (
    f"Equal: the same decisions, and outputs within {TOLERANCE:g} of their size. Noise: eager again less eager. "
    f"Intervals are {CONFIDENCE:.0%} paired block-bootstrap intervals of compiled less eager, and tests are "
    "corrected for their number (Holm). n/a: not measured."
)


_STANDINGS: tuple[Column[Standing], ...] = (
    Column("subject", lambda one: one.variant.subject, left=True),
    Column("settings", lambda one: one.variant.settings, left=True),
    Column("compile", lambda one: one.variant.compile_asked, left=True),
    Column("device", lambda one: one.variant.device, left=True),
    Column("torch", lambda one: one.variant.torch, left=True),
    Column("runs", lambda one: len(one.entries), spec="d"),
    Column("valid", lambda one: one.runs, spec="d"),
    Column("saves", lambda one: one.entries[-1].latency.gain, spec="+.1%"),
    Column("verdict", lambda one: one.verdict, left=True),
)
_RUNS: tuple[Column[CheckEntry], ...] = (
    Column("run", lambda one: one.recorded_at, left=True),
    Column("window", lambda one: f"{one.identity.first[:10]} to {one.identity.last[:10]}", left=True),
    Column("used", lambda one: one.identity.compile_used, left=True),
    Column("breaks", lambda one: sum(one.identity.graph_breaks.values()), spec="d"),
    Column("max difference", lambda one: one.numeric.max_abs, spec=".2e"),
    Column("relative", lambda one: one.numeric.max_relative, spec=".2e"),
    Column("noise", lambda one: one.numeric.again_max_abs, spec=".2e"),
    Column("flipped", lambda one: f"{one.numeric.flipped} of {one.numeric.decisions}"),
    Column("is", lambda one: _state(one), left=True),
)
_TIMES: tuple[Column[CheckEntry], ...] = (
    Column("run", lambda one: one.recorded_at, left=True),
    Column("calls", lambda one: one.latency.calls, spec="d"),
    Column("eager p50 ms", lambda one: one.latency.eager_p50_ms, spec=".2f"),
    Column("p95", lambda one: one.latency.eager_p95_ms, spec=".2f"),
    Column("compiled p50 ms", lambda one: one.latency.compiled_p50_ms, spec=".2f"),
    Column("p95", lambda one: one.latency.compiled_p95_ms, spec=".2f"),
    Column("saves", lambda one: one.latency.gain, spec="+.1%"),
    Column("compile s", lambda one: one.latency.compile_seconds, spec=".1f"),
    Column("break-even calls", lambda one: one.latency.break_even_calls, spec=",d"),
)
_OUTCOMES: tuple[Column[tuple[str, Outcome]], ...] = (
    Column("metric", lambda row: row[0], left=True),
    Column("better", lambda row: _better(row[0]), left=True),
    Column("eager", lambda row: row[1].eager, spec=".6g"),
    Column("again", lambda row: row[1].again, spec=".6g"),
    Column("compiled", lambda row: row[1].compiled, spec=".6g"),
    Column("compiled - eager", lambda row: row[1].delta, spec="+.3g"),
    Column("noise", lambda row: row[1].noise, spec="+.3g"),
    Column("low", lambda row: row[1].low, spec="+.3g"),
    Column("high", lambda row: row[1].high, spec="+.3g"),
    Column("no interval because", lambda row: row[1].reason or "", left=True),
)
_DELTAS: tuple[Column[tuple[str, Deltas]], ...] = (
    Column("metric", lambda row: row[0], left=True),
    Column("better", lambda row: _better(row[0]), left=True),
    Column("runs", lambda row: row[1].samples, spec="d"),
    Column("mean", lambda row: row[1].mean, spec="+.3g"),
    Column("sd", lambda row: row[1].std, spec=".3g"),
    Column("last", lambda row: row[1].last, spec="+.3g"),
    Column("mean of last 5", lambda row: row[1].rolling_mean, spec="+.3g"),
    Column("positive", lambda row: row[1].positive, spec="d"),
    Column("negative", lambda row: row[1].negative, spec="d"),
    Column("zero", lambda row: row[1].zero, spec="d"),
)


def _state(entry: CheckEntry) -> str:
    return "invalid" if why_invalid(entry) else "equal" if is_equal(entry) else "different"


def _better(key: str) -> str:
    known = known_key(key)
    return "unknown" if known is None else known.better or "neither"


def standings_table(found: Sequence[Standing]) -> Table:
    """Return a row for each variant."""
    return Table.of(_STANDINGS, found, "Compiled against eager")


def run_tables(entry: CheckEntry) -> list[Table]:
    """Return the tables of one run: its numbers, its times and its outcomes."""
    return [
        Table.of(_RUNS, [entry], "Outputs"),
        Table.of(_TIMES, [entry], "Times"),
        outcomes_table(entry),
    ]


def outcomes_table(entry: CheckEntry) -> Table:
    """Return the metrics of one run."""
    return Table.of(_OUTCOMES, entry.outcomes.items(), "Outcomes")


def deltas_table(entries: Iterable[CheckEntry]) -> Table:
    """Return statistics over the valid runs of a variant: of each metric, the differences that are defined."""
    found: dict[str, list[float]] = {}
    for entry in (one for one in entries if why_invalid(one) is None):
        for key, outcome in entry.outcomes.items():
            if outcome.delta is not None:
                found.setdefault(key, []).append(outcome.delta)
    rows = [(key, summarised(deltas)) for key, deltas in found.items()]
    return Table.of(_DELTAS, rows, "Differences over the valid runs")


def sentence(standing: Standing) -> str:
    """Return a verdict with its reason."""
    return f"{standing.variant.subject}: {standing.verdict}; {standing.reason}."


def print_check(entries: Sequence[CheckEntry], entry: CheckEntry) -> None:
    """Print what a run found, and the standing of its variant."""
    console = open_console()
    for table in run_tables(entry):
        console.print(to_terminal(table))
    found = standings(entries)
    mine = [one for one in found if one.variant == Variant.of(entry)]
    console.print(to_terminal(standings_table(mine)))
    for one in mine:
        console.print(terminal_line(sentence(one)))


def run_report(path: str) -> int:
    """Print the standing of every variant of a record, write its page again, and return the exit status."""
    found, console = standings(load(path)), open_console()
    console.print(to_terminal(standings_table(found)))
    for one in found:
        console.print(terminal_line(sentence(one)))
    say(f"Written: {write_page(path)}")
    return 0


def write_page(path: str | Path) -> Path:
    """Write the Markdown page of a record next to it and return its path."""
    page = Path(path).with_suffix(".md")
    try:
        with file_lock(Path(path), WHAT):
            write_text(page, render_record(load(path)))
    except OSError as error:
        raise RlxError(f"{WHAT} {path}: its page cannot be written ({error.strerror or error}).") from error
    return page


def render_record(entries: Sequence[CheckEntry]) -> str:
    """Return a record as Markdown."""
    found = standings(entries)
    blocks: list[str] = [heading(1, "Compiled against eager"), EXPLAINED, to_markdown(standings_table(found))]
    blocks.append(bullets(map(sentence, found)))
    for one in found:
        blocks += _section(one)
    return document(blocks)


def _section(standing: Standing) -> list[str]:
    variant, last = standing.variant, standing.entries[-1]
    about = f"settings {variant.settings}, {variant.compile_asked} on {variant.device}, torch {variant.torch}"
    precise = f"{variant.precision} precision, {variant.threads} threads"
    blocks: list[str] = [heading(2, f"{variant.subject}: {standing.verdict}"), f"{about}, {precise}."]
    blocks += [to_markdown(Table.of(_RUNS, standing.entries)), to_markdown(Table.of(_TIMES, standing.entries))]
    blocks += [heading(3, "Outcomes of the last run"), to_markdown(outcomes_table(last))]
    summed = deltas_table(standing.entries)
    blocks += [heading(3, summed.title), to_markdown(summed)] if summed.rows else []
    reasons = [f"{reason} ({count})" for reason, count in last.identity.graph_breaks.items()]
    return blocks + ([heading(3, "Graph breaks of the last run"), bullets(reasons)] if reasons else [])
