"""The scoreboard's page, read as a browser's parser reads it: all rows, all reports, nothing from outside."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pytest

from rlx.board.standing import Group, Row, rank_board
from rlx.board.store import REPORTS, Scoreboard
from rlx.cli import main as rlx
from rlx.measures.performance import tagged
from rlx.report.board_rows import NONE
from rlx.report.page.board_table import page_columns
from rlx.report.page.document import render_page, row_ids
from rlx.report.page.report import refits_table
from rlx.report.page.templates import asset
from rlx.report.scoreboard import write_board
from tests.board.entries import KEY, entry, shared
from tests.report.boards import HOSTILE, MESSAGE, make_board

HTML_VOID = {"input", "link", "meta", "wbr"}
LOADS = {"src", "srcset", "href", "xlink:href", "action", "formaction", "data", "poster", "background", "ping"}


@dataclass
class Node:
    """An element with its children; text is among them."""

    name: str
    attributes: dict[str, str | None]
    children: list[Node | str] = field(default_factory=list)

    def all(self, name: str, **wanted: str) -> list[Node]:
        """Return the elements of a name below, in order, that have all these attributes; a class is one of many."""
        return [node for node in self.walk() if node.name == name and all(node.has(*item) for item in wanted.items())]

    def has(self, key: str, value: str) -> bool:
        """Whether an attribute has a value."""
        found = self.attributes.get(key.rstrip("_").replace("_", "-"))
        return value in (found or "").split() if key == "class_" else found == value

    def walk(self) -> Iterator[Node]:
        """Yield all elements below."""
        for child in self.children:
            if isinstance(child, Node):
                yield child
                yield from child.walk()

    def text(self) -> str:
        """Return all text below."""
        return "".join(child if isinstance(child, str) else child.text() for child in self.children)


class Tree(HTMLParser):
    """Builds nodes and checks that every end tag closes the element that is open."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("", {})
        self.open = [self.root]
        self.feed(page)
        self.close()
        assert len(self.open) == 1, f"not closed: {self.open[-1].name}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        assert len({name for name, _ in attrs}) == len(attrs), (tag, attrs)
        node = Node(tag, dict(attrs))
        self.open[-1].children.append(node)
        if tag not in HTML_VOID:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Add an element without children."""
        self.open[-1].children.append(Node(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Close the element that is open."""
        assert self.open.pop().name == tag, tag

    def handle_data(self, data: str) -> None:
        """Add text."""
        self.open[-1].children.append(data)


@dataclass(frozen=True)
class Page:
    """A rendered board: its path, its groups, and the page as text and tree."""

    path: Path
    groups: list[Group]
    html: str
    root: Node

    @classmethod
    def of(cls, path: Path) -> Page:
        """Render a board."""
        groups = rank_board(Scoreboard.load(path))
        html = render_page(groups, path)
        return cls(path, groups, html, Tree(html).root)

    def table(self, group: Group) -> Node:
        """Return the table of a group."""
        (section,) = self.root.all("section", id=group.key)
        (table,) = section.all("table", class_="board")
        return table

    def report(self, group: Group, target: str) -> Node:
        """Return the report of a target."""
        (template,) = self.root.all("template", data_report=row_ids(group)[target])
        return template


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    """Return the page of a board with everything on it."""
    return Page.of(make_board(tmp_path_factory.mktemp("board")))


def test_one_section_a_key_the_last_judged_first(page: Page) -> None:
    assert [node.attributes["id"] for node in page.root.all("section")] == [group.key for group in page.groups]
    assert page.groups[0].rows[0].entry.benchmark == "third"
    guarded = page.root.all("section", id=page.groups[1].key)[0]
    (key,) = [node for node in guarded.all("details") if "have in common" in node.text()]
    for words in ("commission bps 7", "drawdown threshold 0.02", "intraday gross 1.6", "2020-01-20 to", "S0 S1 S2"):
        assert words in key.text(), words


def test_every_row_is_there_with_the_values_it_is_sorted_by(page: Page) -> None:
    for group in page.groups:
        rows = page.table(group).all("tbody")[0].all("tr") + page.table(group).all("tbody")[1].all("tr")
        assert [tr.all("th")[0].all("span", class_="name")[0].text() for tr in rows] == [
            row.entry.target for row in group.rows
        ]
        for tr, row in zip(rows, group.rows, strict=True):
            if row.entry.failure is not None:
                continue
            cells = [node for node in tr.children if isinstance(node, Node)]
            assert len(cells) == len(page_columns())
            for cell, name in zip(cells, page_columns(), strict=True):
                value = sorted_by(row).get(name)
                found = cell.attributes.get("data-v")
                assert (found is None) if value is None else float(found or "nan") == pytest.approx(value, rel=1e-9)


