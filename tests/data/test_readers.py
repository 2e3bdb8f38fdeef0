"""Layouts in small: every one gives the same market, whatever it looks like on disk."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rlx.data.loader import load_folder
from rlx.data.panel import MarketPanel
from rlx.data.readers.names import symbol_from_name
from rlx.data.sources import sample
from rlx.errors import DataError

SYMBOLS = ("SPY", "AAPL", "BAC")


@pytest.fixture(scope="module")
def panel() -> MarketPanel:
    return sample("daily9", SYMBOLS, "2015-01", "2015-06")


def _frame(panel: MarketPanel, symbol: str) -> pd.DataFrame:
    column = panel.symbols.index(symbol)
    fields = {name.title(): getattr(panel, name)[:, column] for name in ("open", "high", "low", "close", "volume")}
    return pd.DataFrame({"Date": pd.to_datetime(panel.timestamps), **fields})


def _long(panel: MarketPanel) -> pd.DataFrame:
    return pd.concat([_frame(panel, symbol).assign(tic=symbol) for symbol in panel.symbols])


def _write_csv_folder(panel: MarketPanel, place: Path) -> Path:
    for symbol in panel.symbols:
        _frame(panel, symbol).to_csv(place / f"{symbol}.csv", index=False)
    (place / "manifest.json").write_text('{"made": "by hand"}')
    (place / "README.md").write_text("prices")
    return place


def _write_parquet_folder(panel: MarketPanel, place: Path) -> Path:
    for symbol in panel.symbols:
        _frame(panel, symbol).set_index("Date").to_parquet(place / f"{symbol}.parquet")
    return place


def _write_feather_folder(panel: MarketPanel, place: Path) -> Path:
    for symbol in panel.symbols:
        _frame(panel, symbol).assign(Date=lambda t: t["Date"].dt.tz_localize("UTC")).to_feather(
            place / f"{symbol}.feather"
        )
    return place


def _write_long_csv(panel: MarketPanel, place: Path) -> Path:
    _long(panel).to_csv(place / "all.csv")  # with an unnamed index column
    return place / "all.csv"


def _write_long_parquet(panel: MarketPanel, place: Path) -> Path:
    _long(panel).reset_index(drop=True).to_parquet(place / "all.parquet")
    return place / "all.parquet"


def _write_gzip(panel: MarketPanel, place: Path) -> Path:
    with gzip.open(place / "all.csv.gz", "wt") as stream:
        _long(panel).to_csv(stream, index=False)
    return place / "all.csv.gz"


def _write_semicolons(panel: MarketPanel, place: Path) -> Path:
    _long(panel).to_csv(place / "all.csv", index=False, sep=";", decimal=",", date_format="%d.%m.%Y")
    return place


def _write_descending_us_dates(panel: MarketPanel, place: Path) -> Path:
    for symbol in panel.symbols:
        frame = _frame(panel, symbol).iloc[::-1]
        columns = ["Date", "Close", "Volume", "Open", "High", "Low"]
        frame[columns].to_csv(place / f"{symbol}.csv", index=False, date_format="%m/%d/%Y", lineterminator="\r\n")
    return place


def _write_stooq(panel: MarketPanel, place: Path) -> Path:
    for symbol in panel.symbols:
        _frame(panel, symbol).assign(OpenInt=0).to_csv(place / f"{symbol.lower()}.us.txt", index=False)
    return place


def _write_yfinance(panel: MarketPanel, place: Path) -> Path:
    wide = pd.concat({symbol: _frame(panel, symbol).set_index("Date") for symbol in panel.symbols}, axis=1)
    wide = wide.swaplevel(axis=1)
    wide.columns.names = ["Price", "Ticker"]
    wide.to_csv(place / "download.csv")
    return place / "download.csv"


def _write_yfinance_by_ticker(panel: MarketPanel, place: Path) -> Path:
    wide = pd.concat({symbol: _frame(panel, symbol).set_index("Date") for symbol in panel.symbols}, axis=1)
    wide.columns.names = ["Ticker", "Price"]
    wide.to_csv(place / "download.csv")
    return place


def _write_local_midnights(panel: MarketPanel, place: Path) -> Path:
    for symbol in panel.symbols:
        frame = _frame(panel, symbol)
        stamps = frame["Date"].dt.tz_localize("America/New_York")
        frame.assign(Date=stamps).to_csv(place / f"{symbol}.csv", index=False)
    return place


def _write_epochs(panel: MarketPanel, place: Path) -> Path:
    for symbol, unit in zip(panel.symbols, ("s", "ms", "ns"), strict=True):
        frame = _frame(panel, symbol)
        frame["Date"] = panel.timestamps.astype(f"datetime64[{unit}]").astype(np.int64)
        frame.rename(columns={"Date": "unix"}).to_csv(place / f"{symbol}.csv", index=False)
    return place


def _write_headerless(panel: MarketPanel, place: Path) -> Path:
    for symbol in panel.symbols:
        _frame(panel, symbol).to_csv(
            place / f"{symbol}.csv", index=False, header=False, date_format="%d%m%y", quoting=1
        )
    return place


def _write_json(panel: MarketPanel, place: Path) -> Path:
    for symbol in panel.symbols:
        frame = _frame(panel, symbol)
        frame["Date"] = panel.timestamps.astype("datetime64[ms]").astype(np.int64)
        (place / f"{symbol}.json").write_text(json.dumps(frame.to_numpy().tolist()))
    return place


def _write_raw_with_adjusted_columns(panel: MarketPanel, place: Path) -> Path:
    for symbol in panel.symbols:
        frame = _frame(panel, symbol)
        raw = frame.set_index("Date").mul(2.0)
        frame.set_index("Date").add_prefix("Adj. ").join(raw).to_csv(place / f"WIKI-{symbol}.csv")
    return place


LAYOUTS = [value for name, value in sorted(globals().items()) if name.startswith("_write_")]


@pytest.mark.parametrize("write", LAYOUTS, ids=lambda write: write.__name__[7:])
def test_every_layout_gives_the_same_fingerprint(write, panel: MarketPanel, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    loaded = load_folder(str(write(panel, tmp_path)), SYMBOLS)
    np.testing.assert_array_equal(loaded.timestamps, panel.timestamps)
    np.testing.assert_array_equal(loaded.close, panel.close)
    assert loaded.fingerprint == panel.fingerprint
    assert loaded.frequency == "1D" and loaded.periods_per_year == 252


def test_matrix_of_closes_is_close_only(panel: MarketPanel, tmp_path: Path) -> None:
    closes = pd.DataFrame(panel.close, columns=list(SYMBOLS), index=pd.Index(panel.timestamps, name="Date"))
    closes.to_csv(tmp_path / "closes.csv")
    loaded = load_folder(str(tmp_path))
    assert loaded.close_only and loaded.volume is None and loaded.symbols == SYMBOLS
    np.testing.assert_array_equal(loaded.close, panel.close)


def test_matrix_symbol_absent_on_some_dates_is_joined_not_filled(
    panel: MarketPanel, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    closes = pd.DataFrame(panel.close, columns=list(SYMBOLS), index=pd.Index(panel.timestamps, name="Date"))
    closes.iloc[10:12, 1] = np.nan
    closes.to_csv(tmp_path / "closes.csv")
    loaded = load_folder(str(tmp_path / "closes.csv"))
    assert len(loaded) == len(panel) - 2
    assert "2 of" in caplog.text and "AAPL lacks 2" in caplog.text


def test_matrix_needs_ticker_names_unless_closes_are_declared(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("date,bitcoin,ether\n2020-01-01,1.0,2.0\n2020-01-02,1.1,2.1\n2020-01-03,1.2,2.2\n")
    with pytest.raises(DataError, match=r"no price columns among .date, bitcoin, ether"):
        load_folder(str(path))
    assert load_folder(str(path), close_only=True).symbols == ("bitcoin", "ether")


def test_lean_zip_is_scaled_down(tmp_path: Path) -> None:
    rows = "20210329 00:00,1216500,1225800,1207300,1213900,1000\n20210330 00:00,1200100,1213900,1188600,1199000,2000\n"
    with zipfile.ZipFile(tmp_path / "aapl.zip", "w") as archive:
        archive.writestr("aapl.csv", rows)
    panel = load_folder(str(tmp_path / "aapl.zip"))
    assert panel.symbols == ("AAPL",) and panel.close[:, 0].tolist() == [121.39, 119.9]


def test_date_and_time_in_two_fields_under_one_name_are_not_shifted(tmp_path: Path) -> None:
    path = tmp_path / "minute.txt"
    lines = [f"2006-01-02,09:0{k}:00,10.0,12.0,9.0,1{k % 2}.0,5,0" for k in range(1, 6)]
    path.write_text("Date,Open,High,Low,Close,Volume,OpenInterest\n" + "\n".join(lines) + "\n")
    panel = load_folder(str(path))
    assert panel.open is not None and panel.open[0, 0] == 10.0 and panel.close[0, 0] == 11.0
    assert panel.frequency == "1min" and panel.timestamps[0] == np.datetime64("2006-01-02T09:01")


def test_intraday_stamps_with_offsets_become_utc(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    hours = [f"2021-03-12 {h}:00:00-05:00,1,1" for h in (14, 15)] + [f"2021-03-15 {h}:00:00-04:00,1,1" for h in (9, 10)]
    path.write_text("timestamp,close,volume\n" + "\n".join(hours) + "\n")
    panel = load_folder(str(path))
    assert panel.timestamps.astype("datetime64[h]").astype(str).tolist() == [
        "2021-03-12T19", "2021-03-12T20", "2021-03-15T13", "2021-03-15T14",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("stamp", "session"),
    [
        ("2013-09-12 00:00:00+05:30", "2013-09-12"),
        ("2013-09-12 16:00:00-04:00", "2013-09-12"),
        ("2013-09-12T00:00:00Z", "2013-09-12"),
        ("20130912", "2013-09-12"),
        ("12-Sep-2013", "2013-09-12"),
        ("1378944000", "2013-09-12"),
    ],
)
def test_daily_stamp_labels_its_local_session(stamp: str, session: str, tmp_path: Path) -> None:
    later = {"1378944000": "1379030400"}.get(stamp, stamp.replace("09-12", "09-13").replace("0912", "0913"))
    later = later.replace("12-Sep", "13-Sep")
    (tmp_path / "X.csv").write_text(f"date,close\n{stamp},1.0\n{later},1.1\n")
    assert load_folder(str(tmp_path)).timestamps[0] == np.datetime64(session)


def test_undecidable_dates_are_refused(tmp_path: Path) -> None:
    (tmp_path / "X.csv").write_text("date,close\n01/02/2020,1.0\n02/01/2020,1.1\n03/03/2020,1.2\n")
    panel = load_folder(str(tmp_path))  # only month first is in order
    assert panel.timestamps[0] == np.datetime64("2020-01-02")
    (tmp_path / "X.csv").write_text("date,close\n01/02/2020,1.0\n02/03/2020,1.1\n")
    with pytest.raises(DataError, match="several formats"):
        load_folder(str(tmp_path))


def test_title_line_words_and_abbreviated_volumes(tmp_path: Path) -> None:
    rows = ['"Jan 24, 2020","$1,318.31","36.63M"', '"Jan 23, 2020","$1,319.23","950K"']
    (tmp_path / "X.csv").write_text("\n".join(["https://example.com", "Date,Price,Vol.", *rows, ""]))
    panel = load_folder(str(tmp_path))
    assert panel.close[:, 0].tolist() == [1319.23, 1318.31]
    assert panel.volume is not None and panel.volume[:, 0].tolist() == [950e3, 36.63e6]


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("AAPL.csv", "AAPL"),
        ("aapl.us.txt", "AAPL"),
        ("HD_2006-01-01_to_2018-01-01.csv", "HD"),
        ("NASDAQ_AAPL_30Y.csv", "AAPL"),
        ("WIKI-AAPL.csv", "AAPL"),
        ("AAPL_data.csv", "AAPL"),
        ("BTC_USDT-1h.json", "BTC_USDT"),
        ("ETH_BTC-5m.feather", "ETH_BTC"),
        ("EURUSD_1h.csv", "EURUSD"),
        ("BRK-B.csv.gz", "BRK-B"),
    ],
)
def test_symbol_from_the_file_name(name: str, symbol: str) -> None:
    assert symbol_from_name(Path(name)) == symbol
