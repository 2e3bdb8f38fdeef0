"""Damaged records of production: replayed, or refused in one message, and no number that is none in the summary."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from rlx.errors import RlxError
from rlx.policies.production.policy import ProductionRecord
from tests.app.commands import Shell
from tests.hostile.damage import damaged_bytes, damaged_json
from tests.hostile.readers import assert_taken, outcome_of_files
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

TAKEN = {  # an incomplete trade counts as far as possible, and the summary shows what is missing
    "missing list": ("*[|]*",),
    "missing object": ("*[|]*.*",),
    "missing null text": ("*.*.(symbol|side)",),  # the key has both
    "missing negative null": ("*.*.(qty|pnl)",),  # sold short, and lost
    "missing null": ("*.*.(entry_price|exit_price|opened_at|closed_at)",),
}


def damaged_histories() -> Iterator[tuple[str, bytes]]:
    yield from damaged_json(HISTORY)
    yield from damaged_bytes(gzip.compress(json.dumps(HISTORY).encode(), mtime=0))


STAMPS = ("0000-00-00 00:00", "9999-12-31 23:59:59", "2020-01-08 10:00:00+99:99", "1500-01-01 00:00-14")


def damaged_lines() -> Iterator[tuple[str, bytes]]:
    """Yield logs with one line that is wrong, which is counted and left out."""
    for amount in AMOUNTS:
        for line in (snapshot("2020-01-08 10:00:00", amount), snapshot("2020-01-08 10:00:00", "1", amount)):
            yield f"value {amount}", "\n".join((line, *LINES)).encode()
    for stamp in STAMPS:
        yield f"time {stamp}", "\n".join((snapshot(stamp, "1"), *LINES)).encode()


def damaged_logs() -> Iterator[tuple[str, bytes]]:
    for encoding in ("utf-8", "utf-16"):
        text = "\n".join(LINES).encode(encoding)
        for name, data in (("", text), ("packed: ", gzip.compress(text, mtime=0))):
            yield from ((f"{name}{encoding} {what}", damaged) for what, damaged in damaged_bytes(data))
    yield "a long line", b"2020-01-08 10:00:00 | Portfolio snapshot recorded: value=" + b"9" * 10**6


def replay(trades: str | None, log: str | None, log_value: str) -> None:
    """Replay a record as a judgement does, and look at what it leaves, also where it is refused."""
    on, policy = market(), ProductionRecord(trades, log, 8_000.0, log_value)
    try:
        policy.bind(on)
        assert np.isfinite(policy.act(observe(on, list(range(on.n_bars))))).all()
    finally:
        documents = policy.documents()
        json.dumps(documents["baseline_pnl_summary.json"], allow_nan=False)
        assert "<script>" not in documents["baseline_pnl_summary.md"].replace("\\<script\\>", "")
        assert len(documents["baseline_pnl_summary.md"]) < 20_000


@pytest.mark.parametrize("log_value", ["exposure", "equity"])
def test_a_damaged_history_is_replayed_or_refused_in_one_message(tmp_path: Path, log_value: str) -> None:
    path, log = Path(write_trades(tmp_path)), write_log(tmp_path)
    replay(str(path), log, log_value)
    assert_taken(outcome_of_files(path, damaged_histories(), lambda: replay(str(path), log, log_value)), TAKEN)


@pytest.mark.parametrize("log_value", ["exposure", "equity"])
def test_a_damaged_log_is_read_or_refused_in_one_message(tmp_path: Path, log_value: str) -> None:
    trades, path = write_trades(tmp_path), Path(write_log(tmp_path))

    def read() -> None:
        replay(trades, str(path), log_value)

    found = outcome_of_files(path, damaged_lines(), read)
    assert not found.broken and not found.refused
    found = outcome_of_files(path, damaged_logs(), read)
    assert not found.broken
    harmless = {"without its end", "twice", *(f"a byte flipped at {share}%" for share in (10, 50, 90))}  # to one line
    marked = {"utf-16 not text"}  # its mark, and the zeros behind it, are a line that is no snapshot
    packed = {"packed: utf-8 twice", "packed: utf-16 twice"}
    assert set(found.taken) == {f"{name} {what}" for name in ("utf-8", "utf-16") for what in harmless} | marked | packed


def test_a_history_of_many_keys_takes_no_longer_than_their_number(tmp_path: Path) -> None:
    """20,000 keys, and the last one again: what compares each with all others would need minutes."""
    keys = ", ".join(f'"S{number}|buy": []' for number in range(20_000))
    path = tmp_path / "trades.json"
    path.write_text(f'{{{keys}, "S19999|buy": []}}')
    with pytest.raises(RlxError, match=r"'S19999\|buy' appears twice in one object"):
        replay(str(path), None, "exposure")
    path.write_text(f"{{{keys}}}")
    with pytest.raises(RlxError, match="has no trade"):
        replay(str(path), None, "exposure")


def test_a_packed_log_of_any_size_is_not_unpacked_beyond_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlx.policies.production import log_file
    from rlx.untrusted.text import read_lines

    monkeypatch.setattr(log_file, "read_lines", lambda path: read_lines(path, limit=2**20))
    path = tmp_path / "trade.log"
    for filling in (bytes(2**21), b"\n" * 2**21, b"x" * 2**21):
        path.write_bytes(gzip.compress("\n".join(LINES).encode() + filling))
        with pytest.raises(RlxError, match=r"holds more than 1 MiB, unpacked.*Portfolio snapshot recorded"):
            replay(None, str(path), "exposure")


def test_a_folder_and_a_device_are_no_files(tmp_path: Path) -> None:
    for place in (str(tmp_path), "/dev/zero"):
        for trades, log in ((place, None), (None, place)):
            with pytest.raises(RlxError, match="not a regular file"):
                replay(trades, log, "exposure")


@pytest.mark.slow
def test_every_kind_of_damage_from_the_command_line(shell: Shell) -> None:
    for name, data in islice(damaged_histories(), 0, None, 37):  # 37 has no factor with the 14 wrong values
        (shell.folder / "trades.json").write_bytes(data)
        finished = shell.evaluate("policy=production", "policy.trades=trades.json", "policy.initial_value=1e5")
        assert_refused(finished)  # the sample data end before 2020-01 or lack the symbols
        left = {path.name for path in shell.folder.rglob("*") if path.is_file()}
        assert "scorecard.json" not in left, name
