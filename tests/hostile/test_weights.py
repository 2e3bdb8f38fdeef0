"""Damaged files of weights: one message, exit status 2, no traceback, nothing left."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from rlx.data.market import Market
from rlx.data.sources import sample
from rlx.policies.weights_file import WeightsFile
from tests.app.commands import Shell
from tests.hostile.damage import WRONG_VALUES, damaged_bytes
from tests.hostile.readers import outcome
from tests.hostile.refusal import assert_refused, contents

TEXT = "date,SPY,AAPL\n2020-01-10,0.4,0.6\n2020-02-10T16:00:00-05:00,0.5,0.5\n"


def _parquet() -> bytes:
    frame = pd.DataFrame({"SPY": [0.4, 0.5], "AAPL": [0.6, 0.5]}, index=pd.DatetimeIndex(["2020-01-10", "2020-02-10"]))
    packed = io.BytesIO()
    frame.to_parquet(packed)
    return packed.getvalue()


def _damaged() -> Iterator[tuple[str, str, bytes]]:
    """Yield (name of the file, what was done, content)."""
    sources = {
        "w.csv": TEXT.encode(),
        "w16.csv": TEXT.encode("utf-16"),
        "w.csv.gz": gzip.compress(TEXT.encode()),
        "w.parquet": _parquet(),
    }
    for name, data in sources.items():
        for what, content in damaged_bytes(data):
            yield name, what, content
    for value in WRONG_VALUES:
        yield "w.csv", f"weight {value!r}", TEXT.replace("0.4", f'"{value}"').encode()
        yield "w.csv", f"stamp {value!r}", TEXT.replace("2020-01-10", f'"{value}"').encode()
        yield "w.csv", f"symbol {value!r}", TEXT.replace("SPY", f'"{value}"').encode()
    yield "w.csv", "carriage returns alone", TEXT.replace("\n", "\r").encode()
    yield "w.csv", "an open quote", TEXT.replace("0.4", '"0.4').encode()
    yield "w.csv", "semicolons and commas", TEXT.replace(",", ";").replace(".", ",").encode()
    yield "w.csv", "a long row", TEXT.replace("0.6", "0.6,1,2,3").encode()
    yield "w.csv", "a short row", TEXT.replace(",0.6", "").encode()
    yield "w.csv", "two million columns", b"date" + b",a" * 2_000_000 + b"\n2020-01-10" + b",1" * 2_000_000
    yield "w.csv", "many digits", TEXT.replace("0.4", "9" * 5_000).encode()
    yield "w.csv.gz", "a bomb", gzip.compress(bytes(80 * 2**20))
    for stamp in ("1500-01-01", "9999-12-31", "2020-13-01", "2020-01-10T99:00", "0", "NaT", "2020-01-10+25:00"):
        yield "w.csv", f"stamp {stamp}", TEXT.replace("2020-01-10", stamp).encode()


def _market() -> Market:
    return Market(sample("daily9", ["SPY", "AAPL"], "2019", "2020-06"))


def test_every_damaged_file_is_read_or_refused(tmp_path: Path) -> None:
    market = _market()

    def inputs() -> Iterator[tuple[str, Callable[[], object]]]:
        for name, what, content in _damaged():
            (tmp_path / name).write_bytes(content)
            yield f"{name}: {what}", lambda path=tmp_path / name: WeightsFile(str(path)).span(market)

    found = outcome(inputs())
    assert not found.broken, found.broken
    assert set(found.taken) == {
        *("w.csv: half", "w.csv: without its end", "w16.csv: half", "w.csv: carriage returns alone"),  # whole rows
        "w.csv: weight -1",  # sold short
        "w.csv.gz: a byte flipped at 10%",  # when it was packed
        *("w.parquet: twice", "w.parquet: a byte flipped at 10%", "w.parquet: a byte flipped at 50%"),  # no check sums
    }


@pytest.mark.parametrize("what", ["a bomb", "an open quote", "empty", "not text", "stamp 1500-01-01"])
def test_the_command_refuses_in_one_message(what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, content = next((name, content) for name, done, content in _damaged() if done == what)
    (tmp_path / name).write_bytes(content)
    before = contents(tmp_path)
    finished = Shell(tmp_path, capsys).evaluate("policy=weights", f"policy.path={name}")
    assert_refused(finished, name)
    assert contents(tmp_path) == before
