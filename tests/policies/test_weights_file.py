from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rlx.data.market import Market
from rlx.data.panel import MarketPanel
from rlx.data.splits import Span
from rlx.errors import ConfigError, WeightsError
from rlx.policies.weights_file import WeightsFile
from tests.policies.acting import observe

# Monday to Friday, then Monday to Wednesday
DAYS = np.array(
    [f"2020-01-{day:02d}" for day in (6, 7, 8, 9, 10, 13, 14, 15)],
    dtype="datetime64[ns]",
)


@pytest.fixture
def market() -> Market:
    close = np.stack([100.0 * 1.1 ** np.arange(8), np.full(8, 50.0)], axis=1)
    return Market(MarketPanel(("AAA", "BBB"), DAYS, close))


def write(folder: Path, text: str) -> str:
    path = folder / "weights.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def targets(policy: WeightsFile, market: Market) -> np.ndarray:
    policy.bind(market)
    return policy.act(observe(market, list(range(market.n_bars))))


def test_rows_are_decided_at_their_bar_and_drift_until_the_next(market: Market, tmp_path: Path) -> None:
    path = write(tmp_path, "date,BBB,AAA\n2020-01-07,0.5,0.5\n2020-01-10,1.0,0.0\n")
    held = targets(WeightsFile(path), market)
    np.testing.assert_array_equal(held[0], [0.0, 0.0])  # cash before the first row
    np.testing.assert_allclose(held[1], [0.5, 0.5])
    np.testing.assert_allclose(held[2], [0.55 / 1.05, 0.5 / 1.05])  # AAA gained 10%
    np.testing.assert_allclose(held[4:], [[0.0, 1.0]] * 4)
    rebalanced = targets(WeightsFile(path, between="rebalance"), market)
    np.testing.assert_allclose(rebalanced[1:4], [[0.5, 0.5]] * 3)


def test_symbols_without_a_column_are_not_held(market: Market, tmp_path: Path) -> None:
    held = targets(WeightsFile(write(tmp_path, "timestamp,BBB\n2020-01-06,0.8\n")), market)
    np.testing.assert_allclose(held, [[0.0, 0.8]] * 8)


def test_a_weekend_row_waits_for_the_next_bar_and_the_later_row_counts(market: Market, tmp_path: Path) -> None:
    path = write(tmp_path, "date,AAA\n2020-01-11,0.9\n2020-01-12,0.3\n")
    held = targets(WeightsFile(path, between="rebalance"), market)
    np.testing.assert_allclose(held[:, 0], [0.0] * 5 + [0.3] * 3)


