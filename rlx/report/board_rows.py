"""What a row of the scoreboard says, in words and numbers: the same on the terminal, in Markdown and on the page."""

from __future__ import annotations

from rlx.board.standing import Group, Pool, Row
from rlx.measures.metric import Metric
from rlx.measures.performance import tagged
from rlx.measures.statistics import EXCESS
from rlx.report.numbers import is_fraction, number

PLACE = {
    "rank": "rank",
    "change": "change",
    "target": "target",
    "score": "score",
    "score_change": "since last",
    "score_per_day": "score/day",
    "multiple": "x equal weight",
}
PROOF = {"excess": "excess a year", "excess_interval": "excess interval", "p_value": "p (Holm)", "dsr": "DSR"}
NONE = "-"


def columns() -> dict[str, str]:
    """Return column -> its heading: the place, metrics that have an interval, what is proven, and other metrics."""
    sure, plain = board_metrics()
    with_intervals: dict[str, str] = {}
    for name, metric in sure.items():
        with_intervals |= {name: metric.heading, f"{name}_interval": f"{metric.heading} interval"}
    return PLACE | with_intervals | PROOF | {name: metric.heading for name, metric in plain.items()}


def board_metrics() -> tuple[dict[str, Metric], dict[str, Metric]]:
    """Return the metrics of a board by name, those with an interval and those without."""
    intervals, metrics = tagged("interval"), tagged("board").items()
    sure = {name: metric for name, metric in metrics if name in intervals}
    return sure, {name: metric for name, metric in metrics if name not in intervals}


def row_cells(row: Row) -> dict[str, str]:
    """Return the cells of a judged target by column; one that failed has its rank and name alone."""
    entry = row.entry
    cells = dict.fromkeys(columns(), NONE) | {
        "target": entry.target,
        "rank": NONE if row.rank is None else str(row.rank),
    }
    if entry.failure is not None:
        return cells
    sure, plain = board_metrics()
    measured = {name: number(name, entry.metrics.get(name)) for name in (*sure, *plain)}
    intervals = {f"{name}_interval": _interval(row, name) for name in sure}
    return cells | {
        "change": rank_change(row),
        "score": number("cumulative_return", entry.score),
        "score_change": signed_change(row),
        "score_per_day": NONE if entry.score_per_day is None else f"{entry.score_per_day:+.3%}",
        "multiple": NONE if row.multiple is None else f"{row.multiple:.2f}x",
        "excess": _percent(entry.intervals.get(EXCESS, {}).get("estimate")),
        "excess_interval": _interval(row, EXCESS),
        "p_value": NONE if row.p_value is None else f"{row.p_value:.3f}",
        "dsr": NONE if (dsr := entry.significance.get("dsr")) is None else f"{dsr:.2f}",
        **measured,
        **intervals,
    }


def rank_change(row: Row) -> str:
    """Return how many places a target has moved since the last benchmark: up, down, unmoved, or new."""
    if row.rank is None:
        return NONE
    if row.rank_before is None:
        return "new"
    moved = row.rank_before - row.rank
    return "=" if moved == 0 else f"{'▲' if moved > 0 else '▼'}{abs(moved)}"


def signed_change(row: Row) -> str:
    """Return the change of the score since the last benchmark in percentage points."""
    if row.score_before is None or row.entry.score is None:
        return NONE
    points = 100.0 * (row.entry.score - row.score_before)
    return "=" if abs(points) < 0.005 else f"{points:+.2f} pp"


def pool_cells(pool: Pool) -> dict[str, str]:
    """Return the cells of a system of several seeds, by heading."""
    return {
        "system": pool.system,
        "seeds": str(pool.seeds) if not pool.failed else f"{pool.seeds}, {pool.failed} failed",
        "score (IQM)": number("cumulative_return", pool.score),
        "lowest": number("cumulative_return", pool.lowest),
        "highest": number("cumulative_return", pool.highest),
        "Sharpe (IQM)": number("sharpe", pool.sharpe),
        "ahead of equal weight": f"{pool.ahead} of {pool.seeds}",
    }


def group_title(group: Group) -> str:
    """Return what the rows of a group have in common: the data, the hold-out's dates, and the key."""
    key, data = group.shared["key"], group.shared["data"]
    holdout = key["windows"]["holdout"]
    return (
        f"{data['source'] or 'a panel'}: {len(data['symbols'])} symbols, {data['frequency']} bars, "
        f"{holdout['first'][:10]} to {holdout['last'][:10]}, {holdout['steps']} steps, key {group.key}"
    )


def conclusions(group: Group) -> list[str]:
    """Return what the group allows one to say, a sentence each; first, who beat equal weight beyond chance."""
    tested = [row for row in group.rows if row.p_value is not None]
    confidence = next((row.entry.significance.get("confidence", 0.95) for row in tested), 0.95)
    beyond = [row.entry.target for row in tested if row.p_value is not None and row.p_value <= 1.0 - confidence]
    failed = [row for row in group.rows if row.entry.failure is not None]
    said = []
    if tested:
        which = ", ".join(beyond) if beyond else "none"
        said.append(
            f"Of {len(tested)} competitors beside equal weight, corrected for their number (Holm), these beat it "
            f"beyond chance at the {1.0 - confidence:.0%} level: {which}."
        )
    said += [f"{row.entry.target} has no rank: {row.entry.unranked}." for row in group.rows if row.entry.unranked]
    said += [line for row in group.rows for line in _references(row, group)]
    if failed:
        said.append(f"{len(failed)} of {len(group.rows)} targets could not be judged.")
    return said


def _references(row: Row, group: Group) -> list[str]:
    """Return what a record says was really earned, and what the competitors' scores a day are of that."""
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


def _interval(row: Row, name: str) -> str:
    interval = row.entry.intervals.get(name, {})
    if interval.get("low") is None:
        return NONE
    if is_fraction(name):
        return f"{interval['low']:+.1%} to {interval['high']:+.1%}"
    return f"{interval['low']:.2f} to {interval['high']:.2f}"


def _percent(value: float | None) -> str:
    return NONE if value is None else f"{value:+.1%}"
