"""The table of one group: a row for every target, with the value by which each cell is sorted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

from rlx.board.standing import BASELINE, Group, Row
from rlx.measures.statistics import EXCESS
from rlx.report.board_rows import NONE, BoardColumn, board_metrics, columns, interval_of, places_won
from rlx.report.charts.scale import Scale
from rlx.report.numbers import is_fraction
from rlx.report.page.small import interval_bar, interval_scale, spark_line

Cell = dict[str, Any]
Scales = Mapping[str, Scale]

PLACE = ("rank", "change", "target", "system", "score", "score_per_day", "score_change", "multiple")
ONLY_HERE = {
    "system": BoardColumn("system", lambda row: row.entry.system, left=True, falling=False),
    "equity": BoardColumn(
        "value of 1", lambda row: NONE, value=lambda row: row.entry.equity[-1] if row.entry.equity else None
    ),
}


@cache
def page_columns() -> dict[str, BoardColumn]:
    """Return the columns of the page by name."""
    sure, plain = board_metrics()
    shown, known = (*PLACE, *sure, "excess", "p_value", "dsr", *plain, "equity"), columns() | ONLY_HERE
    return {name: known[name] for name in shown}


def board_table(group: Group, ids: Mapping[str, str], with_report: Collection[str]) -> dict[str, Any]:
    """Return the values for the template; ``ids`` are row ids by target, ``with_report`` targets that have a report.

    Rows without rank are in a separate body, so that sorting leaves them at the end.
    """
    scales = {name: interval_scale([interval_of(row, key) for row in group.rows]) for name, key in _intervals().items()}
    bodies: dict[str, list[dict[str, Any]]] = {"ranked": [], "unranked": []}
    for row in group.rows:
        target, body = row.entry.target, bodies["unranked" if row.rank is None else "ranked"]
        body.append(_row(row, ids[target], target in with_report, scales))
    return {
        "label": f"Targets of key {group.key}",
        "heads": [_head(name, column) for name, column in page_columns().items()],
        "bodies": [(name, rows) for name, rows in bodies.items() if rows or name == "ranked"],
        "note": _note(scales),
    }


def _intervals() -> dict[str, str]:
    """Return column -> the interval that is drawn in it."""
    return {name: name for name in board_metrics()[0]} | {"excess": EXCESS}


def _head(name: str, column: BoardColumn) -> dict[str, Any]:
    how = {
        "class": "words" if column.left else None,
        "data-falling": "" if column.falling else None,
        "aria-sort": "ascending" if name == "rank" else None,
    }
    return {"words": column.spelt or column.heading, "how": how}


def _row(row: Row, id_: str, opens: bool, scales: Scales) -> dict[str, Any]:
    entry, names = row.entry, list(page_columns())
    failed = entry.failure is not None
    cells = [_cell(name, row, scales) for name in (PLACE[:4] if failed else names)]
    cells[2] = _target(row, id_ if opens else "")
    if failed:
        how = {"class": "reason", "colspan": len(names) - len(cells)}
        cells.append({"kind": "reason", "tag": "td", "how": how, "words": f"Not judged: {entry.failure}"})
    kind = "failed" if failed else "baseline" if entry.kind == BASELINE else ""
    return {"id": id_, "class_": kind, "find": f"{entry.target}\n{entry.system}".lower(), "cells": cells}


def _target(row: Row, link: str) -> Cell:
    """Return the cell of the name: a link if there is a report, and below it the reason if there is no rank."""
    notes = [row.entry.unranked] if row.entry.unranked else []
    if not link and row.entry.failure is None:
        notes.append("no report")
    cell = {"kind": "target", "tag": "th", "how": {"scope": "row"}, "words": row.entry.target}
    return {**cell, "link": link, "notes": "; ".join(notes)}


def _cell(name: str, row: Row, scales: Scales) -> Cell:
    column = page_columns()[name]
    value = column.sorted_by(row)
    how = {"class": "words" if column.left else None, "data-v": None if value is None else f"{float(value):.10g}"}
    return {"tag": "td", "how": how, "words": column.text(row), **_content(name, row, scales)}


def _content(name: str, row: Row, scales: Scales) -> Cell:
    """Return the kind of a cell, and the values that it needs besides its words."""
    if name == "system":
        return {"kind": "system"}
    if name == "equity" and row.entry.equity:
        return {"kind": "spark", "line": spark_line(row.entry.equity)}
    if name == "change":
        return _moved(row)
    if name not in scales:
        return {"kind": "words"}
    interval = interval_of(row, _intervals()[name])
    if interval.get("low") is None:
        return {"kind": "alone"}
    ends = columns()[f"{name}_interval"].text(row)
    return {"kind": "interval", "bar": interval_bar(interval, scales[name]), "ends": ends}


def _moved(row: Row) -> Cell:
    moved = places_won(row)
    if not moved:
        return {"kind": "new" if moved is None and row.rank is not None else "words"}
    way = "up" if moved > 0 else "down"
    return {"kind": "moved", "way": way, "said": f"{way} {abs(moved):.0f}"}


def _note(scales: Scales) -> str:
    runs = [_runs(scale, is_fraction(_intervals()[name]), columns()[name].heading) for name, scale in scales.items()]
    return f"Interval bars of this table run {' and '.join(runs)}; the vertical line is zero."


def _runs(scale: Scale, percent: bool, heading: str) -> str:
    low, high = (f"{end:+.0%}" if percent else f"{end:.2f}" for end in (scale.low, scale.high))
    return f"from {low} to {high} ({heading})"
