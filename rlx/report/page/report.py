"""The full report of one target: the content of its scorecard, and the charts of its series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NotRequired, TypedDict

import numpy as np

from rlx.board.entry import Entry
from rlx.board.standing import BASELINE, Group, Row
from rlx.data.splits import Ends
from rlx.measures.metric import UNDEFINED
from rlx.measures.statistics import EXCESS
from rlx.report.board_rows import NONE, board_metrics, row_cells
from rlx.report.charts.bars import cost_waterfall, guards, window_distribution
from rlx.report.charts.chart import Lanes
from rlx.report.charts.curves import drawdown, equity, rolling_sharpe
from rlx.report.charts.weights import weights_over_time
from rlx.report.numbers import capital, number, spelt_out
from rlx.report.page.monthly import monthly_returns
from rlx.report.page.series import Series
from rlx.report.page.svg import draw_chart, draw_lanes
from rlx.report.page.words import inline, said
from rlx.report.significance_table import significance_table
from rlx.report.tables import Table, measure_table
from rlx.types import FloatArray
from rlx.untrusted.plain_types import Stamp, find_mismatch

REFITS = "refits"
SPANS = ("trained", "selected")


def report(row: Row, group: Group, series: Series) -> dict[str, Any]:
    """Return the values for the template of the report of a row."""
    entry = row.entry
    guard = measure_table(said, {"value": entry.guard}, "Guards and cooldowns")
    tables = (_metrics(entry, group.baseline), _intervals(entry), guard, refits_table(entry))
    shown = [("plain", table) for table in tables if table.rows]
    if entry.significance:
        shown.append(("plain explained", _significance(entry)))
    return {
        "verdict": entry.verdict,
        "tiles": _tiles(row),
        "charts": _charts(series, entry, group.shared["key"]),
        "tables": shown,
        "facts": _facts(row),
    }


def _charts(series: Series, entry: Entry, key: Mapping[str, Any]) -> list[dict[str, Any]]:
    dates, own, label = series.dates, series.policy, entry.target
    return [
        draw_chart(equity(dates, series.value, own, label)),
        draw_chart(drawdown(dates, _compared(series.drawdown, own), own, label, "Drawdown at daily closes")),
        draw_chart(rolling_sharpe(dates, _compared(series.rolling_sharpe, own), own, label)),
        draw_chart(weights_over_time(dates, series.weights)),
        monthly_returns(series.monthly),
        draw_chart(window_distribution(series.edges, series.counts, own, label, entry.windows)),
        draw_lanes(_guards(series, key, entry.guard)),
        draw_lanes(cost_waterfall(series.costs)),
    ]


def _compared(values: Mapping[str, FloatArray], own: str) -> dict[str, FloatArray]:
    """Return the policy's values and those of equal weight."""
    return {name: values[name] for name in (BASELINE, own) if name in values}


def _guards(series: Series, key: Mapping[str, Any], rates: Mapping[str, float | None]) -> Lanes:
    """Return when guards fired; the share of a date counts the steps since the previous date."""
    moments = np.concatenate((series.dates[:1], series.dates))
    return guards(series.guards, moments, key.get("guard", {}), key.get("cooldown", {}).get("steps"), rates)


def _tiles(row: Row) -> list[tuple[str, str, str | None]]:
    """Return the most important numbers, each with the note that it needs."""
    cells, (sure, plain) = row_cells(row), board_metrics()
    place = f"rank {row.rank}" if row.rank is not None else "no rank"
    shown = [
        ("Score", cells["score"], place if row.entry.unranked is None else f"no rank: {row.entry.unranked}"),
        ("Score a day", cells["score_per_day"], f"{row.entry.days} days" if row.entry.days else None),
        ("x equal weight", cells["multiple"], None),
        *((capital(spelt_out(one)), cells[name], _given(cells[f"{name}_interval"])) for name, one in sure.items()),
        ("Excess a year", cells["excess"], _given(cells["excess_interval"])),
        ("p (Holm)", cells["p_value"], None if row.p_value_alone is None else f"alone {row.p_value_alone:.3f}"),
        *((capital(spelt_out(one)), cells[name], None) for name, one in plain.items()),
    ]
    return [tile for tile in shown if tile[1] not in (NONE, UNDEFINED)]


