"""Scoreboards that are damaged or made to do harm: one message, or a table; never a traceback, never another's file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from rlx.board.store import REPORTS, Scoreboard, append, prepare
from rlx.cli import main
from rlx.errors import RlxError
from rlx.evaluate import BOARD as DEFAULT
from rlx.report.recommendation import MARKDOWN, TEMPLATES, template_names
from tests.app.commands import Finished
from tests.hostile.boards import (
    BOARD,
    COMMITTED,
    TEXT,
    damaged,
    damaged_documents_of_old,
    damaged_lines,
    in_lines,
)
from tests.hostile.damage import damaged_bytes, damaged_documents, odd_json
from tests.hostile.refusal import assert_refused, contents

LENIENT = ("--min-dsr", "0.001", "--max-p-value", "1", "--max-drawdown", "1", "--min-steps", "1", "--min-windows", "1")
SHARE = 307  # of the damaged boards every so manieth is tried always, all of them in the slow test
DRAWN = 10  # of those that are no worse for it, every so manieth is drawn in the slow test


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a board with its reports lies, one folder below what is watched."""
    folder = tmp_path / "here"
    for entry in BOARD["entries"]:
        target = folder / REPORTS / entry["report"]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(COMMITTED.parent / REPORTS / entry["report"], target)
    (folder / "scoreboard.json").write_text(TEXT, encoding="utf-8")
    return folder / "scoreboard.json"


def rlx(capsys: pytest.CaptureFixture[str], *arguments: object) -> Finished:
    """Run ``rlx`` in this process."""
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return Finished(int(stop.value.code or 0), out, err, Path())


