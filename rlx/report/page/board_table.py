"""The table of one group: a row for every target, with the value that each cell is sorted by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from rlx.board.standing import BASELINE, Group, Row
from rlx.measures.metric import Metric
from rlx.measures.statistics import EXCESS
from rlx.report.board_rows import PLACE as BEFORE
from rlx.report.board_rows import PROOF, board_metrics, row_cells
from rlx.report.numbers import is_fraction, spelt_out
from rlx.report.page.html import Markup, breakable, join, tag, text, unseen
from rlx.report.page.scale import Scale
from rlx.report.page.small import interval_bar, interval_scale, spark_line


@dataclass(frozen=True)
class Column:
    """A column: its heading, whether a first click puts the highest on top, and the number that it sorts by."""

    heading: str
    falling: bool
    value: Callable[[Row], float | None] | None = None

    @property
    def is_text(self) -> bool:
        """Whether it is sorted by its words."""
        return self.value is None


PLACE: dict[str, Column] = {
    "rank": Column(BEFORE["rank"], False, lambda row: row.rank),
    "change": Column(BEFORE["change"], True, lambda row: _places(row)),
    "target": Column(BEFORE["target"], False),
    "system": Column("system", False),
    "score": Column(BEFORE["score"], True, lambda row: row.entry.score),
    "score_per_day": Column("score a day", True, lambda row: row.entry.score_per_day),
    "score_change": Column(BEFORE["score_change"], True, lambda row: _score_change(row)),
    "multiple": Column("x\N{NO-BREAK SPACE}equal weight", True, lambda row: row.multiple),
}
PROVEN: dict[str, Column] = {
    "excess": Column("excess a year and interval", True, lambda row: _interval(row, EXCESS).get("estimate")),
    "p_value": Column(PROOF["p_value"], False, lambda row: row.p_value),
    "dsr": Column(PROOF["dsr"], True, lambda row: row.entry.significance.get("dsr")),
}
EQUITY = Column("value of 1", True, lambda row: row.entry.equity[-1] if row.entry.equity else None)


@cache
def page_columns() -> dict[str, Column]:
    """Return column -> what stands in its head and what it is sorted by."""
    sure, plain = board_metrics()
    with_intervals = {name: _measured(metric, f"{metric.heading} and interval") for name, metric in sure.items()}
    others = {name: _measured(metric, spelt_out(metric)) for name, metric in plain.items()}
    return PLACE | with_intervals | PROVEN | others | {"equity": EQUITY}


def _measured(metric: Metric, heading: str) -> Column:
    return Column(heading, metric.better != "lower", lambda row: row.entry.metrics.get(metric.name))


def _intervals() -> dict[str, str]:
    """Return column -> the interval that is drawn in it."""
    return {name: name for name in board_metrics()[0]} | {"excess": EXCESS}


def board_table(group: Group, ids: Mapping[str, str], with_report: Mapping[str, bool]) -> Markup:
    """Return the table; ``ids`` has each row's id by target, ``with_report`` whether it opens.

    What has no rank stands in a body of its own, so that sorting leaves it at the end.
    """
    scales = {name: interval_scale([_interval(row, key) for row in group.rows]) for name, key in _intervals().items()}
    head = tag("tr", *(_heading(name, column) for name, column in page_columns().items()))
    rows = [(row, _row(row, ids[row.entry.target], with_report[row.entry.target], scales)) for row in group.rows]
    ranked = [drawn for row, drawn in rows if row.rank is not None]
    others = [drawn for row, drawn in rows if row.rank is None]
    body = [tag("tbody", join(ranked, "\n"), class_="ranked")]
    if others:
        body.append(tag("tbody", join(others, "\n"), class_="unranked"))
    label = f"Targets of key {group.key}"
    caption = tag("caption", f"{label}; press a heading to sort, a target to open its report", class_="unseen")
    drawn = tag("table", caption, tag("thead", head), *body, class_="board")
    return join([tag("div", drawn, class_="scroll tall", tabindex=0, role="region", aria_label=label), _scales(scales)])


def _heading(name: str, column: Column) -> Markup:
    mark = tag("span", "", class_="order", aria_hidden="true")
    return tag(
        "th",
        tag("button", column.heading, mark, type="button"),
        scope="col",
        class_="words" if column.is_text else None,
        data_falling=column.falling,
        aria_sort="ascending" if name == "rank" else None,
    )


def _row(row: Row, id_: str, opens: bool, scales: Mapping[str, Scale]) -> Markup:
    cells = row_cells(row)
    drawn = [_cell(name, row, cells, scales) for name in ("rank", "change")]
    drawn += [
        _target(row, id_, opens),
        tag("td", tag("span", breakable(row.entry.system), class_="name"), class_="words"),
    ]
    if row.entry.failure is not None:
        drawn.append(_reason(f"Not judged: {row.entry.failure}", colspan=len(page_columns()) - len(drawn)))
    else:
        drawn += [_cell(name, row, cells, scales) for name in list(page_columns())[len(drawn) :]]
    kind = "failed" if row.entry.failure is not None else "baseline" if row.entry.kind == BASELINE else None
    return tag("tr", *drawn, id=id_, class_=kind, data_find=f"{row.entry.target}\n{row.entry.system}".lower())


def _reason(words: str, colspan: int) -> Markup:
    return tag("td", tag("span", words), class_="reason", colspan=colspan)


def _target(row: Row, id_: str, opens: bool) -> Markup:
    """Return the name: a link where there is a report, and for what has no rank the reason under it."""
    name = breakable(row.entry.target)
    if opens:
        name = tag("a", name, href=f"#{id_}", class_="open")
    notes = [row.entry.unranked] if row.entry.unranked else []
    if not opens and row.entry.failure is None:
        notes.append("no report")
    under = tag("small", "; ".join(notes)) if notes else None
    return tag("th", tag("span", name, class_="name"), under, scope="row")


def _cell(name: str, row: Row, cells: Mapping[str, str], scales: Mapping[str, Scale]) -> Markup:
    column = page_columns()[name]
    value = None if column.value is None else column.value(row)
    return tag("td", _content(name, row, cells, scales), data_v=None if value is None else float(value))


def _content(name: str, row: Row, cells: Mapping[str, str], scales: Mapping[str, Scale]) -> Markup:
    if name == "equity":
        return spark_line(row.entry.equity) if row.entry.equity else text("-")
    if name == "change":
        return _moved(row, cells[name])
    if (drawn := _intervals().get(name)) is None:
        return text(cells[name])
    interval = _interval(row, drawn)
    if interval.get("low") is None:
        return tag("span", tag("span", cells[name]), tag("span", ""), class_="with")
    bar = interval_bar(interval, scales[name])
    words = unseen(f", interval {cells[f'{name}_interval']}")
    return tag(
        "span",
        tag("span", cells[name]),
        bar,
        words,
        class_="with",
        title=f"{cells[name]} ({cells[f'{name}_interval']})",
    )


def _moved(row: Row, written: str) -> Markup:
    moved = _places(row)
    if not moved:
        return tag("span", written, class_="new" if written == "new" else None)
    way, class_ = ("up", "up") if moved > 0 else ("down", "down")
    return join([tag("span", written, class_=class_, aria_hidden="true"), unseen(f"{way} {abs(moved):.0f}")])


def _scales(scales: Mapping[str, Scale]) -> Markup:
    headings = {name: metric.heading for name, metric in board_metrics()[0].items()} | {"excess": PROOF["excess"]}
    runs = [_runs(scale, is_fraction(_intervals()[name]), headings[name]) for name, scale in scales.items()]
    return tag("p", f"Interval bars of this table run {' and '.join(runs)}; the upright line is zero.", class_="note")


def _runs(scale: Scale, percent: bool, heading: str) -> str:
    low, high = (f"{end:+.0%}" if percent else f"{end:.2f}" for end in (scale.low, scale.high))
    return f"from {low} to {high} ({heading})"


def _interval(row: Row, name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = row.entry.intervals.get(name, {})
    return found


def _places(row: Row) -> float | None:
    return None if row.rank is None or row.rank_before is None else float(row.rank_before - row.rank)


def _score_change(row: Row) -> float | None:
    return None if row.score_before is None or row.entry.score is None else row.entry.score - row.score_before