def test_daily_rows_compare_by_date_and_intraday_rows_by_time(tmp_path: Path) -> None:
    close = np.full((4, 1), 10.0)
    daily = Market(MarketPanel(("A",), DAYS[:4], close))
    path = write(tmp_path, "timestamp,A\n2020-01-07T16:00:00,1.0\n")
    np.testing.assert_array_equal(targets(WeightsFile(path), daily)[:, 0], [0.0, 1.0, 1.0, 1.0])
    hours = np.array([f"2020-01-07T{hour}:30" for hour in (14, 15, 16, 17)], dtype="datetime64[ns]")
    hourly = Market(MarketPanel(("A",), hours, close))
    path = write(tmp_path, "timestamp,A\n2020-01-07T10:30:00-05:00,1.0\n")  # 15:30 UTC
    np.testing.assert_array_equal(targets(WeightsFile(path), hourly)[:, 0], [0.0, 1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("stamps", "first"),
    [
        (["2020-01-09 00:00:00+05:30"], 3),  # 2020-01-08T18:30Z
        (["2020-01-09T23:30:00-05:00"], 3),  # 2020-01-10T04:30Z
        (["2020-01-09"], 3),
        (["2020-01-09T16:00:00Z"], 3),
        (["2020-01-07 00:00:00+02:00", "2020-01-09 00:00:00+03:00"], 1),  # clocks go forward in between
        (["2020-01-07", "2020-01-09T00:00:00Z"], 1),
    ],
)
@pytest.mark.filterwarnings("error")
def test_daily_rows_act_on_their_own_calendar_day(
    market: Market, tmp_path: Path, stamps: list[str], first: int
) -> None:
    weights = [0.2, 0.4][: len(stamps)]
    rows = "".join(f"{stamp},{weight}\n" for stamp, weight in zip(stamps, weights, strict=True))
    held = targets(WeightsFile(write(tmp_path, "date,AAA\n" + rows), between="rebalance"), market)[:, 0]
    expected = [0.0] * first + [weights[0]] * (3 - first) + [weights[-1]] * 5
    np.testing.assert_array_equal(held, expected)


@pytest.mark.parametrize("freq", ["W-FRI", "W-SUN", "ME", "BME", "QE", "YE", "B"])
@pytest.mark.parametrize("time", ["", "T16:00:00", "T23:59:59-05:00", "T00:30:00+09:00", "T16:00:00Z"])
def test_bars_of_a_day_or_longer_go_by_the_day(tmp_path: Path, freq: str, time: str) -> None:
    stamps = pd.date_range("2015-01-01", periods=60, freq=freq)
    market = Market(MarketPanel(("A",), np.asarray(stamps), np.full((60, 1), 10.0)))
    rows = "".join(f"{stamps[bar].date()}{time},{weight}\n" for bar, weight in ((20, 0.5), (40, 1.0)))
    held = targets(WeightsFile(write(tmp_path, "date,A\n" + rows)), market)[:, 0]
    np.testing.assert_array_equal(held, [0.0] * 20 + [0.5] * 20 + [1.0] * 20)


def test_a_day_within_a_long_bar_is_decided_at_its_label(tmp_path: Path) -> None:
    stamps = np.asarray(pd.date_range("2015-01-01", periods=10, freq="W-FRI"))
    market = Market(MarketPanel(("A",), stamps, np.full((10, 1), 10.0)))
    path = write(tmp_path, f"date,A\n{stamps[4].astype('datetime64[D]') - 2}T10:00:00Z,1\n")
    np.testing.assert_array_equal(targets(WeightsFile(path), market)[:, 0], [0.0] * 4 + [1.0] * 6)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("packed", [False, True])
def test_any_usual_text_is_read(market: Market, tmp_path: Path, encoding: str, packed: bool) -> None:
    data = "date,AAA\r\n2020-01-07,0.5\r\n".encode(encoding)
    path = tmp_path / ("w.csv.gz" if packed else "w.csv")
    path.write_bytes(gzip.compress(data) if packed else data)
    np.testing.assert_allclose(targets(WeightsFile(str(path)), market)[1, 0], 0.5)


def test_parquet_of_periods_decimals_and_texts(market: Market, tmp_path: Path) -> None:
    periods = pd.PeriodIndex(["2020-01-07", "2020-01-09"], freq="D")
    for values in ([Decimal("0.2"), Decimal("0.4")], ["0.2", "0.4"], pd.array([0.2, 0.4], dtype="Float64")):
        pd.DataFrame({"AAA": values}, index=periods).to_parquet(tmp_path / "w.parquet")
        held = targets(WeightsFile(str(tmp_path / "w.parquet"), between="rebalance"), market)
        np.testing.assert_allclose(held[:5, 0], [0.0, 0.2, 0.2, 0.4, 0.4])


@pytest.mark.parametrize(
    ("freq", "day", "decided"),
    [("M", "2020-01-06", "2020-01-31"), ("Q", "2020-01-06", "2020-03-31"), ("W-FRI", "2020-01-06", "2020-01-10"),
     ("Y", "2020-01-06", "2020-12-31"), ("D", "2020-01-06", "2020-01-06"), ("W-SUN", "2020-01-06", "2020-01-13")],
)  # fmt: skip
def test_weights_of_a_period_are_not_traded_before_it_ends(freq: str, day: str, decided: str, tmp_path: Path) -> None:
    """They are made of the whole period's data: at its first day they would be a look into the future."""
    days = np.asarray(pd.bdate_range("2019-12-31", "2021-01-15"))
    daily = Market(MarketPanel(("AAA",), days, np.full((len(days), 1), 50.0)))
    periods = pd.PeriodIndex([day], freq=freq)
    pd.DataFrame({"AAA": [0.5]}, index=periods).to_parquet(tmp_path / "w.parquet")
    held = targets(WeightsFile(str(tmp_path / "w.parquet"), between="rebalance"), daily)[:, 0]
    assert days[np.flatnonzero(held)[0]] == np.datetime64(decided)


@pytest.mark.parametrize(("freq", "decided"), [("D", "07T23:00"), ("h", "07T10:00"), ("4h", "07T13:00")])
def test_weights_of_a_period_on_hourly_bars_are_decided_at_its_last_close(
    freq: str, decided: str, tmp_path: Path
) -> None:
    hours = np.asarray(pd.date_range("2020-01-07", periods=60, freq="h"))
    hourly = Market(MarketPanel(("AAA",), hours, np.full((60, 1), 50.0)))
    periods = pd.PeriodIndex(["2020-01-07 10:00"], freq=freq)
    pd.DataFrame({"AAA": [0.5]}, index=periods).to_parquet(tmp_path / "w.parquet")
    held = targets(WeightsFile(str(tmp_path / "w.parquet"), between="rebalance"), hourly)[:, 0]
    assert hours[np.flatnonzero(held)[0]] == np.datetime64(f"2020-01-{decided}")


@pytest.mark.parametrize(
    "values", [[True, False], [[1.0], [0.5]], [{"a": 1}, {"a": 2}], pd.to_datetime(["2020-01-01", "2020-01-02"])]
)
def test_parquet_columns_of_no_numbers_are_refused(tmp_path: Path, values: Any) -> None:
    pd.DataFrame({"date": ["2020-01-07", "2020-01-09"], "AAA": values}).to_parquet(tmp_path / "w.parquet")
    with pytest.raises(WeightsError, match=r"row 1, symbol AAA: '.*' is not a finite number"):
        WeightsFile(str(tmp_path / "w.parquet"))


@pytest.mark.parametrize("name", ["w.xlsx", "w.json", "w.feather", "w.zip", "W.XLS"])
def test_other_formats_are_refused_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04")
    with pytest.raises(WeightsError, match=r"files are not read\. Save it as CSV"):
        WeightsFile(str(tmp_path / name))


def test_intraday_rows_east_of_utc_are_instants(tmp_path: Path) -> None:
    hours = np.array([f"2020-01-08T{hour}:30" for hour in (17, 18, 19)], dtype="datetime64[ns]")
    hourly = Market(MarketPanel(("A",), hours, np.full((3, 1), 10.0)))
    path = write(tmp_path, "timestamp,A\n2020-01-09 00:00:00+05:30,1.0\n")  # 18:30 UTC the day before
    np.testing.assert_array_equal(targets(WeightsFile(path), hourly)[:, 0], [0.0, 1.0, 1.0])


@pytest.mark.parametrize("name", ["timestamp", None])
def test_parquet_with_time_zone_or_dates_reads_local_days(market: Market, tmp_path: Path, name: str | None) -> None:
    path = tmp_path / "weights.parquet"
    zoned = pd.DatetimeIndex(DAYS[[1, 3]], name=name).tz_localize("Asia/Kolkata")
    for index in (zoned, pd.Index(zoned.date, name=name), pd.Index(zoned.astype(str), name=name)):
        pd.DataFrame({"AAA": [0.2, 0.4]}, index=index).to_parquet(path)
        held = targets(WeightsFile(str(path), between="rebalance"), market)
        np.testing.assert_allclose(held[:, 0], [0.0, 0.2, 0.2, 0.4, 0.4, 0.4, 0.4, 0.4])


def test_a_first_column_without_a_name_is_the_timestamp(market: Market, tmp_path: Path) -> None:
    pd.DataFrame({"AAA": [0.2]}, index=pd.DatetimeIndex(DAYS[[6]])).to_csv(tmp_path / "w.csv")
    for path in (str(tmp_path / "w.csv"), write(tmp_path, " ,AAA\n2020-01-14,0.2\n")):
        np.testing.assert_allclose(targets(WeightsFile(path), market)[:7, 0], [0.0] * 6 + [0.2])


def test_parquet_with_an_index_reads_like_csv(market: Market, tmp_path: Path) -> None:
    frame = pd.DataFrame({"AAA": [0.2, 0.4]}, index=pd.DatetimeIndex(DAYS[[1, 3]], name="timestamp"))
    frame.to_parquet(tmp_path / "weights.parquet")
    held = targets(WeightsFile(str(tmp_path / "weights.parquet"), between="rebalance"), market)
    np.testing.assert_allclose(held[:, 0], [0.0, 0.2, 0.2, 0.4, 0.4, 0.4, 0.4, 0.4])


@pytest.mark.parametrize(
    ("rows", "span"),
    [
        ("2020-01-07,1\n2020-01-08,1\n2020-01-09,1\n", Span(1, 4)),
        ("2020-01-06,1\n2020-01-08,1\n", Span(0, 4)),
        ("2020-01-09,1\n", Span(3, 7)),
        ("2020-01-06,1\n2020-01-14,1\n", Span(0, 7)),
    ],
)
def test_span_is_what_the_rows_cover(market: Market, tmp_path: Path, rows: str, span: Span) -> None:
    policy = WeightsFile(write(tmp_path, "date,AAA\n" + rows))
    assert policy.span(market) == span
    assert policy.describe()["rows_on_market"] == rows.count("\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "date,AAB\n2020-01-07,1\n",
            r"column 'AAB' is not a symbol of this market \(AAA, BBB\)\. Did you mean 'AAA'\?",
        ),
        ("date,AAA,cash\n2020-01-07,1,0\n", "Drop it: the rest of the weights is cash"),
        ("date,AAA\n2020-01-07,0.5\n2020-01-08,\n", "row 2, symbol AAA: has no weight"),
        ("date,AAA\n2020-01-07,inf\n", "row 1, symbol AAA: 'inf' is not a finite number"),
        ("date,AAA\n2020-01-07,1e300\n", r"row 1, symbol AAA: 1e\+300 is more than 1,000 times equity"),
        ("date,AAA\n2020-01-07,half\n", "row 1, symbol AAA: 'half' is not a finite number"),
        ("date,AAA\n2020-01-07,1\n2020-01-07,1\n", "row 2 .* repeats the timestamp of row 1"),
        ("date,AAA\n2020-01-08,1\n2020-01-07,1\n", "row 2 .* is earlier than row 1"),
        ("date,AAA\nyesterday,1\n", "row 1: 'yesterday' is not a timestamp"),
        ("date,AAA\n01/07/2020,1\n", r"row 1: '01/07/2020' is not a timestamp\. Write it as 2020-01-31"),
        ("date,AAA\n2020-01-07,1\n08.01.2020,1\n", r"row 2: '08\.01\.2020' is not a timestamp"),
        ("date,AAA\n2020-01-07,1\n,1\n", "row 2: 'nan' is not a timestamp"),
        ("date,AAA\n2020-02-30,1\n", "row 1: '2020-02-30' is not a timestamp"),
        ("date,AAA\n2020-01,1\n", "row 1: '2020-01' is not a timestamp"),
        ("date,AAA\nnow,1\n", "row 1: 'now' is not a timestamp"),
        ("date,AAA\n3000-01-01,1\n", "row 1: '3000-01-01' is not a timestamp.*1678 to 2261"),
        ("date,AAA\n20200107,1\n", r"row 1: '20200107' is not a timestamp but a number\. Write it as 2020-01-31"),
        ("date,AAA\n1578355200.0,1\n", r"row 1: '1578355200\.0' is not a timestamp but a number"),
        (",AAA\n0,1\n", "row 1: '0' is not a timestamp but a number"),
        ("date,AAA\n2020-01-09T00:30+14:00,1\n2020-01-08T12:00Z,1\n", "row 2 .* day 2020-01-08 is before 2020-01-09"),
        ("date,AAA\n2020-01-08T00:00+05:30,1\n2020-01-07T18:30Z,1\n", "row 2 .* repeats the timestamp of row 1"),
        ("date,AAA\n2021-01-08,1\n", "no overlap"),
        ("date,AAA\n2020-01-15,1\n", "nothing can be earned"),
        ("date,AAA\n", "has no rows"),
        ("date\n2020-01-07\n", "has no weight columns"),
        ("AAA,BBB\n0.5,0.5\n", "no timestamp column.*found AAA, BBB"),
        ("date,AAA,AAA\n2020-01-07,1,1\n", "column 'AAA' appears twice"),
        ("", "cannot be read as a table"),
    ],
)
def test_unusable_files_are_refused_by_name(market: Market, tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(WeightsError, match=message) as refused:
        WeightsFile(path).span(market)
    assert path in str(refused.value)


def test_missing_and_damaged_files_and_unknown_options(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"nowhere\.csv: no such file"):
        WeightsFile(str(tmp_path / "nowhere.csv"))
    with pytest.raises(WeightsError, match=r"policy\.path=/dev/zero: not a regular file"):
        WeightsFile("/dev/zero")
    (tmp_path / "w.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(WeightsError, match="cannot be read as a table"):
        WeightsFile(str(tmp_path / "w.parquet"))
    with pytest.raises(ConfigError, match=r"policy\.between=often: must be one of hold, rebalance"):
        WeightsFile(write(tmp_path, "date,A\n2020-01-07,1\n"), between="often")