def assert_harmless(path: Path, data: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """Assert that a board is drawn, recommended from and added to, or refused by all three alike."""
    path.write_bytes(data)
    before = contents(path.parents[1])
    drawn = rlx(capsys, "board", path)
    if drawn.status == 0:
        assert rlx(capsys, "recommend", path, *LENIENT).status == 0
        changed = {file for file, content in contents(path.parents[1]).items() if before.get(file) != content}
        ours = {path.with_suffix(suffix).name for suffix in (".md", ".html")} | {MARKDOWN, f".{path.name}.lock"}
        assert {file.parts[1] for file in changed} <= ours | {TEMPLATES}, changed
        prepare(path)
        return
    assert_refused(drawn, str(path))
    assert_refused(rlx(capsys, "recommend", path, *LENIENT), str(path))
    with pytest.raises(RlxError):
        prepare(path)
    with pytest.raises(RlxError):
        append(path, "0123456789ab", {}, [])
    left, lock = contents(path.parents[1]), Path(path.parent.name) / f".{path.name}.lock"
    assert left | {lock: b""} == before | {lock: b""}


def test_a_share_of_damaged_boards(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shares = ((damaged(), SHARE), (damaged_lines(), 23), (damaged_documents_of_old(), 4 * SHARE))
    for boards, share in shares:
        for what, data in islice(boards, 0, None, share):
            _told(what, path, data, capsys)


def test_what_every_damaged_line_comes_to(path: Path) -> None:
    """Damage to a line is refused, unless what is left is a board: a line less, twice the same entry, another order."""
    read = {what for what, data in damaged_lines() if _is_read(path, data)}
    entries = range(4, 8)
    assert read == {
        *(f"line {number} taken out" for number in entries),
        *(f"line {number} doubled" for number in entries),
        *(f"line {number} swapped with the next" for number in (2, 3, 4, 5, 6)),  # each key stays above its entries
        "line 7 joined to the next",  # there is none
        "line 1 after a mark",
        *(f"as {encoding}" for encoding in ("utf-8-sig", "utf-16", "utf-32")),
        "with lines that end in '\\r\\n'",
        "packed",
    }


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_board_of_another_encoding_is_added_to(path: Path, encoding: str) -> None:
    path.write_bytes(TEXT.encode(encoding))
    before = Scoreboard.load(path)
    key = before.entries[0].key
    after = append(path, key, {}, before.entries[:1])
    assert Scoreboard.load(path) == after == Scoreboard(before.keys, (*before.entries, before.entries[0]))


@pytest.mark.slow
def test_all_damaged_boards(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, (what, data) in enumerate(damaged()):
        if number % DRAWN == 0 or not _is_read(path, data):
            _told(what, path, data, capsys)


@pytest.mark.slow
def test_all_damaged_boards_of_schema_1(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Once read, they go the way of those of schema 2: all are read, and some are drawn and added to."""
    for number, (what, data) in enumerate(damaged_documents_of_old()):
        if number % DRAWN == 0:
            _told(what, path, data, capsys)
        _is_read(path, data)


def _is_read(path: Path, data: bytes) -> bool:
    path.write_bytes(data)
    try:
        Scoreboard.load(path)
    except RlxError:
        return False
    return True


def _told(what: str, path: Path, data: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        assert_harmless(path, data, capsys)
    except BaseException as error:
        error.add_note(f"the board with {what}")
        raise


@pytest.mark.parametrize("form", [in_lines, json.dumps])
@pytest.mark.parametrize("key", ["../../../victim", "*", "0123456789AB", "0123456789ab/..", ""])
def test_a_key_that_is_no_hash_is_refused_and_deletes_nothing(
    path: Path, capsys: pytest.CaptureFixture[str], key: str, form: Callable[[Any], str]
) -> None:
    document = json.loads(json.dumps(BOARD))
    old = document["entries"][0]["key"]
    document["keys"] = {key: {**document["keys"][old], "key": {**document["keys"][old]["key"], "hash": key}}}
    document["entries"] = [{**entry, "key": key} for entry in document["entries"]]
    path.write_text(form(document), encoding="utf-8")
    victims = [path.parents[1] / "victim.yaml", path.parent / TEMPLATES / "mine_.yaml"]
    for victim in victims:
        victim.parent.mkdir(exist_ok=True)
        victim.write_text("mine: true\n", encoding="utf-8")
    before = contents(path.parents[1])
    assert_refused(rlx(capsys, "recommend", path, *LENIENT), "key", str(path))
    assert contents(path.parents[1]) == before


def test_only_templates_of_ours_are_removed(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entry = BOARD["entries"][0]
    assert rlx(capsys, "recommend", path, *LENIENT).status == 0
    (name,) = template_names(entry["key"], [entry["system"]]).values()
    own, folder = path.parent / TEMPLATES / name, path.parent / TEMPLATES
    assert own.is_file()
    others = [folder / f"mine_{entry['key']}.yaml", folder / f"{entry['system']}_{entry['key']}.yml"]
    for other in others:
        other.write_text("mine: true\n", encoding="utf-8")
    assert rlx(capsys, "recommend", path).status == 0
    assert not own.exists() and all(other.exists() for other in others)
    own.write_text("somebody's\n", encoding="utf-8")
    assert rlx(capsys, "recommend", path).status == 0
    assert own.read_text(encoding="utf-8") == "somebody's\n"
    assert_refused(rlx(capsys, "recommend", path, *LENIENT), name, "not overwritten")
    assert own.read_text(encoding="utf-8") == "somebody's\n"


def test_two_systems_with_one_file_name_get_a_template_each() -> None:
    names = template_names("0123456789ab", ["a b", "a_b", "A_B", "c"])
    assert len({name.lower() for name in names.values()}) == 4 and names["c"] == "c_0123456789ab.yaml"


@pytest.mark.parametrize("report", ["../../secret.json", "/etc/passwd", "0123456789ab/../x.json", "", "a.json"])
def test_a_report_lies_among_the_reports(path: Path, capsys: pytest.CaptureFixture[str], report: str) -> None:
    document = json.loads(json.dumps(BOARD))
    document["entries"][0]["report"] = report
    path.write_text(in_lines(document), encoding="utf-8")
    assert_refused(rlx(capsys, "board", path), "line 4: entry.report")
    path.write_text(json.dumps(document), encoding="utf-8")
    assert_refused(rlx(capsys, "board", path), "entries[0].report")


def test_a_link_out_of_the_folder_is_not_followed(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entry = BOARD["entries"][0]
    report, secret = path.parent / REPORTS / entry["report"], path.parents[1] / "secret.json"
    shutil.move(report, secret)
    report.symlink_to(secret)
    assert rlx(capsys, "board", path).status == 0
    assert "leads out of the folder" in path.with_suffix(".html").read_text(encoding="utf-8")
    (path.parent / TEMPLATES).symlink_to(path.parents[1])
    assert_refused(rlx(capsys, "recommend", path, *LENIENT), "leads out of the folder")
    assert not list(path.parents[1].glob("*.yaml"))


def damaged_reports() -> Iterator[tuple[str, bytes]]:
    """Yield every damaged file of series."""
    text = (COMMITTED.parent / REPORTS / BOARD["entries"][0]["report"]).read_text(encoding="utf-8")
    yield from damaged_bytes(text.encode())
    for what, odd in odd_json(text):
        yield what, odd.encode()
    for what, document in damaged_documents(json.loads(text)):
        yield what, json.dumps(document).encode()


def _drawn_with(path: Path, data: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    (path.parent / REPORTS / BOARD["entries"][0]["report"]).write_bytes(data)
    lines = [BOARD["entries"][0]]
    path.write_text(in_lines({**BOARD, "entries": lines}), encoding="utf-8")
    finished = rlx(capsys, "board", path)
    assert finished.status == 0, finished.err


def test_a_share_of_damaged_reports_leaves_the_page(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _, data in islice(damaged_reports(), 0, None, 233):
        _drawn_with(path, data, capsys)


@pytest.mark.slow
def test_many_damaged_reports_leave_the_page(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _, data in islice(damaged_reports(), 0, None, DRAWN):
        _drawn_with(path, data, capsys)


@pytest.mark.parametrize("name", ["scoreboard.md", "scoreboard.html"])
def test_a_board_is_not_replaced_by_its_own_page(path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    other = path.rename(path.with_name(name))
    before = other.read_bytes()
    assert_refused(rlx(capsys, "board", other), "must be a .json file")
    assert other.read_bytes() == before


def test_boards_of_a_user_lie_where_git_does_not_look() -> None:
    ignored = (COMMITTED.parents[1] / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert f"{Path(DEFAULT).parts[0]}/" in ignored


def test_a_board_that_cannot_be_written_is_found_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(RlxError, match=r"cannot be written \(a file is in the way"):
        prepare(tmp_path / "file" / "scoreboard.json")
    (tmp_path / ".scoreboard.json.lock").mkdir()
    with pytest.raises(RlxError, match="cannot be locked"):
        prepare(tmp_path / "scoreboard.json")
