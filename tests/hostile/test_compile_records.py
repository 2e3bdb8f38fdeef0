"""Compile records, histories of the old kind and descriptions of data sets, damaged in every way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rlx.compile_check.legacy import read_legacy
from rlx.compile_check.store import append, load
from rlx.offline.files import read_dataset
from rlx.report.compile_check import render_record
from rlx.report.compile_history import render_history
from tests.app.commands import Shell
from tests.compile_check.entries import entry
from tests.compile_check.test_legacy import HISTORY
from tests.hostile.damage import damaged_json
from tests.hostile.readers import outcome_of_files
from tests.offline.test_files import ARGUMENTS


def assert_nothing_breaks(path: Path, document: Any, read: Callable[[], object], before: str = "") -> None:
    """Assert that every damage is taken or refused in one message, and that some is refused."""
    files = ((what, before.encode() + data) for what, data in damaged_json(document, sampled=True))
    found = outcome_of_files(path, files, read)
    assert found.broken == {}
    assert found.refused


def test_a_damaged_history_is_shown_or_refused(tmp_path: Path) -> None:
    entries = json.loads(HISTORY.read_text(encoding="utf-8"))
    path = tmp_path / "history.json"
    assert_nothing_breaks(path, [entries[0], entries[-1]], lambda: render_history(read_legacy(path)))


def test_a_damaged_record_is_shown_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    append(path, entry(graph_breaks={"a reason": 2}))
    head, line, _ = path.read_text(encoding="utf-8").split("\n")
    assert_nothing_breaks(path, json.loads(line), lambda: render_record(load(path)), before=f"{head}\n")


def test_a_damaged_description_of_a_data_set_is_taken_or_refused(shell: Shell) -> None:
    assert shell.tools(*ARGUMENTS, "--out", "set.npz").status == 0
    described = shell.folder / "set.json"
    document = json.loads(described.read_text(encoding="utf-8"))
    assert_nothing_breaks(described, document, lambda: read_dataset(shell.folder / "set.npz"))
