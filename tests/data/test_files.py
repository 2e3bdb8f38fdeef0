"""Files as they come: line ends, quotes, encodings, archives, JSON of every kind, odd names, columns nobody reads."""

from __future__ import annotations

import gzip
import json
import os
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rlx.data.check import CheckReport, check_path
from rlx.data.findings import Severity
from rlx.data.loader import load_folder
from rlx.data.panel import MarketPanel
from rlx.data.readers import unpack
from rlx.data.readers.tables import read_table
from rlx.data.survey import _select, survey
from rlx.errors import DataError
from rlx.untrusted.documents import parse_yaml

TICKERS = (
    "NAN",
    "NULL",
    "NA",
    "None",
    "TRUE",
    "INF",
    "1E5",
    "000001",
    "No",
    "ON",
    "^GSPC",
    "ES=F",
    "BTC/USD",
    "A&B",
    "贵州",
)


def _frame(rows: int = 6) -> pd.DataFrame:
    dates = pd.bdate_range("2019-01-02", periods=rows)
    close = 100 + np.arange(rows) / 4
    return pd.DataFrame({"date": dates, "open": close, "high": close + 1, "low": close - 1, "close": close})


def _csv(extra: str = "", rows: int = 6) -> str:
    return _frame(rows).to_csv(index=False).replace("\n", f"{extra}\n")


def _said(report: CheckReport, code: str) -> list[str]:
    return [finding.message for finding in report.findings if finding.code == code]


def _same(panel: MarketPanel) -> bool:
    return panel.close[:, 0].tolist() == _frame()["close"].tolist()


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_line_ends_of_every_kind(end: str, tmp_path: Path) -> None:
    (tmp_path / "A.csv").write_bytes(_csv().replace("\n", end).encode())
    assert _same(load_folder(str(tmp_path)))


@pytest.mark.parametrize("rows", [60, 9000])
def test_a_quotation_mark_without_its_partner_is_refused_by_line(rows: int, tmp_path: Path) -> None:
    lines = _csv(rows=rows).splitlines()
    lines[20] = lines[20].replace(",", ',"', 1)
    (tmp_path / "A.csv").write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"A\.csv: line 21 has a quotation mark without its partner"):
        load_folder(str(tmp_path))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("cell", ['"two\nlines\n\nand more"', 'a 5" pipe', '"a 5"" pipe"', '"of 5"" and\n7"""'])
def test_text_beside_the_prices_may_have_lines_and_inches(cell: str, delimiter: str, tmp_path: Path) -> None:
    rows = [f"{line},{'x' if number else 'note'}".split(",") for number, line in enumerate(_csv().splitlines())]
    for row in (1, 2, 5):
        rows[row][-1] = cell
    (tmp_path / "A.csv").write_text("\n".join(delimiter.join(row) for row in rows))
    assert _same(load_folder(str(tmp_path)))


@pytest.mark.parametrize(
    "damage",
    [
        lambda line: f'{line},"x',
        lambda line: line.replace(",", ',"', 1),
        lambda line: line.replace(",", ',"', 1) + ',"x"',
    ],
)
@pytest.mark.parametrize("later", ["", '2019-01-09,1,2,0.5,1,"x"', '2019-01-09,1,2,0.5,1,x"'])
def test_a_quotation_mark_never_swallows_a_row(damage: Callable[[str], str], later: str, tmp_path: Path) -> None:
    lines = _csv(",x").splitlines()
    lines[3] = damage(lines[3].removesuffix(",x"))
    (tmp_path / "A.csv").write_text("\n".join([*lines, later]))
    with pytest.raises(DataError, match=r"A\.csv: line 4 has a quotation mark without its partner"):
        load_folder(str(tmp_path))


def test_more_columns_than_a_page_of_text_holds(tmp_path: Path) -> None:
    frame = pd.DataFrame({f"S{k}": [1.5, 1.25, 1.5] for k in range(30_000)}, index=_frame(3)["date"])
    frame.to_csv(tmp_path / "closes.csv")
    table = read_table(tmp_path / "closes.csv")
    assert table.cells.shape == (3, 30_001) and table.columns is not None and table.columns[-1] == "S29999"