def sorted_by(row: Row) -> dict[str, float | None]:
    """Return the number that each column is sorted by."""
    entry, before = row.entry, row.rank_before
    assert entry.score is not None and entry.days is not None
    return {
        "rank": row.rank,
        "change": None if before is None or row.rank is None else before - row.rank,
        "score": entry.metrics["cumulative_return"],
        "score_per_day": (1.0 + entry.score) ** (1.0 / entry.days) - 1.0,
        "score_change": None if row.score_before is None else entry.score - row.score_before,
        "multiple": row.multiple,
        "excess": entry.intervals["annual_excess_over_equal_weight"]["estimate"],
        "p_value": row.p_value,
        "dsr": entry.significance["dsr"],
        **{name: entry.metrics[name] for name in tagged("board")},
        "equity": entry.equity[-1],
    }


def test_the_board_has_all_there_is_to_sort(page: Page) -> None:
    values = {name: set() for name in page_columns()}  # type: ignore[var-annotated]
    for group in page.groups:
        for row in group.rows:
            for name, column in page_columns().items():
                values[name] |= set() if column.value is None else {column.value(row)} - {None}
    assert all(len(found) > 1 for name, found in values.items() if page_columns()[name].value is not None), values


def test_what_has_no_rank_stands_below_with_the_reason(page: Page) -> None:
    guarded = page.table(page.groups[1])
    ranked, unranked = guarded.all("tbody")
    assert "broken" not in ranked.text() and "oracle_of_old" not in ranked.text()
    assert "an oracle that sees the future" in unranked.text()
    (broken,) = unranked.all("tr", class_="failed")
    assert MESSAGE in broken.text() and not broken.all("a")
    spanned = sum(int(cell.attributes.get("colspan") or 1) for cell in broken.all("td")) + len(broken.all("th"))
    assert spanned == len(page_columns())


def test_changes_since_the_last_benchmark_are_told_in_arrows_and_words(page: Page) -> None:
    rows = {tr.all("th")[0].text(): tr.text() for tr in page.table(page.groups[1]).all("tbody")[0].all("tr")}
    assert "new" in rows["shorts"]
    assert "▼2" in rows["tilted"] and "down 2" in rows["tilted"] and "-25.00 pp" in rows["tilted"]
    assert "▲3" in rows[HOSTILE] and "up 3" in rows[HOSTILE] and "+25.00 pp" in rows[HOSTILE]


def test_intervals_are_drawn_on_one_scale_with_zero(page: Page) -> None:
    for group in page.groups:
        drawings = [node for node in page.table(group).all("svg") if node.has("class_", "interval")]
        intervals = [
            row.entry.intervals[name]
            for row in group.rows
            if row.entry.failure is None
            for name in ("sharpe", "annual_excess_over_equal_weight")
            if row.entry.intervals[name]["low"] is not None
        ]
        assert len(drawings) == len(intervals) > 5
        for svg, interval in zip(drawings, intervals, strict=True):
            zero, span = svg.all("line")
            at = float(zero.attributes["x1"] or "nan")
            low, high = (float(span.attributes[name] or "nan") for name in ("x1", "x2"))
            assert (low < at) == (interval["low"] < 0.0) and (high < at) == (interval["high"] < 0.0)
            assert svg.has("class_", "clear") is not interval["covers_zero"]
        assert len({svg.all("line")[0].attributes["x1"] for svg in drawings}) == 2  # Sharpe's zero and the excess's


def test_a_report_has_every_chart_and_number(page: Page) -> None:
    group = page.groups[1]
    (row,) = [row for row in group.rows if row.entry.target == "shorts"]
    report = page.report(group, "shorts")
    titles = [node.text() for node in report.all("figcaption")]
    assert len(titles) == 8
    expected = ("Value of 1", "Drawdown", "Sharpe ratio", "Weights", "Monthly", "windows", "Guards", "gross to net")
    for title, words in zip(titles, expected, strict=True):
        assert words in title
    assert row.entry.verdict in report.text()
    for name, value in row.entry.metrics.items():
        if name == "sharpe":
            assert value is not None and f"{value:.2f}" in report.text()
    metrics = report.all("table")[1]  # the first one is the heat map
    assert len(metrics.all("tr")) == 1 + len(row.entry.metrics)
    for words in ("min track record steps", "0123456789ab with changes", "benchmark second", "steps seen before"):
        assert words in report.text(), words
    fired = row.entry.guard["drawdown_hit_rate"]
    assert fired is not None and 0.0 < fired < 1.0
    assert f"drawdown: fired on {fired:.1%} of the steps" in report.text()
    assert any(path.attributes["d"] for path in report.all("path", class_="fired"))


