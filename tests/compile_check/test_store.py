"""The record: it only grows, repeats nothing, and never becomes unreadable."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rlx.compile_check.entry import Outcome
from rlx.compile_check.store import append, load, prepare
from rlx.errors import RlxError
from tests.compile_check.entries import SAME, entry, taking


def test_entries_are_read_as_they_were_written(tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    odd = Outcome(None, None, None, reason="a reason\u2028with another line's end")
    runs = [entry(2020), entry(2021, outcomes={"eval/sharpe": SAME, "eval/calmar": odd}, fallback="caf\u00e9 | `x`")]
    assert [append(record, one) for one in runs] == [True, True]
    assert load(record) == runs


def test_a_repeat_of_the_last_entry_is_not_added_whenever_it_was_recorded(tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    append(record, entry())
    before = record.read_bytes()
    assert not append(record, entry(recorded_at="2029-01-01"))
    assert record.read_bytes() == before
    assert append(record, entry(latency=taking(70.0)))
    assert append(record, entry())  # the last one differs
    assert append(record, entry(2021))
    assert not append(record, entry())  # the last of its own identity
    assert len(load(record)) == 4


def test_earlier_lines_stay_byte_for_byte_and_a_missing_end_of_line_is_added(tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    append(record, entry())
    spaced = record.read_text().replace('"torch":', '"torch": ').rstrip("\n")
    record.write_text(spaced)
    append(record, entry(2021))
    assert record.read_text().startswith(spaced + "\n")
    assert len(load(record)) == 2


def test_two_writers_lose_nothing(tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda year: append(record, entry(year)), range(2000, 2012)))
    assert sorted(one.identity.first[:4] for one in load(record)) == [str(year) for year in range(2000, 2012)]


def damaged(change: Any) -> str:
    value = entry().to_dict()
    change(value)
    return json.dumps(value)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not a JSON document"),
        ("[]", "line 2"),
        ("", "line 2"),
        (damaged(lambda value: value.pop("numeric")), "numeric is missing"),
        (damaged(lambda value: value["numeric"].update(flipped="none")), "numeric.flipped"),
        (damaged(lambda value: value["identity"].update(settings="x")), "identity.settings"),
        (damaged(lambda value: value["outcomes"].update(a=3)), "outcomes.a"),
        (damaged(lambda value: value.update(extra=1)), "unknown field"),
        (damaged(lambda value: value["identity"].update(extra=1)), "unknown field"),
        (damaged(lambda value: value["latency"].update(eager_p50_ms=1e300)), "eager_p50_ms"),
    ],
)
def test_a_damaged_line_is_named_and_nothing_is_added(tmp_path: Path, line: str, reason: str) -> None:
    record = tmp_path / "record.jsonl"
    append(record, entry())
    text = record.read_text().splitlines()[0] + "\n" + line + "\n"
    record.write_text(text)
    with pytest.raises(RlxError, match=reason):
        load(record)
    with pytest.raises(RlxError, match=r"record\.jsonl"):
        append(record, entry(2021))
    assert record.read_text() == text


@pytest.mark.parametrize("content", ["", "{}\n", '{"schema_version": 2}\n', "\x00\n"])
def test_another_file_is_not_a_record(tmp_path: Path, content: str) -> None:
    record = tmp_path / "record.jsonl"
    record.write_text(content)
    with pytest.raises(RlxError, match="compile record"):
        prepare(record)


def test_a_record_that_cannot_be_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(RlxError, match=r"must be a \.jsonl file"):
        prepare(tmp_path / "record.json")
    (tmp_path / "file").write_text("")
    with pytest.raises(RlxError, match="a file is in the way"):
        prepare(tmp_path / "file" / "record.jsonl")
    with pytest.raises(RlxError, match="no such file"):
        load(tmp_path / "none.jsonl")


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    append(record, entry())
    before = record.read_bytes()
    with pytest.raises((RlxError, ValueError)):
        append(record, entry(2021, latency=replace(entry().latency, calls=-1)))
    assert record.read_bytes() == before
    assert not list(tmp_path.glob("*.tmp"))
