"""Names that would be markup, links, formulas or escape sequences: every output shows them literally."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from rlx.backtest.document import plan_markdown
from rlx.board.promotion import PromotionRules, assess_candidates
from rlx.board.standing import Group, rank_board
from rlx.board.store import Scoreboard
from rlx.config.targets import read_targets
from rlx.console import OneLineFormatter, complain, open_console, say
from rlx.data.check import CheckReport, render
from rlx.data.findings import Finding, Severity
from rlx.errors import ConfigError
from rlx.policies.production.text import summary_text
from rlx.report.board_text import board_table, render_board
from rlx.report.page.document import render_page
from rlx.report.page.templates import environment
from rlx.report.panels import plain_names
from rlx.report.recommendation import recommendation_table, render_recommendation, render_template
from rlx.report.tables import Table, terminal_line, to_terminal
from rlx.report.windows_figure import new_figure, write_png
from rlx.untrusted.csv_file import write_csv
from rlx.untrusted.markdown import bullets, code, document, heading, strong, table, words
from tests.board.entries import KEY, entry, failed, shared

NASTY = (
    "a|b",
    "line\nbreak",
    "para\n\n# graph",
    "row\n| x | y |",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "javascript:alert(1)",
    "![x](http://example.org/a.png)",
    "http://example.org",
    "www.example.org",
    "<http://example.org>",
    "[ref]: http://example.org",
    "`code`",
    "``",
    "**bold**",
    "_em_",
    "~~gone~~",
    "# heading",
    "- item",
    "1. item",
    "---",
    "> quote",
    "&lt;b&gt;",
    "\\",
    "\\[x](y)",
    "$x^2$",
    "$\\frac{",
    "[bold]x[/nope]",
    "[/]",
    ":smile:",
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\x1b[31mred\x1b]0;title\x07",
    "\x1b[2Jgone",
    "nul\x00",
    "right\u202eleft",
    '" onmouseover="alert(1)',
    "' or '",
    "</title></svg><script>x</script>",
    "</style><script>x</script>",
    "{{x}} {% x %}",
    "${oc.env:HOME}",
    "../../x",
    "漢字 é",
)


@cache  # what an ordinary name makes is compared with every other
def markdown_tokens(text: str) -> list[Token]:
    """Return all tokens of a document as GitHub reads it: tables, struck-out text and automatic links."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return [token for block in parser.parse(text) for token in (block, *(block.children or ()))]


def assert_plain(text: str, like: str) -> None:
    """Assert that a document has the structure of another one, made with an ordinary name, and no link or HTML."""
    found, expected = ([token.type for token in markdown_tokens(one) if token.type != "text"] for one in (text, like))
    assert found == [kind for kind in expected if kind != "text"]
    assert not {"link_open", "image", "html_block", "html_inline"} & set(found)
    bare = re.sub(r"`[^`]*`", "", text)  # what is code is no link
    assert not re.search(r"(?i)(?<!\\)\bwww\.|\b[a-z][a-z0-9+.-]*://", bare), text


@cache  # read by four tests, and changed by none
def board(name: str) -> Group:
    """Return a group with a name in every possible place."""
    lines = [
        entry(name, 0.5, system=name, kind=name, p=0.2, benchmark=name, verdict=name),
        entry(f"{name} 2", 0.4, system=name, unranked=name),
        entry("equal_weight", 0.1),
        replace(failed("broken"), failure=f"nothing: {name}"),
        entry("live", 0.1, references=[{"name": name, "value": 1.0, "unit": name}]),
    ]
    of = shared()
    of["data"] |= {"source": name, "symbols": [name, "B"], "frequency": name}
    (group,) = rank_board(Scoreboard({KEY: of}, tuple(lines)))
    return group


def printed(renderable: Any) -> str:
    """Return what a terminal would be sent."""
    console = open_console()
    console.file = StringIO()
    console.width = 400
    console.print(renderable)
    written = console.file.getvalue()
    assert isinstance(written, str)
    return written


@pytest.mark.parametrize("name", NASTY)
def test_markdown_has_the_structure_of_an_ordinary_name(name: str) -> None:
    def whole(name: str) -> str:
        rows = [[name, code(name), f"x {name} y"], ["1", "2", "3"]]
        parts = [heading(2, name), name, words("By ", strong(name), f": {name}"), bullets([name, f"x {name}"])]
        return document([*parts, table([name, "b", "c"], rows)])

    assert_plain(whole(name), whole("plain"))
    shown = [token.content for token in markdown_tokens(document([name])) if token.type == "inline"]
    assert len(shown) == 1


@cache
def board_and_recommendation(name: str) -> tuple[str, str]:
    group, rules = board(name), PromotionRules()
    return render_board([group]), render_recommendation([(group, assess_candidates(group, rules))], rules)


@pytest.mark.parametrize("name", NASTY)
def test_the_boards_markdown_and_recommendation(name: str) -> None:
    for found, plain in zip(board_and_recommendation(name), board_and_recommendation("plain"), strict=True):
        assert_plain(found, plain)


@pytest.mark.parametrize("name", NASTY)
def test_the_template_of_a_system_is_plain_yaml(name: str) -> None:
    import yaml

    candidate = assess_candidates(board(name), PromotionRules())[0]
    read = yaml.safe_load(render_template(board(name), candidate, PromotionRules(), None))
    assert read["system"] == candidate.system and read["symbols"] == [name, "B"]