def test_shorts_are_drawn_below_zero_and_rest_is_pooled(page: Page) -> None:
    report = page.report(page.groups[0], "shorts")
    (chart,) = [node for node in report.all("figure") if "Weights" in node.all("figcaption")[0].text()]
    assert "4 others" in chart.text()  # of twelve, eight have their own colour
    (chart,) = chart.all("svg", class_="inside")
    starts = {
        int(re.match(r"M\d+ (\d+)l", node.attributes["d"] or "")[1])  # type: ignore[index]
        for node in chart.all("path", class_="layer")
    }
    assert len(starts) == 1 and 0 < min(starts) < 400  # zero lies inside
    downward = [node for node in chart.all("path") if re.match(r"M\d+ \d+l0 \d", node.attributes["d"] or "")]
    assert downward and len(downward) < len(chart.all("path", class_="layer"))


def test_charts_have_a_name_and_a_description(page: Page) -> None:
    for template in page.root.all("template"):
        for svg in template.all("svg", class_="chart"):
            assert svg.attributes["role"] == "img"
            assert svg.all("title")[0].text() and len(svg.all("desc")[0].text()) > 10
    for svg in page.root.all("svg"):
        assert "role" in svg.attributes or "aria-hidden" in svg.attributes or svg.has("class_", "inside")