def test_a_pipe_and_a_device_are_no_prices(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for path in ("/dev/zero", str(tmp_path / "pipe.csv")):
        with pytest.raises(DataError, match=rf"data\.path={path}: neither a file nor a folder"):
            load_folder(path)


def test_what_is_no_regular_file_is_named_as_left_out(tmp_path: Path) -> None:
    (tmp_path / "A.csv").write_text(_csv())
    os.mkfifo(tmp_path / "F.csv")
    report = check_path(str(tmp_path))
    (finding,) = [finding for finding in report.findings if finding.code == "not_regular"]
    assert finding.file == "F.csv" and "is not a regular file" in finding.message and report.exit_status(True) == 1
    assert _same(load_folder(str(tmp_path), symbols=["A"]))
    with pytest.raises(DataError, match=r"'F' is not available, because .*F\.csv is not a regular file\."):
        load_folder(str(tmp_path), symbols=["A", "F"])


def test_a_folder_of_pipes_and_broken_links_says_so(tmp_path: Path) -> None:
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    with pytest.raises(DataError, match=r"Not regular files, but pipes, .*: loop\.csv, zero\.csv\."):
        load_folder(str(tmp_path))


@pytest.mark.parametrize(("encoding", "extra"), [("gb18030", ",贵州茅台"), ("gbk", ",贵"), ("cp1252", ",€ Zürich"),
                                                ("shift_jis", ",ソニー"), ("big5", ",台積電")])  # fmt: skip
def test_text_of_any_encoding_beside_the_prices_changes_nothing(encoding: str, extra: str, tmp_path: Path) -> None:
    (tmp_path / "A.csv").write_bytes(_csv(extra).encode(encoding))
    assert _same(load_folder(str(tmp_path)))
    report = check_path(str(tmp_path))
    assert "is not guessed" in _said(report, "encoding")[0] and len(_said(report, "unused_columns")) == 1


@pytest.mark.parametrize(
    "text", ["date,tic,close\n2019-01-02,é,1\n2019-01-03,é,2\n", "date,close\n2019-01-02,€1\n2019-01-03,€2\n",
             "Dätum,close\n2019-01-02,1\n2019-01-03,2\n", "date,É,F\n2019-01-02,1,2\n2019-01-03,1,2\n"]
)  # fmt: skip
def test_text_that_matters_must_be_decodable(text: str, tmp_path: Path) -> None:
    (tmp_path / "A.csv").write_bytes(text.encode("cp1252"))
    with pytest.raises(DataError, match=r"save the file as UTF-8"):
        load_folder(str(tmp_path), close_only=True)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_unicode_of_every_kind(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "A.csv").write_bytes(_csv().encode(encoding))
    assert _same(load_folder(str(tmp_path)))


@pytest.mark.parametrize("orient", ["columns", "index", "records", "split", "table", "list"])
@pytest.mark.parametrize("dates", ["keys", "column"])
def test_every_json_that_pandas_writes_is_read_beside_csv(orient: str, dates: str, tmp_path: Path) -> None:
    (tmp_path / "C.csv").write_text(_csv())
    frame = _frame() if dates == "column" or orient in ("records", "list") else _frame().set_index("date")
    if "date" in frame:
        frame["date"] = frame["date"].astype("datetime64[ms]").astype("int64")
    else:
        frame.index = frame.index.astype("datetime64[ms]").astype("int64").rename("date")
    if orient == "list":
        (tmp_path / "A.json").write_text(json.dumps(frame.to_dict("list")))
    else:
        frame.to_json(tmp_path / "A.json", orient=orient)
    panel = load_folder(str(tmp_path))
    assert panel.symbols == ("A", "C")
    np.testing.assert_array_equal(panel.close[:, 0], panel.close[:, 1])


@pytest.mark.parametrize("orient", ["records", "index", "table"])
def test_columns_of_lists_are_named_or_refused_in_json_too(orient: str, tmp_path: Path) -> None:
    frame = _frame().assign(note=[["a"]] * 6, date=_frame()["date"].astype(str))
    frame.to_json(tmp_path / "A.json", orient=orient)
    assert _said(check_path(str(tmp_path)), "unused_columns") == ["not used: note."]
    frame.assign(open=[[1.0]] * 6).to_json(tmp_path / "A.json", orient=orient)
    with pytest.raises(DataError, match="'open' has lists or structures"):
        load_folder(str(tmp_path))


@pytest.mark.parametrize(
    "text",
    [
        '{"made": "by hand", "files": ["C.csv"]}',
        '{"columns": ["open", "close"], "symbols": {"AA": {"rows": 1}, "C": {"rows": 1}, "LOW": {"last": "2019"}}}',
    ],
)
def test_json_about_something_else_is_left_out_by_name(text: str, tmp_path: Path) -> None:
    (tmp_path / "C.csv").write_text(_csv())
    (tmp_path / "notes.json").write_text(text)
    assert load_folder(str(tmp_path)).symbols == ("C",)
    (finding,) = [one for one in check_path(str(tmp_path)).findings if one.code == "not_prices"]
    assert finding.severity is Severity.warning and finding.file == "notes.json"
    with pytest.raises(DataError, match=r"notes\.json: JSON of prices is"):
        load_folder(str(tmp_path / "notes.json"))


@pytest.mark.parametrize(
    "text",
    [
        '[[1609459200000,1,2,0.5,1,5],{"a":1}]', '[[1609459200000,1,2,0.5,1,5],[1609459200001,1]]', "[[1,[2],3,4,5,6]]",
        '[{"date":"2020-01-01","close":[1]},{"date":"2020-01-02","close":2}]', '{"open": {"a": 1}, "close": 3}',
        '{"meta": {"symbol": "A"}, "bars": [{"date": "2020-01-01", "close": 1}]}', '{"open":[1,2],"close":[1]}',
        '[["2020-01-01",' + "9" * 5000 + ",1,1,1]]", "[" * 10_000 + "]" * 10_000, '{"close": {"a": {"b": 1}}}',
    ],
)  # fmt: skip
def test_json_of_mixed_kinds_is_refused_in_one_message(text: str, tmp_path: Path) -> None:
    (tmp_path / "C.csv").write_text(_csv())
    (tmp_path / "A.json").write_text(text)
    with pytest.raises(DataError, match=r"A\.json"):
        load_folder(str(tmp_path))


@pytest.mark.parametrize("ticker", TICKERS)
def test_any_text_is_a_symbol_of_a_long_file(ticker: str, tmp_path: Path) -> None:
    frame = pd.concat([_frame().assign(tic=ticker), _frame().assign(tic="SPY")])
    frame.to_csv(tmp_path / "long.csv", index=False)
    assert load_folder(str(tmp_path), [ticker]).symbols == (ticker,)


@pytest.mark.parametrize("ticker", ["NAN", "NA", "NULL", "TRUE", "INF", "1E5"])
def test_any_text_is_a_symbol_of_a_file_name(ticker: str, tmp_path: Path) -> None:
    (tmp_path / f"{ticker}.csv").write_text(_csv())
    assert load_folder(str(tmp_path), [ticker]).symbols == (ticker,)


@pytest.mark.parametrize(("ticker", "value"), [("TRUE", "True"), ("1E5", "100000.0"), ("007", "7")])
def test_a_symbol_that_yaml_took_for_a_value_is_explained(ticker: str, value: str, tmp_path: Path) -> None:
    (tmp_path / f"{ticker}.csv").write_text(_csv())
    with pytest.raises(DataError, match=rf'Write "{ticker}" in quotes'):
        load_folder(str(tmp_path), [value])


def test_many_names_are_one_document_of_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr("rlx.data.survey.parse_yaml", lambda text, name: read.append(text) or parse_yaml(text, name))
    names = [*(f"SYM{number}" for number in range(2000)), "1E5", "TRUE", "007"]
    for symbol in ("SYM", "7"):
        with pytest.raises(DataError, match=r"data\.symbols"):
            _select(names, [symbol, "NOPE"])
    assert read == ["- 1E5\n- TRUE\n- 007\n"]


def test_citigroup_and_visa_are_symbols_of_a_matrix(tmp_path: Path) -> None:
    closes = _frame()["close"].to_numpy()
    frame = pd.DataFrame({"Date": _frame()["date"], "AAPL": closes, "C": closes * 2, "T": closes * 3, "V": closes * 4})
    frame.to_csv(tmp_path / "closes.csv", index=False)
    assert load_folder(str(tmp_path)).symbols == ("AAPL", "C", "T", "V")


def test_columns_that_nothing_is_read_from_are_named_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    frame = pd.concat([_frame().assign(tic=tic) for tic in ("A", "B", "C")])
    frame.assign(vwap=1, sentiment="x").to_csv(tmp_path / "long.csv")
    with caplog.at_level("INFO", logger="rlx.data"):
        load_folder(str(tmp_path))
    assert caplog.text.count("not used: vwap, sentiment.") == 1
    (tmp_path / "long.csv").write_text(frame.to_csv())
    assert _said(check_path(str(tmp_path)), "unused_columns") == []


YEN = ["20210104 00:00,37878,37928,37828,37878,350", "20210105 00:00,37878,37928,37769,37819,709",
       "20210106 00:00,37819,37869,37592,37642,232"]  # fmt: skip


@pytest.mark.parametrize("packed", [False, True])
def test_whole_yen_are_not_taken_for_lean(packed: bool, tmp_path: Path) -> None:
    (tmp_path / "N225.csv").write_text("\n".join(YEN))
    if packed:
        with zipfile.ZipFile(tmp_path / "N225.zip", "w") as archive:
            archive.write(tmp_path / "N225.csv", "N225.csv")
        (tmp_path / "N225.csv").unlink()
    with pytest.raises(DataError, match=r"data\.price_scale=10000 \(3\.7878\) or data\.price_scale=1 \(37878\)"):
        load_folder(str(tmp_path))
    assert load_folder(str(tmp_path), price_scale=1).close[0, 0] == 37878.0
    assert load_folder(str(tmp_path), price_scale=10000).close[0, 0] == 3.7878


def test_a_declared_scale_spares_the_volume_and_is_told(tmp_path: Path) -> None:
    _frame().assign(volume=7.0).to_csv(tmp_path / "A.csv", index=False)
    panel = load_folder(str(tmp_path), price_scale=100)
    assert panel.close[0, 0] == 1.0 and panel.volume is not None and panel.volume[0, 0] == 7.0
    with pytest.raises(DataError, match=r"data\.price_scale=0"):
        load_folder(str(tmp_path), price_scale=0)


def _pack(path: Path, data: bytes) -> Path:
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(data))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.csv", data)
    return path


