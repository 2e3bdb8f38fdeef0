"""Stamps as databases and vendors write them: offsets, fractions, counts since 1970, years of no calendar."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rlx.data.check import check_path
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
