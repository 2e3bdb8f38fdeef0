"""Damaged records of production: replayed, or refused in one message, and no number that is none in the summary."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rlx.errors import RlxError
from rlx.policies.production.policy import ProductionRecord
from tests.app.commands import Shell
from tests.hostile.damage import damaged_bytes, damaged_documents, odd_json
from tests.hostile.refusal import assert_refused
from tests.policies.acting import observe
from tests.policies.production_files import HISTORY, LINES, market, snapshot, write_log, write_trades

AMOUNTS = (
    "",
    "-",
    "NaN",
    "inf",
    "1e999",
    "9" * 400,
    "1,2",
    "1.2.3",
    "$",
    "0x10",
    "1_000",
    "\u0661\u0662",
    "[/b]<script>",
)


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path, capsys)


def damaged_histories() -> Iterator[tuple[str, bytes]]:
    text = json.dumps(HISTORY)
    for name, document in damaged_documents(HISTORY):
        yield name, json.dumps(document).encode()
    for name, odd in odd_json(text):
        yield name, odd.encode("utf-8", "surrogatepass")
    yield from damaged_bytes(text.encode())
    yield from damaged_bytes(gzip.compress(text.encode(), mtime=0))


def damaged_logs() -> Iterator[tuple[str, bytes]]:
    for encoding in ("utf-8", "utf-16"):
        text = "\n".join(LINES).encode(encoding)
        yield from damaged_bytes(text)
        yield from damaged_bytes(gzip.compress(text, mtime=0))
    for amount in AMOUNTS:
        for line in (snapshot("2020-01-08 10:00:00", amount), snapshot("2020-01-08 10:00:00", "1", amount)):
            yield f"value {amount}", "\n".join((line, *LINES)).encode()
    for stamp in ("0000-00-00 00:00", "9999-12-31 23:59:59", "2020-01-08 10:00:00+99:99", "1500-01-01 00:00-14"):
        yield f"time {stamp}", "\n".join((snapshot(stamp, "1"), *LINES)).encode()
    yield "a long line", b"2020-01-08 10:00:00 | Portfolio snapshot recorded: value=" + b"9" * 10**6


def replayed(trades: str | None, log: str | None, log_value: str) -> str:
    """Replay a record and return why it cannot be, '' when it can."""
    on = market()
    policy, message = None, ""
    try:
        policy = ProductionRecord(trades, log, 8_000.0, log_value)
        policy.bind(on)
        assert np.isfinite(policy.act(observe(on, list(range(on.n_bars))))).all()
    except RlxError as error:
        message = str(error)
    if policy is not None:
        documents = policy.documents()
        json.dumps(documents["baseline_pnl_summary.json"], allow_nan=False)
        assert "<script>" not in documents["baseline_pnl_summary.md"].replace("\\<script\\>", "")
        assert len(documents["baseline_pnl_summary.md"]) < 20_000
    return message


@pytest.mark.parametrize("log_value", ["exposure", "equity"])
def test_a_damaged_history_is_replayed_or_refused_in_one_message(tmp_path: Path, log_value: str) -> None:
    path, refused = Path(write_trades(tmp_path)), 0
    log = write_log(tmp_path)
    assert replayed(str(path), log, log_value) == ""
    for name, data in damaged_histories():
        path.write_bytes(data)
        message = replayed(str(path), log, log_value)
        assert len(message) < 1_000 and message.isprintable(), (name, message)
        refused += bool(message)
    assert refused > 100


@pytest.mark.parametrize("log_value", ["exposure", "equity"])
def test_a_damaged_log_is_read_or_refused_in_one_message(tmp_path: Path, log_value: str) -> None:
    trades, path = write_trades(tmp_path), Path(write_log(tmp_path))
    for name, data in damaged_logs():
        path.write_bytes(data)
        message = replayed(trades, str(path), log_value)
        assert len(message) < 1_000 and message.isprintable(), (name, message)


def test_a_history_of_many_keys_takes_no_longer_than_their_number(tmp_path: Path) -> None:
    """20,000 keys, and the last one again: what compares each with all others would need minutes."""
    keys = ", ".join(f'"S{number}|buy": []' for number in range(20_000))
    path = tmp_path / "trades.json"
    path.write_text(f'{{{keys}, "S19999|buy": []}}')
    assert "'S19999|buy' appears twice in one object" in replayed(str(path), None, "exposure")
    path.write_text(f"{{{keys}}}")
    assert "holds no trade" in replayed(str(path), None, "exposure")


def test_a_packed_log_of_any_size_is_not_unpacked_beyond_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlx.policies.production import log_file
    from rlx.untrusted.text import read_lines

    monkeypatch.setattr(log_file, "read_lines", lambda path: read_lines(path, limit=2**20))
    path = tmp_path / "trade.log"
    for filling in (bytes(2**21), b"\n" * 2**21, b"x" * 2**21):
        path.write_bytes(gzip.compress("\n".join(LINES).encode() + filling))
        message = replayed(None, str(path), "exposure")
        assert "holds more than 1 MiB, unpacked" in message and "Portfolio snapshot recorded" in message


def test_a_folder_and_a_device_are_no_files(tmp_path: Path) -> None:
    for place in (str(tmp_path), "/dev/zero"):
        assert "no such file" in replayed(place, None, "exposure")
        assert "no such file" in replayed(None, place, "exposure")


@pytest.mark.slow
def test_every_damaged_record_from_the_command_line(shell: Shell) -> None:
    for name, data in list(damaged_histories())[::10]:
        (shell.folder / "trades.json").write_bytes(data)
        finished = shell.evaluate("policy=production", "policy.trades=trades.json", "policy.initial_value=1e5")
        assert_refused(finished)  # the sample data end before 2020-01 or lack the symbols
        left = {path.name for path in shell.folder.rglob("*") if path.is_file()}
        assert "scorecard.json" not in left, name
