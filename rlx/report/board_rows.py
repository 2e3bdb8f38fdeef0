"""The text and numbers of a row of the scoreboard: the same on the terminal, in Markdown and on the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from functools import cache
from typing import Any

from rlx.board.standing import Group, Pool, Row
from rlx.measures.metric import Metric
from rlx.measures.performance import tagged
from rlx.measures.statistics import EXCESS
from rlx.report.numbers import comparison, is_fraction, spelt_out
from rlx.report.tables import Column, Table

NONE = "-"


@dataclass(frozen=True)
class BoardColumn(Column[Row]):
    """A column of the board; the page sorts it by ``value``, or by its cell, with the highest first if ``falling``.

    ``spelt`` is its heading on the page, if that differs. A target that failed has only its columns of words.
    """

    _: KW_ONLY
    value: Callable[[Row], float | None] | None = None
    falling: bool = True
    spelt: str = ""

    def text(self, row: Row) -> str:
        """Return the cell of a row."""
        return super().text(row) if row.entry.failure is None or self.left else NONE

    def sorted_by(self, row: Row) -> float | None:
        """Return the number that a row is sorted by; None if it has none, as in columns of words."""
        found = (self.value or self.cell)(row)
        return None if isinstance(found, str) else found


PLACE = {
    "rank": BoardColumn("rank", lambda row: row.rank, undefined=NONE, falling=False),
    "change": BoardColumn("change", lambda row: _rank_change(row), value=lambda row: places_won(row)),
    "target": BoardColumn("target", lambda row: row.entry.target, left=True, falling=False),
    "score": BoardColumn("score", lambda row: row.entry.score, measure="cumulative_return"),
    "score_change": BoardColumn("since last", lambda row: _signed_change(row), value=lambda row: _score_change(row)),
    "score_per_day": BoardColumn(
        "score/day", lambda row: row.entry.score_per_day, spec="+.3%", undefined=NONE, spelt="score a day"
    ),
    "multiple": BoardColumn(
        "x equal weight",
        lambda row: NONE if row.multiple is None else f"{row.multiple:.2f}x",
        value=lambda row: row.multiple,
        spelt="x\N{NO-BREAK SPACE}equal weight",
    ),
}
PROOF = {
    "excess": BoardColumn(
        "excess a year",
        lambda row: interval_of(row, EXCESS).get("estimate"),
        spec="+.1%",
        undefined=NONE,
        spelt="excess a year and interval",
    ),
    "excess_interval": BoardColumn("excess interval", lambda row: _interval_text(row, EXCESS)),
    "p_value": BoardColumn("p (Holm)", lambda row: row.p_value, spec=".3f", undefined=NONE, falling=False),
    "dsr": BoardColumn("DSR", lambda row: row.entry.significance.get("dsr"), spec=".2f", undefined=NONE),
}
POOLS: tuple[Column[Pool], ...] = (
    Column("system", lambda pool: pool.system, left=True),
    Column("seeds", lambda pool: f"{pool.seeds}, {pool.failed} failed" if pool.failed else str(pool.seeds)),
    Column("score (IQM)", lambda pool: pool.score, measure="cumulative_return"),
    Column("lowest", lambda pool: pool.lowest, measure="cumulative_return"),
    Column("highest", lambda pool: pool.highest, measure="cumulative_return"),
    Column("Sharpe (IQM)", lambda pool: pool.sharpe, measure="sharpe"),
    Column("ahead of equal weight", lambda pool: f"{pool.ahead} of {pool.seeds}"),
)


@cache
def columns() -> dict[str, BoardColumn]:
    """Return the columns by name: place, metrics with an interval, statistical evidence, and other metrics."""
    sure, plain = board_metrics()
    with_intervals: dict[str, BoardColumn] = {}
    for name, metric in sure.items():
        with_intervals |= {name: _measured(metric, f"{metric.heading} and interval")}
        with_intervals |= {f"{name}_interval": _interval(metric)}
    return PLACE | with_intervals | PROOF | {name: _measured(one, spelt_out(one)) for name, one in plain.items()}


def board_metrics() -> tuple[dict[str, Metric], dict[str, Metric]]:
    """Return the metrics of a board by name: those with an interval, and those without."""
    intervals, metrics = tagged("interval"), tagged("board").items()
    sure = {name: metric for name, metric in metrics if name in intervals}
    return sure, {name: metric for name, metric in metrics if name not in intervals}


def _measured(metric: Metric, spelt: str) -> BoardColumn:
    return BoardColumn(
        metric.heading,
        lambda row: row.entry.metrics.get(metric.name),
        measure=metric.name,
        falling=metric.better != "lower",
        spelt=spelt,
    )


def _interval(metric: Metric) -> BoardColumn:
    return BoardColumn(f"{metric.heading} interval", lambda row: _interval_text(row, metric.name))


def row_cells(row: Row) -> dict[str, str]:
    """Return the cells of a judged target by column; one that failed has only its name."""
    return {name: column.text(row) for name, column in columns().items()}


def pool_table(group: Group) -> Table:
    """Return a table with a row for each system that has several seeds."""
    return Table.of(POOLS, group.pools, "Systems of several seeds")


def failures(group: Group) -> list[str]:
    """Return the targets that could not be judged, with the reason."""
    return [f"{row.entry.target}: {row.entry.failure}" for row in group.rows if row.entry.failure is not None]


def interval_of(row: Row, name: str) -> Mapping[str, Any]:
    """Return the interval of a measure as the entry has it; an empty mapping if there is none."""
    found: Mapping[str, Any] = row.entry.intervals.get(name, {})
    return found


def places_won(row: Row) -> float | None:
    """Return how many places a target has moved up since the last benchmark."""
    return None if row.rank is None or row.rank_before is None else row.rank_before - row.rank


def _rank_change(row: Row) -> str:
    """Return how a target has moved since the last benchmark: up, down, not at all, or that it is new."""
    moved = places_won(row)
    if moved is None:
        return NONE if row.rank is None else "new"
    return "=" if moved == 0 else f"{'▲' if moved > 0 else '▼'}{abs(moved):.0f}"


def _score_change(row: Row) -> float | None:
    return None if row.score_before is None or row.entry.score is None else row.entry.score - row.score_before


def _signed_change(row: Row) -> str:
    """Return the change of the score since the last benchmark in percentage points."""
    change = _score_change(row)
    if change is None:
        return NONE
    return "=" if abs(100.0 * change) < 0.005 else f"{100.0 * change:+.2f} pp"


def group_title(group: Group) -> str:
    """Return what the rows of a group share: the data, the dates of the hold-out, and the key."""
    data, holdout = group.shared["data"], group.shared["key"]["windows"]["holdout"]
    return (
        f"{data['source'] or 'a panel'}: {len(data['symbols'])} symbols, {data['frequency']} bars, "
        f"{comparison(holdout, group.key)}"
    )


def conclusions(group: Group) -> list[str]:
    """Return the conclusions of a group, one per sentence; first, who beat equal weight beyond chance."""
    tested = [row for row in group.rows if row.p_value is not None]
    confidence = next((row.entry.significance.get("confidence", 0.95) for row in tested), 0.95)
    beyond = [row.entry.target for row in tested if row.p_value is not None and row.p_value <= 1.0 - confidence]
    failed = [row for row in group.rows if row.entry.failure is not None]
    said = []
    if tested:
        which = ", ".join(beyond) if beyond else "none"
        said.append(
            f"After Holm's correction for {len(tested)} competitors, these beat equal weight beyond chance at the "
            f"{1.0 - confidence:.0%} level: {which}."
        )
    said += [f"{row.entry.target} has no rank: {row.entry.unranked}." for row in group.rows if row.entry.unranked]
    said += [line for row in group.rows for line in _references(row, group)]
    if failed:
        said.append(f"{len(failed)} of {len(group.rows)} targets could not be judged.")
    return said


def _references(row: Row, group: Group) -> list[str]:
    """Return what was really earned according to a record, and the competitors' daily scores in multiples of that."""
    if not row.entry.references:
        return []
    known = [fact for fact in row.entry.references if fact["value"] is not None]
    facts = [f"{_spoken(fact['name'])} {fact['value']:,.6g} ({fact['unit']})" for fact in known]
    said = [f"{row.entry.target} is a reference: {', '.join(facts)}."]
    earned = row.entry.recorded_return_per_day
    if earned is not None and earned > 0.0:
        days = {other.entry.target: other.entry.score_per_day for other in group.rows if other.rank is not None}
        multiples = [f"{name} {score / earned:.2f}x" for name, score in days.items() if score is not None]
        said.append(
            f"Score a day in multiples of what {row.entry.target} earned a business day: {', '.join(multiples)}."
        )
    return said


def _spoken(name: str) -> str:
    return name.removeprefix("production_").replace("_", " ")


def _interval_text(row: Row, name: str) -> str:
    interval = interval_of(row, name)
    if interval.get("low") is None:
        return NONE
    if is_fraction(name):
        return f"{interval['low']:+.1%} to {interval['high']:+.1%}"
    return f"{interval['low']:.2f} to {interval['high']:.2f}"
