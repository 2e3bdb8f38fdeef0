"""The table of one group: a row for every target, with the value that each cell is sorted by."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from rlx.board.standing import BASELINE, Group, Row
from rlx.measures.statistics import EXCESS
from rlx.report.board_rows import (
    NONE,
    PROOF,
    BoardColumn,
    board_metrics,
    columns,
    interval_of,
    places_won,
    row_cells,
)
from rlx.report.numbers import is_fraction
from rlx.report.page.html import Markup, breakable, join, tag, text, unseen
from rlx.report.page.scale import Scale
from rlx.report.page.small import interval_bar, interval_scale, spark_line

PLACE = ("rank", "change", "target", "system", "score", "score_per_day", "score_change", "multiple")
ONLY_HERE = {
    "system": BoardColumn("system", lambda row: row.entry.system, left=True, falling=False),
    "equity": BoardColumn(
        "value of 1", lambda row: NONE, value=lambda row: row.entry.equity[-1] if row.entry.equity else None
    ),
}


@cache
def page_columns() -> dict[str, BoardColumn]:
    """Return column -> what stands in its head and what it is sorted by."""
    sure, plain = board_metrics()
    return {
        name: (columns() | ONLY_HERE)[name] for name in (*PLACE, *sure, "excess", "p_value", "dsr", *plain, "equity")
    }


def _intervals() -> dict[str, str]:
    """Return column -> the interval that is drawn in it."""
    return {name: name for name in board_metrics()[0]} | {"excess": EXCESS}


def board_table(group: Group, ids: Mapping[str, str], with_report: Mapping[str, bool]) -> Markup:
    """Return the table; ``ids`` has each row's id by target, ``with_report`` whether it opens.

    What has no rank stands in a body of its own, so that sorting leaves it at the end.
    """
    scales = {name: interval_scale([interval_of(row, key) for row in group.rows]) for name, key in _intervals().items()}
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


def _heading(name: str, column: BoardColumn) -> Markup:
    mark = tag("span", "", class_="order", aria_hidden="true")
    return tag(
        "th",
        tag("button", column.spelt or column.heading, mark, type="button"),
        scope="col",
        class_="words" if column.left else None,
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
    value = page_columns()[name].sorted_by(row)
    return tag("td", _content(name, row, cells, scales), data_v=None if value is None else float(value))


def _content(name: str, row: Row, cells: Mapping[str, str], scales: Mapping[str, Scale]) -> Markup:
    if name == "equity":
        return spark_line(row.entry.equity) if row.entry.equity else text("-")
    if name == "change":
        return _moved(row, cells[name])
    if (drawn := _intervals().get(name)) is None:
        return text(cells[name])
    interval = interval_of(row, drawn)
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
    moved = places_won(row)
    if not moved:
        return tag("span", written, class_="new" if written == "new" else None)
    way, class_ = ("up", "up") if moved > 0 else ("down", "down")
    return join([tag("span", written, class_=class_, aria_hidden="true"), unseen(f"{way} {abs(moved):.0f}")])


def _scales(scales: Mapping[str, Scale]) -> Markup:
    headings = {name: metric.heading for name, metric in board_metrics()[0].items()} | {
        "excess": PROOF["excess"].heading
    }
    runs = [_runs(scale, is_fraction(_intervals()[name]), headings[name]) for name, scale in scales.items()]
    return tag("p", f"Interval bars of this table run {' and '.join(runs)}; the upright line is zero.", class_="note")


def _runs(scale: Scale, percent: bool, heading: str) -> str:
    low, high = (f"{end:+.0%}" if percent else f"{end:.2f}" for end in (scale.low, scale.high))
    return f"from {low} to {high} ({heading})"
