"""Untrusted price files: ``rlx data check`` ends with 0 or 2 and one report, regardless of the bytes."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlx.data.check import CheckReport, check_path, render
from rlx.data.findings import Severity
from rlx.data.loader import load_folder
from rlx.errors import RlxError
from tests.app.commands import Shell
from tests.hostile.damage import EXHAUSTIVE, WRONG_VALUES, damaged_bytes, damaged_documents, odd_json

STATUS = (0, 2)


def _frame() -> pd.DataFrame:
    close = 100 + np.arange(60) / 4
    dates = pd.bdate_range("2019-01-02", periods=60)
    return pd.DataFrame(
        {"date": dates, "open": close, "high": close + 1, "low": close - 1, "close": close, "volume": 1000 + close}
    )


def _csv() -> bytes:
    return _frame().to_csv(index=False).encode()


def _zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", _csv())
    return stream.getvalue()


def _arrow(write: str) -> bytes:
    stream = io.BytesIO()
    getattr(_frame(), write)(stream)
    return stream.getvalue()


def _records() -> list[dict[str, Any]]:
    return [{**row, "date": str(row["date"])[:10]} for row in _frame().to_dict("records")]


def _columns(rows: int = 60) -> dict[str, Any]:
    records = pd.DataFrame(_records()[:rows])
    return {name: dict(enumerate(values)) for name, values in records.to_dict("list").items()}


FILES: dict[str, Callable[[], bytes]] = {
    "a.csv": _csv,
    "a.txt": lambda: _frame().to_csv(index=False, sep=";", decimal=",").encode("utf-16"),
    "a.csv.gz": lambda: gzip.compress(_csv()),
    "a.zip": _zip,
    "a.parquet": lambda: _arrow("to_parquet"),
    "a.feather": lambda: _arrow("to_feather"),
    "a.json": lambda: json.dumps(_records()).encode(),
    "b.json": lambda: json.dumps(_columns()).encode(),
}


def _ends(path: Path) -> CheckReport:
    """Check a path and load it: what the check calls usable is a panel, what it refuses is refused with our words."""
    report = check_path(str(path))
    status = report.exit_status(strict=False)
    assert render(report) is not None
    if status == 2:
        assert any(finding.severity is Severity.error and finding.message.strip() for finding in report.findings)
        with pytest.raises(RlxError):
            load_folder(str(path))
    else:
        assert status == 0
        panel = load_folder(str(path))
        assert len(panel) == report.common_rows and (panel.close > 0.0).all() and np.isfinite(panel.close).all()
    return report


@pytest.mark.parametrize("name", FILES)
def test_the_whole_files_are_fine(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(FILES[name]())
    assert _ends(tmp_path / name).exit_status(strict=False) == 0
    np.testing.assert_array_equal(load_folder(str(tmp_path)).close[:, 0], _frame()["close"])


@pytest.mark.parametrize("name", FILES)
def test_damaged_bytes(name: str, tmp_path: Path) -> None:
    for _, data in damaged_bytes(FILES[name]()):
        (tmp_path / name).write_bytes(data)
        _ends(tmp_path / name)


@pytest.mark.parametrize("flips", [25, pytest.param(400, marks=EXHAUSTIVE)])
@pytest.mark.parametrize("name", FILES)
def test_bytes_flipped(name: str, flips: int, tmp_path: Path) -> None:
    data = FILES[name]()
    for place in range(0, len(data), max(1, len(data) // flips)):
        (tmp_path / name).write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :])
        _ends(tmp_path / name)


@pytest.mark.parametrize("sampled", [True, pytest.param(False, marks=EXHAUSTIVE)])
@pytest.mark.parametrize(
    "document", [_records()[:3], _columns(3), json.loads(pd.DataFrame(_records()).to_json(orient="split"))]
)
def test_json_with_any_wrong_value(document: Any, sampled: bool, tmp_path: Path) -> None:
    for _, changed in damaged_documents(document, sampled):
        (tmp_path / "a.json").write_text(json.dumps(changed))
        _ends(tmp_path / "a.json")


@pytest.mark.parametrize("sampled", [True, pytest.param(False, marks=EXHAUSTIVE)])
def test_json_of_rows_without_names_with_any_wrong_value(sampled: bool, tmp_path: Path) -> None:
    for _, changed in damaged_documents([list(row.values()) for row in _records()[:2]], sampled):
        (tmp_path / "a.json").write_text(json.dumps(changed))
        _ends(tmp_path / "a.json")


def test_json_rows_of_another_length_are_named(tmp_path: Path) -> None:
    document = json.loads(pd.DataFrame(_records()).to_json(orient="split"))
    document["data"][1] = document["data"][1][:-1]
    (tmp_path / "a.json").write_text(json.dumps(document))
    with pytest.raises(RlxError, match="row 2 does not have 6 cells"):
        load_folder(str(tmp_path / "a.json"))


def test_odd_json(tmp_path: Path) -> None:
    for _, text in odd_json(json.dumps(_records())):
        (tmp_path / "a.json").write_text(text)
        _ends(tmp_path / "a.json")


@pytest.mark.parametrize("column", ["date", "close", "volume", "symbol"])
@pytest.mark.parametrize("value", WRONG_VALUES, ids=lambda value: json.dumps(value)[:20])
def test_parquet_with_a_wrong_column(column: str, value: Any, tmp_path: Path) -> None:
    frame = _frame().assign(symbol="A")
    frame[column] = pd.Series([value] * len(frame), dtype=object)
    try:
        frame.to_parquet(tmp_path / "a.parquet")
    except Exception:  # what no Parquet file can hold
        pytest.skip("no Parquet file can hold it")
    _ends(tmp_path / "a.parquet")


NUMBERS = st.one_of(
    st.floats().map(repr),
    st.integers().map(str),
    st.floats(0.001, 1e7).map(lambda value: f"{value:,.3f}"),
    st.floats(0.001, 1e7).map(lambda value: f"{value:,.2f}".translate(str.maketrans(",.", ".,"))),
    st.sampled_from(
        ["", "-", "n/a", "1e999", "9" * 400, "1.234", "1,234", "$5", "5%", "3.89M", "1'000", "0x1", "∞", "\uff11"]
    ),
    st.text(max_size=6),
)
STAMPS = st.one_of(
    st.datetimes().map(str),
    st.datetimes(timezones=st.timezones()).map(str),
    st.dates().map(lambda day: f"{day:%d.%m.%Y}"),
    st.integers(0, 10**20).map(str),
    st.sampled_from(["", "0000-00-00", "2019-02-30", "20191301", "-1", "nan", "NaT", "now", "2019-W01", "99:99"]),
    st.text(max_size=12),
)
CELLS = st.one_of(NUMBERS, STAMPS)
HEADERS = st.sampled_from(
    ["date,open,high,low,close,volume", "date;close", "time\tclose\tsymbol", "Date,AAPL,C,T", ",close", '"a""b",x', ""]
)


@st.composite
def _tables(draw: st.DrawFn) -> bytes:
    header = draw(HEADERS)
    mark = next((mark for mark in ";\t" if mark in header), ",")
    quote = draw(st.sampled_from(["", '"', "'"]))
    width = draw(st.integers(1, 7))
    rows = draw(st.lists(st.tuples(STAMPS, st.lists(CELLS, min_size=width, max_size=width)), max_size=8))
    lines = [mark.join(f"{quote}{cell}{quote}" for cell in (stamp, *cells)) for stamp, cells in rows]
    end = draw(st.sampled_from(["\n", "\r", "\r\n"]))
    encoding = draw(st.sampled_from(["utf-8", "utf-16", "gb18030", "cp1252", "utf-32"]))
    return end.join([header, *lines]).encode(encoding, errors="replace")


def _in_a_folder(name: str, data: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        yield path


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.one_of(_tables(), st.binary(max_size=400)), name=st.sampled_from(sorted(FILES)))
def test_any_table(data: bytes, name: str) -> None:
    for path in _in_a_folder(name if not name.endswith(("zip", "gz")) else "a.csv", data):
        _ends(path)


@pytest.mark.exhaustive
@pytest.mark.slow
@settings(max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=_tables())
def test_any_table_at_length(data: bytes) -> None:
    for path in _in_a_folder("a.csv", data):
        _ends(path)


@pytest.mark.parametrize("cell", ["a{}b", "${}x$", "1:00{}x", "1{}:00x", "{}$", "1,1{}"])
@pytest.mark.parametrize("filling", [" ", "1", ",1", "1,", "\u00a01", '""'])
@pytest.mark.parametrize("column", [0, 1])
def test_a_page_in_a_cell_takes_no_hours(cell: str, filling: str, column: int, tmp_path: Path) -> None:
    rows = [[f"2019-01-0{day}", "$1.5"] for day in range(2, 6)]
    rows[2][column] = cell.format(filling * (100_000 // len(filling)))
    lines = ["date,close", *(",".join(f'"{one}"' for one in row) for row in rows)]
    (tmp_path / "a.csv").write_text("\n".join(lines), encoding="utf-8")
    _ends(tmp_path / "a.csv")


@pytest.mark.parametrize("name", FILES)
def test_the_command_ends_in_one_report(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = FILES[name]()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    finished = Shell(tmp_path, capsys).tools("data", "check", name)
    assert finished.status in STATUS and "Traceback" not in finished.out + finished.err
    assert name.partition(".")[0] in finished.out
