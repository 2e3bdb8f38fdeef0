"""Stamps as databases and vendors write them: offsets, fractions, counts since 1970, years of no calendar."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rlx.data.check import check_path
from rlx.data.loader import load_folder
from rlx.data.readers.stamps import Stamps, parse_stamps
from rlx.errors import DataError


def _read(*texts: object) -> Stamps:
    return parse_stamps(pd.Series(list(texts)), None, "X.csv")


def _labels(*texts: object) -> list[str]:
    return _read(*texts).labels.astype("datetime64[s]").astype(str).tolist()


@pytest.mark.parametrize("minutes", ["", "00", ":00", ":00:00"])
def test_offsets_of_hours_over_a_change_of_the_clock(minutes: str) -> None:
    winter = [f"2019-03-08 {hour}:30:00-05{minutes}" for hour in (14, 15)]
    summer = [f"2019-03-11 {hour}:30:00-04{minutes}" for hour in ("09", 10)]
    assert _labels(*winter, *summer) == [
        "2019-03-08T19:30:00", "2019-03-08T20:30:00", "2019-03-11T13:30:00", "2019-03-11T14:30:00",
    ]  # fmt: skip


@pytest.mark.parametrize("offset", ["+08", "+0800", "+08:00", "-05", "+05:30", "+08:05:43"])
def test_midnights_of_an_exchange_keep_their_local_date(offset: str) -> None:
    stamps = _read(*(f"2019-01-0{day} 00:00:00{offset}" for day in (2, 3, 4)))
    assert stamps.daily and stamps.labels.astype("datetime64[D]").astype(str).tolist() == [
        "2019-01-02", "2019-01-03", "2019-01-04",
    ]  # fmt: skip


def test_daily_offsets_that_change_with_the_clock() -> None:
    assert _labels("2019-03-08 00:00:00-05", "2019-03-11 00:00:00-04")[1].startswith("2019-03-11")


def test_dukascopy() -> None:
    assert _labels("01.06.2021 00:00:00.000", "01.06.2021 00:15:00.500", "13.06.2021 00:30:00.000") == [
        "2021-06-01T00:00:00", "2021-06-01T00:15:00", "2021-06-13T00:30:00",
    ]  # fmt: skip
    local = [f"01.06.2021 0{hour}:00:00.000 GMT+0200" for hour in (2, 3, 4)]
    assert _labels(*local)[0] == "2021-06-01T00:00:00"


def test_fractions_are_kept() -> None:
    stamps = _read("2021-06-01 00:00:00.25", "2021-06-01 00:00:01.250000001")
    assert stamps.labels[1] - stamps.labels[0] == np.timedelta64(1_000_000_001, "ns")


UNITS = [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)]


@pytest.mark.parametrize("first", UNITS, ids=lambda unit: unit[0])
@pytest.mark.parametrize("second", UNITS, ids=lambda unit: unit[0])
def test_counts_may_change_their_unit_and_it_is_told(first: tuple[str, int], second: tuple[str, int]) -> None:
    start = 1_735_344_000
    counts = [start * first[1], (start + 3600) * first[1], (start + 7200) * second[1], (start + 10800) * second[1]]
    stamps = _read(*counts)
    assert np.diff(stamps.labels.astype("datetime64[s]").astype(int)).tolist() == [3600] * 3
    notes = [note for note in stamps.notes if note.code == "mixed_epochs"]
    assert len(notes) == (first != second)
    assert all("first change in row 3" in note.message for note in notes)


@pytest.mark.parametrize("count", [9 * 10**10, 5 * 10**12, 10**13, 9 * 10**18, 10**19 - 1])
def test_a_count_that_is_no_date_is_named(count: int) -> None:
    with pytest.raises(DataError, match=rf"'{count}' in row 2 of the date column"):
        _read("1609459200", str(count))


@pytest.mark.parametrize(("per_second", "first"), [(1, "1950-01-02"), (1, "1969-12-01"), (1000, "1970-01-01"),
                                                   (1000, "1970-02-10"), (10**6, "1950-01-02")])  # fmt: skip
def test_counts_before_1973_are_read_in_the_unit_of_the_later_ones(per_second: int, first: str) -> None:
    days = pd.bdate_range(first, "1999-12-31").astype("datetime64[s]")
    stamps = _read(*(days.astype("int64") * per_second))
    assert stamps.daily and not stamps.notes
    np.testing.assert_array_equal(stamps.labels, days.to_numpy())


@pytest.mark.parametrize("stray", ["0", "5", "-1", "20210331", "86400"])
def test_a_small_count_among_others_is_named(stray: str) -> None:
    with pytest.raises(DataError, match=rf"'{stray}' in row 3 of the date column"):
        _read("1609459200", "1609545600", stray, "1609632000")


def test_numbers_of_rows_are_no_counts() -> None:
    with pytest.raises(DataError, match=r"\[bad_dates\]"):
        _read(*range(500))


def test_rows_of_a_long_table_keep_their_own_stamps() -> None:
    days = ["2019-01-03 00:00:00+01:00", "2019-01-02 00:00:00+01:00", "2019-01-04 00:00:00.5+01:00"]
    np.testing.assert_array_equal(_read(*days, *days[::-1]).labels, [*(both := _read(*days).labels), *both[::-1]])
    with pytest.raises(DataError, match=r"first '2019-13-01' in row 5"):
        _read(*["2019-01-02", "2019-01-03"] * 2, "2019-13-01", "2019-01-02")


@pytest.mark.parametrize("texts", [("2021033109", "2021033110"), ("202103310900", "202103311000"),
                                   ("20210331090000", "20210331100000")])  # fmt: skip
def test_digits_that_are_a_date_are_no_count(texts: tuple[str, str]) -> None:
    assert _labels(*texts) == ["2021-03-31T09:00:00", "2021-03-31T10:00:00"]


@pytest.mark.parametrize("year", ["1500", "1677", "2262", "9999"])
def test_years_that_would_come_out_as_others_are_refused(year: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"'{year}-01-05' in row 2 is a date before 1678 or after 2261"):
        _read("2020-01-01", f"{year}-01-05", "2020-01-03")
    typed = pd.Series(pd.to_datetime(["2020-01-01", f"{year}-01-05"])).astype("datetime64[us]")
    with pytest.raises(DataError, match=f"'{year}-01-05.*in row 2"):
        parse_stamps(typed, None, "X.parquet")
    (tmp_path / "X.csv").write_text(f"date,close\n2020-01-01,1\n{year}-01-05,2\n2020-01-03,3\n")
    assert check_path(str(tmp_path)).exit_status(strict=False) == 2


@pytest.mark.parametrize("text", ["2019-01-02 00:00:00+8", "2019-01-02 00:00:00 EST"])
def test_zones_that_are_not_understood_are_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"\[bad_dates\]"):
        _read(text, text.replace("02", "03"))


def _with_dates(path: Path, *dates: str) -> str:
    path.write_text("date,close\n" + "".join(f"{date},{100 + k % 3}\n" for k, date in enumerate(dates)))
    return str(path)


@pytest.mark.parametrize(("date", "meant"), [("2199-01-04", "2199-01-04"), ("01/04/65", "2065-01-04")])
def test_dates_in_the_future_are_refused_by_row_and_can_be_allowed(date: str, meant: str, tmp_path: Path) -> None:
    form = "%m/%d/%y" if "/" in date else "%Y-%m-%d"
    days = pd.bdate_range("2018-01-02", periods=40).strftime(form).tolist()
    path = _with_dates(tmp_path / "X.csv", *days, date)
    (finding,) = [one for one in check_path(path).findings if one.code == "future_date"]
    assert finding.file == "X.csv" and finding.message == f"1 date(s) in the future, first {meant} in row 41."
    with pytest.raises(DataError, match=r"X\.csv \(X\): 1 date\(s\) in the future.*two-digit"):
        load_folder(path)
    assert len(load_folder(path, allow=["future_date", "long_hole"])) == 41


def test_the_last_day_of_this_month_is_no_future(tmp_path: Path) -> None:
    months = pd.date_range("2015-12-31", pd.Timestamp.now() + pd.Timedelta(days=28), freq="ME").strftime("%Y-%m-%d")
    assert check_path(_with_dates(tmp_path / "X.csv", *months)).exit_status(strict=False) == 0