@pytest.mark.parametrize("name", ["a.csv.gz", "a.zip"])
def test_a_bomb_is_refused_while_it_is_small(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "FREE_BYTES", 2**20)
    path = _pack(tmp_path / name, b"0" * 2**26)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"has more than .* MiB, unpacked"):
            load_folder(str(path))
        assert tracemalloc.get_traced_memory()[1] < 2**25  # of 2**26 bytes, unpacked
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["a.csv.gz", "a.zip"])
def test_damaged_archives_are_refused(name: str, tmp_path: Path) -> None:
    path = _pack(tmp_path / name, _csv(rows=500).encode())
    whole = path.read_bytes()
    assert len(load_folder(str(path))) == 500
    for data in (whole[:-5], whole[:40], whole[:60] + b"\xff\xff\xff" + whole[63:]):
        path.write_bytes(data)
        with pytest.raises(DataError, match=name):
            load_folder(str(path))


def test_a_line_beyond_any_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "A.csv").write_text("date,close\n2020-01-01," + "9" * 2_000_000 + "\n")
    with pytest.raises(DataError, match="line 2 has more than 1,048,576 characters"):
        load_folder(str(tmp_path))


@pytest.mark.parametrize("row", [1, 3])
def test_a_row_with_too_many_cells_is_refused_wherever_it_stands(row: int, tmp_path: Path) -> None:
    lines = _csv().splitlines()
    lines[row] += ",7"
    (tmp_path / "A.csv").write_text("\n".join(lines))
    with pytest.raises(DataError, match="rows of different lengths"):
        load_folder(str(tmp_path))