def _given(words: str) -> str | None:
    return None if words == NONE else words


def _metrics(entry: Entry, baseline: Entry | None) -> Table:
    numbers = {entry.target: entry.metrics}
    if baseline is not None and entry.kind != BASELINE:
        numbers["equal weight"] = baseline.metrics
    return measure_table(said, numbers, "Metrics", corner="Hold-out")


def _intervals(entry: Entry) -> Table:
    confidence = next((one.get("confidence", 0.95) for one in entry.intervals.values()), 0.95)
    header = ["", "estimate", f"{confidence:.0%} interval", "covers zero"]
    rows = [
        [
            said(name.replace(EXCESS, "excess_a_year")),
            number(name, part.get("estimate")),
            f"{number(name, part['low'])} to {number(name, part['high'])}" if part.get("low") is not None else "none",
            {True: "yes", False: "no"}.get(part.get("covers_zero"), str(part.get("reason") or UNDEFINED)),
        ]
        for name, part in entry.intervals.items()
    ]
    return Table(header, rows, "Intervals, by block bootstrap")


class Refit(TypedDict):
    """What is shown of one fit of a refitted policy: its first decision, and the ends of what it was fitted on."""

    first: Stamp
    trained: NotRequired[Ends]
    selected: NotRequired[Ends]


def refits_table(entry: Entry) -> Table:
    """Return when each fit of a refitted policy began to decide, and until when it was fitted; empty for another."""
    fits = entry.policy.get(REFITS)
    if fits is None or find_mismatch(fits, list[Refit]) is not None:
        return Table([], [])
    header = ["decides from", "trained until", "validated until"]
    rows = [[one["first"][:10], *(one[span][1][:10] if span in one else NONE for span in SPANS)] for one in fits]
    return Table(header, rows, "Fits")


def _significance(entry: Entry) -> Table:
    found = significance_table(entry.significance, said)
    return replace(found, rows=[[_unticked(cell) for cell in row] for row in found.rows])


def _unticked(words: str) -> str:
    """Return Markdown without the backticks of code."""
    return words.replace("`", "")


def _facts(row: Row) -> list[tuple[str, str]]:
    """Return the origin of the row: the policy, the steps it had seen, and when and by which code it was judged."""
    entry = row.entry
    lines: dict[str, Any] = {
        "system": entry.system,
        "policy": entry.kind,
        "options": inline(entry.options),
        **{said(name): inline(value) for name, value in entry.policy.items() if name not in ("kind", REFITS)},
        "steps seen before": _seen(entry.seen_steps),
        "judged": f"{moment(entry.recorded_at)}, benchmark {entry.benchmark}",
        "code": _code(entry.provenance),
    }
    return [(name, _cut(str(words))) for name, words in lines.items() if words]


def _seen(steps: Mapping[str, int]) -> str:
    """Return how many of the judged steps a policy had seen, and how."""
    if not steps:
        return "nothing is recorded"
    return ", ".join(f"{said(how)} {count}" for how, count in steps.items())


def _code(provenance: Mapping[str, Any]) -> str:
    git = provenance.get("git") or {}
    commit = str(git.get("commit") or "unknown")[:12]
    changed = " with changes that were not committed" if git.get("dirty") else ""
    return f"{commit}{changed}, Python {provenance.get('python', 'unknown')}"


def _cut(words: str, longest: int = 300) -> str:
    return words if len(words) <= longest else f"{words[:longest]} ..."


def moment(stamp: str) -> str:
    """Return a UTC time stamp for people, to the minute."""
    return f"{stamp[:16].replace('T', ' ')} UTC" if len(stamp) >= 16 else stamp
