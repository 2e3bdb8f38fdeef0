"""A board's file has one entry per line: an append adds lines, a damaged line is named, and old boards are read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rlx.board import lines as lines_module
from rlx.board import store
from rlx.board.lines import HEAD, lines_of
from rlx.board.store import Scoreboard, append, prepare
from rlx.errors import RlxError
from rlx.files import write_json
from tests.board.entries import KEY, OTHER, document_of, entry, failed, shared

COMMITTED = Path(__file__).parents[2] / "experiments" / "scoreboard.json"


def kinds(text: str) -> list[str]:
    """Return what each line holds."""
    return [next(iter(json.loads(line))) for line in text.removesuffix("\n").split("\n")]


def test_an_append_adds_lines_and_touches_none(tmp_path: Path) -> None:
    path = tmp_path / "scoreboard.json"
    append(path, KEY, shared(), [entry("a", 0.1), failed("b")])
    before = path.read_text(encoding="utf-8").replace(
        '","', '", "'
    )  # no line is written again, regardless of its writer
    path.write_text(before, encoding="utf-8")
    assert kinds(before) == ["schema_version", "shared", "entry", "entry"]
    append(path, KEY, {"key": "another"}, [entry("a\u2028\x85\v", 0.2)])
    append(path, OTHER, shared(OTHER), [replace(entry("a", 0.2), key=OTHER)])
    after = path.read_text(encoding="utf-8")
    assert after.startswith(before)
    assert kinds(after.removeprefix(before)) == ["entry", "shared", "entry"]
    assert [one.target for one in Scoreboard.load(path).entries] == ["a", "b", "a\u2028\x85\v", "a"]


def old_board(path: Path) -> Scoreboard:
    """Write a board of schema 1 and return its content: a key without entries too."""
    keys = {key: shared(key) for key in (OTHER, KEY, "0" * 12)}
    board = Scoreboard(keys, (entry("a", 0.1), replace(entry("a", 0.2), key=OTHER), failed("b")))
    write_json(path, document_of(board))
    return board


def test_a_board_of_schema_1_is_read_and_rewritten_once_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "scoreboard.json"
    old = old_board(path)
    before = path.read_bytes()
    assert Scoreboard.load(path) == old
    prepare(path)
    assert path.read_bytes() == before and capsys.readouterr().out == ""
    new = append(path, KEY, shared(), [entry("c", 0.3)])
    assert capsys.readouterr().out == f"scoreboard {path}: rewritten as one entry per line (schema 2)\n"
    assert new == Scoreboard.load(path) == Scoreboard(old.keys, (*old.entries, entry("c", 0.3)))
    held = ["schema_version", "shared", "shared", "entry", "shared", "entry", "entry", "entry"]
    assert kinds(path.read_text(encoding="utf-8")) == held
    append(path, KEY, shared(), [entry("d", 0.3)])
    assert capsys.readouterr().out == ""


def test_a_board_of_schema_1_on_one_line_is_read(tmp_path: Path) -> None:
    path = tmp_path / "scoreboard.json"
    old = old_board(path)
    for end in ("", "\n", "\n\n"):
        path.write_text(json.dumps(document_of(old)) + end, encoding="utf-8")
        assert Scoreboard.load(path) == old


def test_a_board_of_schema_1_that_cannot_be_rewritten_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "scoreboard.json"
    old_board(path)
    before = path.read_bytes()

    def refuse(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(store, "write_text", refuse)
    with pytest.raises(OSError, match="No space left"):
        append(path, KEY, shared(), [entry("c", 0.1)])
    assert path.read_bytes() == before and capsys.readouterr().out == ""


HEADER, SHARED, FIRST, SECOND = (
    (HEAD + lines_of({KEY: shared()}, [entry("a", 0.1), entry("b", 0.2)])).removesuffix("\n").split("\n")
)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((SHARED, FIRST), "schema_version=null"),
        ((HEADER[:-1] + ',"keys":{}}', SHARED), 'line 1 is {"schema_version": 2, "keys": {}}, expected only {"schema'),
        (('{"schema_version":true}', SHARED), "not a JSON document (Extra data"),
        (('{"schema_version":3}', SHARED), "schema_version=3; this version reads 1, and 2 with one entry per line"),
        ((HEADER, FIRST, SHARED), f'line 2: entry.key is "{KEY}", which is not among the keys before it'),
        ((HEADER, SHARED, FIRST, SHARED), f"line 4 says a second time what the entries of {KEY} share"),
        ((HEADER, HEADER, SHARED), 'line 2 is {"schema_version": 2}, expected {"shared": ...} or {"entry": ...}'),
        ((HEADER, SHARED, "", FIRST), "line 3 is empty, expected a JSON value on every line"),
        ((HEADER, SHARED, FIRST[:-9], SECOND), "line 3: not a JSON document ("),
        ((HEADER, SHARED, FIRST, SECOND[:-9]), "line 4, the last, is truncated or damaged: not a JSON document ("),
        ((HEADER, SHARED, FIRST, SECOND[:1]), "The lines before it are complete; without it the board can be read"),
        ((HEADER, SHARED, FIRST + SECOND, SECOND), "line 3: not a JSON document (Extra data: column"),
        ((HEADER, SHARED, "<<<<<<< mine", FIRST), "line 3: not a JSON document (Expecting value: column 1 (char 0))"),
        ((HEADER, SHARED, FIRST.replace("0.1", "NaN", 1), SECOND), "NaN is not a JSON number; write null: after"),
        ((HEADER, SHARED, FIRST.replace("0.1", '"0.1"', 1)), "line 3: entry.metrics.cumulative_return is"),
        ((HEADER, SHARED, FIRST[:-1] + ',"more":1}'), "line 3 is "),
        ((HEADER, SHARED, '{"entry":{},"entry":{}}', FIRST), "line 3: not a JSON document ('entry' appears twice"),
        ((HEADER, SHARED, FIRST, '{"schema_version": 1, "keys": {}, "entries": []}'), "line 4 is "),
        (('{"schema_version": 1, "keys": {}, "entries": []}', SHARED, FIRST), "not a JSON document (Extra data"),
        ((HEADER, "\ufeff" + SHARED, FIRST), "line 2: not a JSON document (Unexpected UTF-8 BOM"),
    ],
)
def test_a_damaged_line_is_named_and_the_file_left_alone(tmp_path: Path, lines: tuple[str, ...], words: str) -> None:
    path = tmp_path / "scoreboard.json"
    path.write_bytes("\n".join(lines).encode())
    before = path.read_bytes()
    for read in (Scoreboard.load, prepare, lambda path: append(path, KEY, shared(), [entry("c", 0.1)])):
        with pytest.raises(RlxError, match=r"^scoreboard .*scoreboard\.json: ") as refused:
            read(path)
        assert words in str(refused.value) and "\n" not in str(refused.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends_and_marks_of_other_editors_are_read(tmp_path: Path, bom: bytes, end: str, last: bool) -> None:
    path = tmp_path / "scoreboard.json"
    text = end.join((HEADER, SHARED, FIRST, SECOND)) + (end if last else "")
    path.write_bytes(bom + text.encode())
    assert [one.target for one in Scoreboard.load(path).entries] == ["a", "b"]
    append(path, KEY, shared(), [entry("c", 0.3)])
    assert [one.target for one in Scoreboard.load(path).entries] == ["a", "b", "c"]
    assert path.read_bytes().startswith(text.encode())


@pytest.mark.parametrize("more", [SECOND, SHARED.replace(KEY, OTHER)])
def test_a_board_has_at_most_so_many_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str) -> None:
    monkeypatch.setattr(lines_module, "MOST_ENTRIES", 1)
    path = tmp_path / "scoreboard.json"
    path.write_text("\n".join((HEADER, SHARED, FIRST, more)) + "\n", encoding="utf-8")
    with pytest.raises(RlxError, match=r"line 4 exceeds the limit of 1 keys and as many entries"):
        Scoreboard.load(path)


def test_a_file_of_line_breaks_is_refused_at_the_first(tmp_path: Path) -> None:
    path = tmp_path / "scoreboard.json"
    path.write_text(HEADER + "\n" * 1_000_000, encoding="utf-8")
    with pytest.raises(RlxError, match="line 2 is empty"):
        Scoreboard.load(path)


def test_the_committed_board_is_of_lines() -> None:
    board = Scoreboard.load(COMMITTED)
    assert COMMITTED.read_text(encoding="utf-8") == HEAD + lines_of(board.keys, board.entries)