@pytest.mark.parametrize("data", [" \n\n".encode("utf-16"), b"\r\r", gzip.compress(b"", mtime=0)])
def test_files_of_nothing_are_empty(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "A.csv").write_bytes(data)
    with pytest.raises(DataError, match=r"A\.csv: the file is empty"):
        load_folder(str(tmp_path))


@pytest.mark.parametrize("value", [[1.0], {"a": 1.0}])
@pytest.mark.parametrize("column", ["date", "close", "symbol", "vwap"])
def test_nested_columns_of_parquet(value: object, column: str, tmp_path: Path) -> None:
    frame = _frame().assign(symbol="A").assign(**{column: [value] * 6})
    frame.to_parquet(tmp_path / "A.parquet")
    if column == "vwap":
        assert _said(check_path(str(tmp_path)), "unused_columns") == ["not used: vwap."]
        return
    with pytest.raises(DataError, match=f"'{column}' has lists or structures"):
        survey(str(tmp_path))


@pytest.mark.parametrize("write", ["to_parquet", "to_feather"])
def test_a_file_of_endless_equal_rows(write: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"A.{write.removeprefix('to_')}"
    getattr(_frame(), write)(path)
    assert _same(load_folder(str(path)))
    monkeypatch.setattr("rlx.data.readers.arrow_table.MAX_CELLS", 20)
    with pytest.raises(DataError, match="6 rows of 5 columns; at most 20 cells are read"):
        load_folder(str(path))


def test_a_feather_file_of_a_billion_rows_takes_no_memory(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import feather

    feather.write_feather(pa.table({"date": pa.nulls(10**9)}), str(tmp_path / "A.feather"), chunksize=10**9)
    before = pa.default_memory_pool().max_memory()
    with pytest.raises(DataError, match="1,000,000,000 rows"):
        load_folder(str(tmp_path))
    assert pa.default_memory_pool().max_memory() - before < 2**24
