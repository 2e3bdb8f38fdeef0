"""The full report of one target: what its scorecard says, and the charts of its series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlx.board.entry import Entry
from rlx.board.standing import BASELINE, Group, Row
from rlx.measures.statistics import EXCESS
from rlx.report.board_rows import NONE, board_metrics, row_cells
from rlx.report.numbers import UNDEFINED, capital, number, spelt_out
from rlx.report.page.bars import cost_waterfall, guard_timeline, window_distribution
from rlx.report.page.curves import drawdown, equity, rolling_sharpe
from rlx.report.page.html import Markup, join, table, tag
from rlx.report.page.monthly import monthly_returns
from rlx.report.page.series import Series
from rlx.report.page.weights import weights_over_time
from rlx.report.page.words import inline, said
from rlx.report.significance_table import significance_table


def report(row: Row, group: Group, series: Series) -> Markup:
    """Return the fragment that the page shows when a row is opened."""
    entry, key = row.entry, group.shared["key"]
    charts = (
        equity(series, entry.target),
        drawdown(series, entry.target),
        rolling_sharpe(series, entry.target),
        weights_over_time(series),
        monthly_returns(series),
        window_distribution(series, entry.target, entry.windows),
        guard_timeline(series, key, entry.guard),
        cost_waterfall(series),
    )
    tables = (_metrics(entry, group.baseline), _intervals(entry), _guard(entry), _significance(entry))
    return join(
        [
            tag("p", entry.verdict, class_="verdict") if entry.verdict else None,
            _tiles(row),
            tag("div", *charts, class_="charts"),
            tag("div", *tables, class_="tables"),
            _facts(row),
        ],
        "\n",
    )


def _tiles(row: Row) -> Markup:
    """Return the numbers that matter most, each with what it has to be read with."""
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
    tiles = [
        tag("div", tag("dt", name), tag("dd", value), None if under is None else tag("dd", under, class_="under"))
        for name, value, under in shown
        if value not in (NONE, UNDEFINED)
    ]
    return tag("dl", *tiles, class_="tiles")


def _given(words: str) -> str | None:
    return None if words == NONE else words


def _metrics(entry: Entry, baseline: Entry | None) -> Markup:
    beside = None if baseline is None or entry.kind == BASELINE else baseline.metrics
    header = ["Hold-out", entry.target, *([] if beside is None else ["equal weight"])]
    rows = [
        [said(name), number(name, value), *([] if beside is None else [number(name, beside.get(name))])]
        for name, value in entry.metrics.items()
    ]
    return table(header, rows, "Metrics")


def _intervals(entry: Entry) -> Markup | None:
    if not entry.intervals:
        return None
    rows = [
        [
            said(name.replace(EXCESS, "excess_a_year")),
            number(name, part.get("estimate")),
            f"{number(name, part['low'])} to {number(name, part['high'])}" if part.get("low") is not None else "none",
            {True: "yes", False: "no"}.get(part.get("covers_zero"), str(part.get("reason") or UNDEFINED)),
        ]
        for name, part in entry.intervals.items()
    ]
    confidence = next(iter(entry.intervals.values())).get("confidence", 0.95)
    return table(["", "estimate", f"{confidence:.0%} interval", "covers zero"], rows, "Intervals, by block bootstrap")


def _guard(entry: Entry) -> Markup | None:
    rows = [[said(name), number(name, value)] for name, value in entry.guard.items()]
    return table(["", "value"], rows, "Guards and cooldowns") if rows else None


def _significance(entry: Entry) -> Markup | None:
    if not entry.significance:
        return None
    found = significance_table(entry.significance, said)
    return table(found.header, [map(_unticked, row) for row in found.rows], found.title, "plain explained")


def _unticked(words: str) -> str:
    """Return Markdown's words without the marks of code."""
    return words.replace("`", "")


def _facts(row: Row) -> Markup:
    """Return how the row came about: the policy, what it had seen, and which code judged it when."""
    entry = row.entry
    lines: dict[str, Any] = {
        "system": entry.system,
        "policy": entry.kind,
        "options": inline(entry.options),
        **{said(name): inline(value) for name, value in entry.policy.items() if name != "kind"},
        "steps seen before": _seen(entry.seen_steps),
        "judged": f"{moment(entry.recorded_at)}, benchmark {entry.benchmark}",
        "code": _code(entry.provenance),
    }
    drawn = [join([tag("dt", name), tag("dd", _cut(str(words)))]) for name, words in lines.items() if words]
    return tag("details", tag("summary", "Policy and provenance"), tag("dl", *drawn), open=True)


def _seen(steps: Mapping[str, int]) -> str:
    """Return how much of what it is judged on a policy had seen, and how."""
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
    """Return a time stamp in UTC as people write it, to the minute."""
    return f"{stamp[:16].replace('T', ' ')} UTC" if len(stamp) >= 16 else stamp
