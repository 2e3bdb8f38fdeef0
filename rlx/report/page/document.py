"""The whole page: a section for each group, the reports as templates, and one style sheet and script inside it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from rlx.board.standing import Group, Row
from rlx.board.store import report_path
from rlx.errors import RlxError
from rlx.report.board_rows import conclusions, pool_table
from rlx.report.page.board_table import board_table
from rlx.report.page.html import Markup, join, table, tag
from rlx.report.page.report import moment, report
from rlx.report.page.series import Series
from rlx.report.page.words import glossary, heading, key_block, legend

TITLE = "Scoreboard"


@dataclass(frozen=True)
class Opened:
    """A row's report, or why there is none."""

    fragment: Markup | None
    missing: str | None = None


def render_page(groups: Sequence[Group], board: str | Path) -> str:
    """Return the page of a board that lies at ``board``; a report that cannot be read is told, not raised.

    The same board and reports always give the same page, byte for byte.
    """
    sections, templates = [], []
    for group in groups:
        ids = row_ids(group)
        opened = {row.entry.target: _open(row, group, board) for row in group.rows}
        sections.append(_section(group, ids, opened))
        templates += [_template(row, group, ids, opened[row.entry.target]) for row in group.rows]
    style, script = asset("page.css"), asset("page.js")
    body = join(
        [
            _top(groups),
            tag("main", *(sections or [tag("p", "Nothing has been judged yet.", class_="none")])),
            tag("footer", glossary({name for group in groups for row in group.rows for name in row.entry.metrics})),
            _dialog(),
            *templates,
        ],
        "\n",
    )
    return f"<!DOCTYPE html>\n{tag('html', _head(style, script), tag('body', body), lang='en')}\n"


def row_ids(group: Group) -> dict[str, str]:
    """Return an id for each target that an address can name, never the same twice."""
    ids: dict[str, str] = {}
    alike: Counter[str] = Counter()
    for target in sorted(row.entry.target for row in group.rows):
        base = f"{group.key}-{re.sub(r'[^A-Za-z0-9._]+', '-', target).strip('-') or 'target'}"
        alike[base] += 1
        ids[target] = base if alike[base] == 1 else f"{base}--{alike[base]}"  # no name of its own ends so
    return ids


def asset(name: str) -> Markup:
    """Return a file that is shipped with the package."""
    return Markup(resources.files("rlx.report.page").joinpath("assets", name).read_text(encoding="utf-8"))


def _head(style: Markup, script: Markup) -> Markup:
    """Return the head; its policy lets nothing load, and only this style sheet and this script count."""
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", TITLE),
        tag("link", rel="icon", href="data:,"),
        tag("style", style),
        tag("script", script),
    )


def _digest(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


def _top(groups: Sequence[Group]) -> Markup:
    rows = [row for group in groups for row in group.rows]
    tools = (
        tag(
            "label",
            tag("span", "Filter targets", class_="unseen"),
            tag("input", type="search", id="filter", placeholder="Filter targets", autocomplete="off"),
        ),
        tag("span", "", id="found", role="status"),
        tag("button", "Theme: system", type="button", id="theme"),
    )
    last = max((row.entry.recorded_at for row in rows), default=None)
    words = f"{len(rows)} targets in {len(groups)} {'table' if len(groups) == 1 else 'tables'}"
    line = words if last is None else f"{words}, judged last {moment(last)}"
    links = [tag("a", ": ".join(heading(group)), href=f"#{group.key}") for group in groups]
    return tag(
        "header",
        tag("div", tag("h1", TITLE), tag("p", line, class_="line"), class_="title"),
        tag("div", *tools, class_="tools"),
        tag("nav", *links, aria_label="Tables") if len(groups) > 1 else None,
        legend(),
        tag("noscript", tag("p", "Sorting, filtering and reports need JavaScript; the tables do not.")),
    )


def _section(group: Group, ids: Mapping[str, str], opened: Mapping[str, Opened]) -> Markup:
    title, line = heading(group)
    judged = moment(max(row.entry.recorded_at for row in group.rows))
    return tag(
        "section",
        tag("h2", title),
        tag("p", f"{line}. Judged last {judged}.", class_="line"),
        tag("ul", *(tag("li", sentence) for sentence in _said(group, opened)), class_="conclusions"),
        board_table(group, ids, {name: one.fragment is not None for name, one in opened.items()}),
        _pools(group),
        key_block(group),
        id=group.key,
    )


def _said(group: Group, opened: Mapping[str, Opened]) -> Iterator[str]:
    """Yield the conclusions, and which reports could not be shown."""
    yield from conclusions(group)
    yield from (f"{name} has no report: {one.missing}." for name, one in opened.items() if one.missing is not None)


def _pools(group: Group) -> Markup | None:
    if not group.pools:
        return None
    pools = pool_table(group)
    return table(pools.header, pools.rows, pools.title, "plain pools")


def _open(row: Row, group: Group, board: str | Path) -> Opened:
    try:
        path = report_path(board, row.entry)
        return Opened(None if path is None else report(row, group, Series.read(path)))
    except RlxError as error:
        return Opened(None, str(error))


def _template(row: Row, group: Group, ids: Mapping[str, str], opened: Opened) -> Markup | None:
    """Return a report that is there but neither shown nor laid out before it is opened."""
    if opened.fragment is None:
        return None
    holdout = group.shared["key"]["windows"]["holdout"]
    line = f"{heading(group)[0]}, {holdout['first'][:10]} to {holdout['last'][:10]}"
    named = {"data_report": ids[row.entry.target], "data_title": row.entry.target, "data_line": line}
    return tag("template", opened.fragment, **named)


def _dialog() -> Markup:
    buttons = [
        tag("button", "\N{LEFTWARDS ARROW}", type="button", id="previous", aria_label="Report of the row above"),
        tag("button", "\N{RIGHTWARDS ARROW}", type="button", id="next", aria_label="Report of the row below"),
        tag("button", "Close", type="button", id="close"),
    ]
    names = tag("div", tag("h2", "", id="report-title"), tag("p", "", id="report-line", class_="line"))
    bar = tag("div", names, tag("div", *buttons, class_="buttons"), class_="bar")
    content = tag("div", "", id="report-body", tabindex=0)
    return tag("dialog", bar, content, id="report", aria_labelledby="report-title")