@pytest.mark.parametrize("name", NASTY)
def test_the_terminal_shows_brackets_and_sends_no_escape_sequence(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    group = board(name)
    finding = Finding("code", Severity.error, name, name, name, name)
    renderables = [
        board_table(group),
        recommendation_table(group, assess_candidates(group, PromotionRules())),
        to_terminal(Table(["", name], [[name, name]], name)),
        terminal_line(name),
        render(CheckReport(name, (), (finding,))),
        name,
    ]
    for renderable in renderables:
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", printed(renderable))
    say(name)
    complain(name)
    out, err = capsys.readouterr()
    assert out.count("\n") == 1 and err.count("\n") == 1 and "\x1b" not in out + err
    if name.isprintable() and name.isascii():
        assert name in printed(terminal_line(name)) and name in out and name in err


def test_what_is_to_be_typed_is_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    say("allow it: data.allow=[unadjusted_split]")
    assert "data.allow=[unadjusted_split]" in capsys.readouterr().out


def test_a_log_record_is_one_line() -> None:
    import logging

    record = logging.LogRecord("x", logging.WARNING, "", 0, "a %s", ("b\nWARNING fake: c\x1b[31m",), None)
    assert OneLineFormatter("%(levelname)s %(message)s").format(record) == "WARNING a b WARNING fake: c [31m"


@pytest.mark.parametrize("name", NASTY)
def test_cells_of_csv_are_no_formulas(tmp_path: Path, name: str) -> None:
    write_csv(tmp_path / "a.csv", [{"name": name, name or "x": -0.5, "none": None}])
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert len(rows) == 2 and rows[1][1:] == ["-0.5", ""]
    assert not rows[1][0].startswith(("=", "+", "-", "@", "\t", "\r")) and not rows[0][1].startswith("=")


class Elements(HTMLParser):
    """Collects what a browser would build."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, tuple[str, ...]]] = []
        self.links: list[str | None] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element and the names of its attributes."""
        self.found.append((tag, tuple(name for name, _ in attrs)))
        self.links += [value for name, value in attrs if name in ("href", "src", "action")]


@cache
def elements_of_page(name: str) -> Elements:
    return Elements(render_page([board(name)], "scoreboard.json").replace("<wbr>", ""))


@pytest.mark.parametrize("name", NASTY)
def test_the_page_has_the_elements_of_an_ordinary_name(name: str) -> None:
    page, ordinary = elements_of_page(name), elements_of_page("plain")
    assert page.found == ordinary.found
    assert all(link == "data:," or (link or "").startswith("#") for link in page.links)
    drawn = environment().from_string('<svg role="{{ name }}"><title>{{ name }}</title></svg>').render(name=name)
    assert Elements(drawn).found == [("svg", ("role",)), ("title", ())]
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", drawn)


@pytest.mark.parametrize("name", NASTY)
def test_pictures_take_names_as_they_stand(tmp_path: Path, name: str) -> None:
    @plain_names()
    def draw() -> None:
        write_png(tmp_path / "a.png", new_figure(name, name))

    draw()
    assert (tmp_path / "a.png").stat().st_size > 1000


@pytest.mark.parametrize("name", NASTY)
def test_a_target_of_a_name_that_no_line_shows_is_refused(tmp_path: Path, name: str) -> None:
    import yaml

    path = tmp_path / "targets.yaml"
    path.write_text(yaml.safe_dump({"targets": [{"policy": "cash", "name": name}]}), encoding="utf-8")
    if name.isprintable():
        (target,) = read_targets(path)
        assert target.name == name and re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", target.slug)
    else:
        with pytest.raises(ConfigError, match="target 1: name="):
            read_targets(path)


def test_a_target_does_not_read_out_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "targets.yaml"
    path.write_text("targets: [{policy: weights, path: '${oc.env:HOME}/w.csv', name: w}]", encoding="utf-8")
    (target,) = read_targets(path)
    assert target.failure is not None and "is not resolved" in target.failure


@pytest.mark.parametrize("name", NASTY)
def test_records_and_plans_in_markdown(name: str) -> None:
    def plan(name: str) -> str:
        row = {"date": "2020-01-02", "symbol": name, "plan": name, "reason": name}
        lists = {"fills": [row], "round_trips": [row], "unfilled": [row], "positions": [row], "daily": [row]}
        whole = {"carried_out": [name], "moved": [name], "superseded": [], "outside": []}
        more = {"totals": {"a": 1.0}, "settings": {"b": name}, "monte_carlo": None, "plans": whole}
        return plan_markdown({"first": "2020-01-02", "last": "2020-01-02", **lists, **more})

    def record(name: str) -> str:
        found = {"count": 1, "meaning": "odd", "where": [name]}
        group = {name: {"pnl": 1.0, "trades": 1, "hit_rate": 1.0}}
        span = {"first": None}
        trades = {"realised": 1, "total": 1, "open": 0, "hit_rate": 1.0, "pnl_as_recorded": 1, "pnl_computed": 0}
        pnl = {"total": 1.0, "undated": 0.0, "by_symbol_and_side": group, "by_symbol": group, "by_day": {}}
        summary = {"span": span, "time_zone": {"stamps_assumed_utc": 0}, "trades_file": name, "log_file": name}
        absent = ("average_daily_pnl", "average_daily_return", "account", "exposure", "global_risk_threshold")
        rest = dict.fromkeys(absent)
        return summary_text(
            {**summary, **rest, "trades": trades, "realised_pnl": pnl, "replay": {"reason": name, "problems": {}}}
            | {"problems": {"kind": found}}
        )

    assert_plain(plan(name), plan("plain"))
    assert_plain(record(name), record("plain"))
