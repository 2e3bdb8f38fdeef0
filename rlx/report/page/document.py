"""The whole page: a section for each group, the reports as templates, and one embedded style sheet and script."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlx.board.standing import Group, Row
from rlx.board.store import report_path
from rlx.errors import RlxError
from rlx.report.board_rows import conclusions, pool_table
from rlx.report.charts.scale import Scale
from rlx.report.numbers import dates
from rlx.report.page.board_table import board_table
from rlx.report.page.report import moment, report
from rlx.report.page.series import Series
from rlx.report.page.small import interval_bar
from rlx.report.page.templates import asset, content_policy, render
from rlx.report.page.words import EXAMPLES, glossary, heading, shared_by

TITLE = "Scoreboard"


def render_page(groups: Sequence[Group], board: str | Path) -> str:
    """Return the page of the board in the file ``board``; the page states which reports cannot be read, and why.

    The same board and reports always give the same page, byte for byte.
    """
    style, script = asset("page.css"), asset("page.js")
    scale = Scale(-1.0, 2.0, ())
    values = {
        "title": TITLE,
        "line": _line([row for group in groups for row in group.rows], len(groups)),
        "links": [(group.key, ": ".join(heading(group))) for group in groups] if len(groups) > 1 else [],
        "examples": [(interval_bar(interval, scale), words) for interval, words in EXAMPLES],
        "groups": [_section(group, board) for group in groups],
        "glossary": glossary({name for group in groups for row in group.rows for name in row.entry.metrics}),
        "policy": content_policy(style, script),
        "style": style,
        "script": script,
    }
    return render("page.html", values)


def row_ids(group: Group) -> dict[str, str]:
    """Return a unique id for each target, which can be part of an address."""
    ids: dict[str, str] = {}
    alike: Counter[str] = Counter()
    for target in sorted(row.entry.target for row in group.rows):
        base = f"{group.key}-{re.sub(r'[^A-Za-z0-9._]+', '-', target).strip('-') or 'target'}"
        alike[base] += 1
        ids[target] = base if alike[base] == 1 else f"{base}--{alike[base]}"  # no other id ends with that
    return ids


def _line(rows: Sequence[Row], tables: int) -> str:
    words = f"{len(rows)} targets in {tables} {'table' if tables == 1 else 'tables'}"
    return f"{words}, judged last {moment(max(row.entry.recorded_at for row in rows))}" if rows else words


def _section(group: Group, board: str | Path) -> dict[str, Any]:
    """Return the values of a group for the template: its table, and the reports that can be read."""
    ids, (title, line) = row_ids(group), heading(group)
    opened = {row.entry.target: _open(row, group, board) for row in group.rows}
    span = f"{title}, {dates(group.shared['key']['windows']['holdout'])}"
    reports = {name: one for name, one in opened.items() if isinstance(one, dict)}
    missing = [f"{name} has no report: {one}." for name, one in opened.items() if isinstance(one, str)]
    return {
        "key": group.key,
        "title": title,
        "line": f"{line}. Judged last {moment(max(row.entry.recorded_at for row in group.rows))}.",
        "sentences": conclusions(group) + missing,
        "board": board_table(group, ids, reports.keys()),
        "pools": [pool_table(group)] if group.pools else [],
        "shared": (f"What these rows have in common (key {group.key})", shared_by(group)),
        "reports": [{"id": ids[name], "title": name, "line": span, **one} for name, one in reports.items()],
    }


def _open(row: Row, group: Group, board: str | Path) -> dict[str, Any] | str | None:
    """Return the values of a row's report for the template, or why it cannot be read; None if there is no report."""
    try:
        path = report_path(board, row.entry)
        return None if path is None else report(row, group, Series.read(path))
    except RlxError as error:
        return str(error)
