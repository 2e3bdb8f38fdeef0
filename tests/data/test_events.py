"""Splits and other events left in the prices: refused where volume shows that they are not news, else reported."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rlx.data.check import CheckReport, check_path, render
from rlx.data.checks.jumps import ratio_words
from rlx.data.findings import Severity
from rlx.data.loader import load_folder
from rlx.errors import DataError

CASES = Path(__file__).parents[2].parent / "shared" / "cases" / "21-splits"
DAY = 60


def _bars(ratio: float, value: float = 1.0, quiet: bool = True, after: float = 1.0) -> pd.DataFrame:
    """Return daily bars whose price is multiplied by ``ratio`` on day 60, the volume divided by it.

    ``value``: the day's traded value in multiples of the usual, ``after`` that of the days after. A day that is not
    ``quiet`` ranges over ten usual moves.
    """
    random = np.random.default_rng(5)
    days = pd.bdate_range("2021-06-01", periods=130).delete([20, 90])
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, len(days))))
    opens = np.concatenate([close[:1], close[:-1]])
    volume = random.integers(900_000, 1_100_000, len(days)).astype(float)
    factor = np.where(np.arange(len(days)) >= DAY, ratio, 1.0)
    span = np.full(len(days), 1.004)
    span[DAY] = 1.004 if quiet else 1.1
    frame = pd.DataFrame({"date": days, "open": opens * factor, "close": close * factor})
    frame["high"] = frame[["open", "close"]].max(axis=1) * span
    frame["low"] = frame[["open", "close"]].min(axis=1) / span
    frame["volume"] = np.round(volume / factor * np.where(np.arange(len(days)) > DAY, after, 1.0))
    frame.loc[DAY, "volume"] = np.round(frame.loc[DAY, "volume"] * value)
    return frame


def _check(frame: pd.DataFrame, folder: Path, columns: str = "open high low close volume") -> CheckReport:
    frame[["date", *columns.split()]].to_csv(folder / "AAA.csv", index=False)
    return check_path(str(folder))


def _found(report: CheckReport, code: str, severity: Severity) -> list[str]:
    return [one.message for one in report.findings if one.code == code and one.severity is severity]


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (10 / 11, "11:10 split"),
        (4 / 5, "5:4 split"),
        (3 / 4, "4:3 split"),
        (2 / 3, "3:2 split"),
        (0.5, "2:1 split"),
        (1 / 7, "7:1 split"),
        (1 / 20, "20:1 split"),
        (2.0, "reverse 2:1 split"),
        (20.0, "reverse 20:1 split"),
        (37.0, "reverse 37:1 split"),
        (1000 / 1231, "event"),
        (0.368, "event"),
    ],
)
def test_a_ratio_on_no_more_trading_than_usual_is_refused(ratio: float, words: str, tmp_path: Path) -> None:
    frame = _bars(ratio)
    (message,) = _found(_check(frame, tmp_path), "unadjusted_split", Severity.error)
    assert f"unadjusted {words} on {frame['date'][DAY].date()}" in message and "overnight" in message
    with pytest.raises(DataError, match=r"data\.allow=\[unadjusted_split\]"):
        load_folder(str(tmp_path))
    assert len(load_folder(str(tmp_path), allow=["unadjusted_split"])) == len(frame)


@pytest.mark.parametrize(("ratio", "value"), [(20.0, 4.0), (20.0, 9.0), (0.1, 5.0)])
def test_a_split_on_a_busy_day_is_one_all_the_same(ratio: float, value: float, tmp_path: Path) -> None:
    assert _found(_check(_bars(ratio, value), tmp_path), "unadjusted_split", Severity.error)


@pytest.mark.parametrize(
    ("ratio", "value", "quiet"),
    [
        (2 / 3, 6.0, False),  # bad news from a laboratory
        (0.8, 4.2, False),
        (0.8, 1.2, False),  # a crisis: nobody trades more, but the day is wild
        (10 / 11, 2.5, True),
        (1.5, 30.0, True),  # a takeover: the price does not move from the offer
        (2.0, 20.0, False),
        (1.1, 1.1, True),  # reverse splits of 10:11 do not exist, good quarters do
    ],
)
def test_news_passes(ratio: float, value: float, quiet: bool, tmp_path: Path) -> None:
    report = _check(_bars(ratio, value, quiet, after=2.0 if value > 2.0 else 1.0), tmp_path)
    assert not [one for one in report.findings if "split" in one.code]


@pytest.mark.parametrize("columns", ["close", "open high low close"])
@pytest.mark.parametrize("ratio", [2 / 3, 0.5, 0.8, 2.0])
def test_without_volume_there_is_a_warning(columns: str, ratio: float, tmp_path: Path) -> None:
    report = _check(_bars(ratio), tmp_path, columns)
    (message,) = _found(report, "possible_split", Severity.warning)
    assert "no volume to decide" in message and str(_bars(ratio)["date"][DAY].date()) in message
    assert report.exit_status(strict=False) == 0


def test_real_news_in_a_matrix_of_closes_is_a_warning(tmp_path: Path) -> None:
    frame = _bars(1.5, 25.0, quiet=False, after=3.0)
    closes = frame[["date", "close"]].rename(columns={"close": "AAA"}).assign(BBB=_bars(1.0)["close"])
    closes.to_csv(tmp_path / "closes.csv", index=False)
    assert load_folder(str(tmp_path)).symbols == ("AAA", "BBB")
    assert "price_jump" not in {one.code for one in check_path(str(tmp_path)).findings}
    (tmp_path / "closes.csv").unlink()
    assert not [one for one in _check(frame, tmp_path).findings if "split" in one.code]


def test_hourly_bars_are_judged_by_their_days(tmp_path: Path) -> None:
    rows = []
    for index, day in _bars(0.75).iterrows():
        for hour in range(7):
            price = float(day["open"] * (day["close"] / day["open"]) ** (hour / 6))
            bar = (day["date"] + pd.Timedelta(hours=14 + hour), price, price * 1.002, price / 1.002, price)
            rows.append((*bar, day["volume"] / 7 * (3 if hour == 0 else 1) + int(str(index)) % 3))
    frame = pd.DataFrame(rows, columns=["date", "open", "high", "low", "close", "volume"])
    assert _found(_check(frame, tmp_path), "unadjusted_split", Severity.error)


def test_the_check_says_what_it_looked_at(tmp_path: Path) -> None:
    from rich.console import Console

    console = Console(width=200, record=True, file=StringIO())
    console.print(render(_check(_bars(0.75), tmp_path)))
    text = console.export_text()
    assert "Splits: 1 overnight moves beyond 8% checked" in text and "1 found" in text
    assert "data.allow=[unadjusted_split]" in text


@pytest.mark.parametrize(
    ("ratio", "words"), [(0.75, "4:3 split"), (0.5021, "2:1 split"), (3.0, "reverse 3:1 split"), (0.8123, "event")]
)
def test_names_of_ratios(ratio: float, words: str) -> None:
    assert ratio_words(ratio) == words


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not next to the project")
@pytest.mark.parametrize("name", ["11to10", "5to4", "4to3", "3to1", "odd", "GOOG2014", "rev20busy", "rev25"])
def test_cases_as_found_are_refused(name: str) -> None:
    with pytest.raises(DataError, match=r"\[(unadjusted_split|security_change)\]"):
        load_folder(str(CASES / f"{name}.csv"))


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not next to the project")
def test_a_spin_off_in_closes_alone_is_told() -> None:
    (message,) = _found(check_path(str(CASES / "XLF1231.csv")), "possible_split", Severity.warning)
    assert "2016-08-24 x 0.8147" in message


@pytest.mark.parametrize("value", [1e300, 1e-300, 1e16])
@pytest.mark.parametrize("column", ["close", "open"])
def test_numbers_that_are_no_prices_are_refused(column: str, value: float, tmp_path: Path) -> None:
    frame = _bars(1.0)
    frame.loc[40, column] = value
    assert "beyond 1e-15 to 1e+15" in str(_found(_check(frame, tmp_path), "extreme_price", Severity.error))
    frame[["high", "low", "open", "close"]] = value
    assert _found(_check(frame, tmp_path), "extreme_price", Severity.error)


def test_a_volume_that_is_none_is_not_available(tmp_path: Path) -> None:
    frame = _bars(1.0)
    frame.loc[40, "volume"] = 1e300
    assert _found(_check(frame, tmp_path), "missing_volume", Severity.warning)
    assert load_folder(str(tmp_path)).volume is None