def test_nothing_comes_from_outside_and_nothing_may(page: Page) -> None:
    for node in page.root.walk():
        for name, value in node.attributes.items():
            assert not name.startswith("on") and name != "style", (node.name, name)
            if name in LOADS:
                assert (value or "").startswith("#") or value == "data:,", (node.name, name, value)
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|import\(", asset("page.css") + asset("page.js"))
    (policy,) = page.root.all("meta", http_equiv="Content-Security-Policy")
    content = policy.attributes["content"] or ""
    assert content.startswith("default-src 'none'; ") and "unsafe" not in content and "http" not in content
    for name in ("style", "script"):
        (block,) = page.root.all(name)
        digest = base64.b64encode(hashlib.sha256(block.text().encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in content


def test_text_of_users_is_shown_and_never_run(page: Page) -> None:
    assert len(page.root.all("script")) == 1 and not page.root.all("img")
    assert HOSTILE in page.table(page.groups[0]).text()
    template = page.report(page.groups[0], HOSTILE)
    assert template.attributes["data-title"] == HOSTILE and HOSTILE in template.text()


def test_ids_are_those_of_one_row_each(page: Page) -> None:
    ids = [node.attributes["id"] for node in page.root.walk() if "id" in node.attributes]
    assert len(set(ids)) == len(ids)
    links = [node.attributes["href"] or "" for node in page.root.all("a", class_="open")]
    reports = [node.attributes["data-report"] for node in page.root.all("template")]
    assert sorted(link.removeprefix("#") for link in links) == sorted(filter(None, reports))
    assert len(reports) == 12 and set(reports) < set(ids)


def test_names_that_look_alike_in_an_address_have_ids_of_their_own() -> None:
    (group,) = rank_board(Scoreboard({KEY: shared()}, tuple(entry(name, 0.1) for name in ("a b", "a/b", "a-b", "é"))))
    ids = row_ids(group)
    assert set(ids) == {"a b", "a/b", "a-b", "é"} and len(set(ids.values())) == 4
    assert all(re.fullmatch(rf"{KEY}-[A-Za-z0-9._-]+", id_) for id_ in ids.values())


def test_systems_are_pooled(page: Page) -> None:
    (pools,) = page.root.all("section", id=page.groups[0].key)[0].all("table", class_="pools")
    assert "seeds" in pools.all("tbody")[0].text() and "of 2" in pools.text()


def test_the_same_board_gives_the_same_page(page: Page) -> None:
    assert Page.of(page.path).html == page.html
    fresh = render_page(rank_board(Scoreboard.load(page.path)), page.path)
    assert fresh.encode() == page.html.encode()


def copied(page: Page, folder: Path) -> Path:
    """Return a copy of the board that may be damaged."""
    shutil.copytree(page.path.parent, folder / "board")
    return folder / "board" / page.path.name


DAMAGED = {
    "cut short": lambda text: text[: len(text) // 2],
    "no object": lambda text: "[1, 2]",
    "a day short": lambda text: json.dumps({**json.loads(text), "dates": json.loads(text)["dates"][1:]}),
    "no weights": lambda text: json.dumps({k: v for k, v in json.loads(text).items() if k != "weights"}),
    "words for numbers": lambda text: json.dumps({**json.loads(text), "costs": dict.fromkeys(("net",), "much")}),
    "nobody's": lambda text: json.dumps({**json.loads(text), "policy": "somebody"}),
    "no dates": lambda text: json.dumps({**json.loads(text), "dates": []}),
    "null": lambda text: "null",
}


@pytest.mark.parametrize("way", ["missing", *DAMAGED])
def test_a_report_that_cannot_be_read_is_told_and_leaves_its_row(page: Page, tmp_path: Path, way: str) -> None:
    path = copied(page, tmp_path)
    group = page.groups[0]
    target = next(row.entry for row in group.rows if row.entry.target == "tilted")
    assert target.report is not None
    report = path.parent / REPORTS / target.report
    if way == "missing":
        report.unlink()
    else:
        report.write_text(DAMAGED[way](report.read_text()))
    damaged = Page.of(path)
    assert not damaged.root.all("template", data_report=row_ids(group)["tilted"])
    (row,) = damaged.root.all("tr", id=row_ids(group)["tilted"])
    assert not row.all("a") and "no report" in row.all("th")[0].text()
    assert f"tilted has no report: {report}: " in damaged.root.all("section", id=group.key)[0].text()
    assert len(damaged.root.all("template")) == 11


def test_write_board_writes_both_whole_and_returns_them(page: Page, tmp_path: Path) -> None:
    path = copied(page, tmp_path)
    written = write_board(path, Scoreboard.load(path))
    assert [file.name for file in written] == ["scoreboard.md", "scoreboard.html"]
    assert written[1].read_text(encoding="utf-8") == page.html.replace(str(page.path.parent), str(path.parent))
    assert not list(path.parent.glob(".*.tmp"))


def test_rlx_board_writes_the_pages_again(page: Page, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = copied(page, tmp_path)
    with pytest.raises(SystemExit) as stop:
        rlx(["board", str(path)])
    assert stop.value.code == 0
    assert capsys.readouterr().out.split() == [str(path.with_suffix(".md")), str(path.with_suffix(".html"))]
    assert Tree(path.with_suffix(".html").read_text(encoding="utf-8")).root.all("section")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        (
            '{"schema_version": 1, "keys": {"k": {"key": {}}}, "entries": []}',
            "keys.k.key.hash is missing, expected",
        ),
        ("{", "not a JSON document"),
        ('{"schema_version": 9}', "schema_version=9"),
    ],
)
def test_rlx_board_refuses_what_is_no_board(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, words: str
) -> None:
    path = tmp_path / "here" / "scoreboard.json"
    if content is not None:
        path.parent.mkdir()
        path.write_text(content)
    with pytest.raises(SystemExit) as stop:
        rlx(["board", str(path)])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and error.startswith("Error: ") and str(path) in error and words in error
    assert not path.with_suffix(".html").exists() and path.parent.exists() is (content is not None)


def test_rlx_board_refuses_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        rlx(["board", str(tmp_path)])
    assert stop.value.code == 2 and "not a regular file" in capsys.readouterr().err


def test_rlx_board_says_where_it_cannot_write(page: Page, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = copied(page, tmp_path)
    path.with_suffix(".html").mkdir()
    with pytest.raises(SystemExit) as stop:
        rlx(["board", str(path)])
    assert stop.value.code == 2 and "cannot be written" in capsys.readouterr().err


def test_a_board_without_entries_says_so() -> None:
    root = Tree(render_page([], "scoreboard.json")).root
    assert "Nothing has been judged yet." in root.text()


def test_a_report_lists_the_fits_of_a_refitted_policy() -> None:
    spans = {"trained": ["2018-01-01T00:00:00", "2019-06-03T00:00:00"]}
    fit = {"first": "2020-01-06T00:00:00", **spans, "selected": ["2019-06-03T00:00:00", "2020-01-03T00:00:00"]}
    found = refits_table(entry("walked", 0.1, policy={"refits": [fit, {"first": "2020-02-03T00:00:00", **spans}]}))
    assert [*found.rows] == [["2020-01-06", "2019-06-03", "2020-01-03"], ["2020-02-03", "2019-06-03", NONE]]
    for damaged in (None, 3, [3], [{"first": MESSAGE}], [{**fit, "trained": ["2018-01-01T00:00:00"]}]):
        assert not refits_table(entry("walked", 0.1, policy={"refits": damaged})).rows
