"""The scoreboard's file only grows, and two writers lose nothing."""

from __future__ import annotations

import json
import multiprocessing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlx.board import store
from rlx.board.entry import Entry
from rlx.board.store import Scoreboard, append, prepare
from rlx.errors import FileError, RlxError
from rlx.files import write_json
from rlx.measures.significance import measure_significance
from rlx.measures.trials import Trials
from rlx.untrusted.plain_types import require_fields
from tests.board.entries import KEY, document_of, entry, failed, shared


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "experiments" / "scoreboard.json"
    lines = [entry("a", 0.1, p=0.03), failed("b")]
    append(path, KEY, shared(), lines)
    board = append(path, KEY, {"key": "another"}, [entry("a", 0.2, benchmark="second")])
    assert board == Scoreboard.load(path)
    assert list(board.entries[:2]) == lines and len(board.entries) == 3
    assert board.keys == {KEY: shared()}  # what is known of a key is not rewritten


def _write(path: Path, name: str) -> None:
    for number in range(10):
        append(path, KEY, shared(), [entry(f"{name} {number}", 0.1)])


def test_two_writers_lose_no_line_of_a_board_to_be_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "scoreboard.json"
    write_json(path, document_of(Scoreboard({KEY: shared()}, (entry("old", 0.1),))))
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(path, name)) for name in ("one", "other")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    targets = [one.target for one in Scoreboard.load(path).entries]
    assert targets[0] == "old"
    assert sorted(targets[1:]) == sorted(f"{name} {number}" for name in ("one", "other") for number in range(10))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not a JSON document"),
        ("[]", "schema_version=null"),
        ('{"schema_version": 9}', "schema_version=9; this version reads 1, and 2 with one entry per line"),
        ('{\n"schema_version": 2}', "schema_version=2; this version reads 1, and 2 with one entry per line"),
        ('{"schema_version": 1}', "keys is missing, expected a mapping"),
        ('{"schema_version": 1, "keys": {}}', "entries is missing, expected a list"),
        (
            '{"schema_version": 1, "keys": {}, "entries": [{"target": "a"}]}',
            "entries[0].system is missing, expected",
        ),
        ('{"schema_version": 1, "keys": {}, "entries": [7]}', "entries[0] is 7, expected a mapping"),
    ],
)
def test_a_damaged_board_is_refused_and_left_alone(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "scoreboard.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RlxError, match=r"scoreboard .*scoreboard\.json") as refused:
        append(path, KEY, shared(), [entry("a", 0.1)])
    assert words in str(refused.value)
    assert path.read_text(encoding="utf-8") == text


def test_a_missing_board_says_what_writes_one(tmp_path: Path) -> None:
    with pytest.raises(RlxError, match="protocol=benchmark writes outputs"):
        Scoreboard.load(tmp_path / "none.json")


def test_a_failed_write_keeps_the_old_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "scoreboard.json"
    append(path, KEY, shared(), [entry("a", 0.1)])
    before = path.read_text(encoding="utf-8")
    with pytest.raises(RlxError, match="JSON"):
        append(path, KEY, shared(), [entry("b", float("nan"))])
    assert path.read_text(encoding="utf-8") == before
    assert json.loads(before.splitlines()[-1])["entry"]["target"] == "a"
    assert not list(tmp_path.glob("*.tmp"))


def test_a_target_whose_trials_spread_less_than_noise_has_a_line() -> None:
    measured = measure_significance(np.tile([0.01, -0.01, 0.02, 0.0], 10), Trials(2, "sweep", 1e-9), 0.95, 252.0)
    assert measured.trial_variance_from == "floor"
    line = entry("a", 0.1, significance=measured.to_dict())
    assert require_fields(Entry, line.to_dict(), "x.json") == line


def test_a_significance_that_lacks_a_number_is_refused() -> None:
    """Its reader takes every one of them for granted, though their class has defaults."""
    measured = measure_significance(np.tile([0.01, -0.01, 0.02, 0.0], 10), Trials(1, "none"), 0.95, 252.0).to_dict()
    del measured["dsr"]
    with pytest.raises(FileError, match=r"significance\.dsr is missing"):
        require_fields(Entry, entry("a", 0.1, significance=measured).to_dict(), "x.json")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"metrics": {"sharpe": 1e101}}, "(entry.metrics.sharpe is 1e+101, expected a number below 1e100 or null)"),
        ({"failure": "x" * 20_001}, "(entry.failure is"),
        ({"options": {"name": "\ud800"}}, "half a surrogate pair"),
        ({"target": ""}, "(entry.target is"),
        ({"key": "0" * 12}, "not among the keys"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    path = tmp_path / "scoreboard.json"
    append(path, KEY, shared(), [entry("a", 0.1)])
    before = path.read_bytes()
    with pytest.raises(RlxError, match=r"nothing is added, because the new lines could not be read again") as caught:
        append(path, KEY, shared(), [replace(entry("b", 0.1), **change)])
    assert words in str(caught.value) and path.read_bytes() == before


@pytest.mark.parametrize(("limit", "value"), [("MOST_ENTRIES", 2), ("MAX_FILE_BYTES", 2_000)])
def test_a_full_board_says_so_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(store, limit, value)
    path = tmp_path / "scoreboard.json"
    append(path, KEY, shared(), [entry("a", 0.1), entry("b", 0.1)])
    before = path.read_bytes()
    with pytest.raises(RlxError, match=r"scoreboard\.json: the board is full; .*protocol\.board="):
        append(path, KEY, shared(), [entry(f"c {number}", 0.1) for number in range(10)])
    assert path.read_bytes() == before
    with pytest.raises(RlxError, match=r"the board is full; .* no space for 10 more"):
        prepare(path, 10)
    assert path.read_bytes() == before


def test_a_board_with_room_for_some_takes_those(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "scoreboard.json"
    append(path, KEY, shared(), [entry("a", 0.1)])
    monkeypatch.setattr(store, "MAX_FILE_BYTES", 3 * path.stat().st_size)
    prepare(path, 2)
    with pytest.raises(RlxError, match=r"the board is full; .* no space for 3 more"):
        prepare(path, 3)
