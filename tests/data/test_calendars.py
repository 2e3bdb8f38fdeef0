"""Bars in a year, counted: of every kind of market and bar length, with holes, and of histories too short to count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rlx.data.calendars import Calendar, infer_calendar, trades_weekends
from rlx.data.loader import load_folder
from rlx.data.sources import sample

SPARSE = Path(__file__).parents[2].parent / "shared" / "cases" / "17-sparse-crypto"


def _calendar(stamps: pd.DatetimeIndex | np.ndarray) -> Calendar:
    return infer_calendar(np.asarray(stamps).astype("datetime64[ns]"))


def _exchange(sessions: int, years: range = range(2015, 2020)) -> pd.DatetimeIndex:
    """Return weekdays with so many sessions in every year, the holidays spread over it."""
    kept = []
    for year in years:
        days = pd.bdate_range(f"{year}-01-01", f"{year}-12-31")
        kept.append(days.delete(np.linspace(5, len(days) - 5, len(days) - sessions).astype(int)))
    return pd.DatetimeIndex(np.concatenate(kept))


def _sunday_to_thursday(years: int) -> pd.DatetimeIndex:
    days = pd.date_range("2017-01-01", f"{2016 + years}-12-31")
    days = days[~days.day_name().isin(["Friday", "Saturday"])]
    return days[~days.strftime("%m-%d").isin([f"04-{day:02d}" for day in range(1, 15)])]  # ten sessions


def _foreign_exchange(start: str, end: str) -> pd.DatetimeIndex:
    days = pd.date_range(start, end)
    return days[days.day_name() != "Saturday"]


@pytest.mark.parametrize(
    ("stamps", "name", "frequency", "periods"),
    [
        (pd.date_range("2019-01-01", periods=800), "crypto", "1D", 365),
        (pd.date_range("2019-01-01", periods=9000, freq="h"), "crypto", "1h", 8760),
        (pd.date_range("2023-06-01", "2024-08-01", freq="h"), "crypto", "1h", 8760),  # with a 29 February
        (pd.date_range("2019-01-01", periods=9000, freq="4h"), "crypto", "4h", 2190),
        (pd.date_range("2019-01-04", periods=120, freq="7D"), "equity", "1W", 52),
        (pd.date_range("2003-01-05", periods=160, freq="W-SUN"), "equity", "1W", 52),
        (pd.date_range("2015-01-01", periods=48, freq="MS"), "equity", "1M", 12),
        (pd.date_range("2015-01-01", periods=48, freq="ME"), "equity", "1M", 12),
        (pd.date_range("2015-01-01", periods=30, freq="QE"), "equity", "3M", 4),
        (pd.date_range("2015-01-01", periods=4, freq="QE"), "equity", "3M", 4),
        (pd.date_range("2015-01-01", periods=40, freq="2ME"), "equity", "2M", 6),
        (pd.date_range("2000-01-01", periods=20, freq="YE"), "equity", "12M", 1),
        (pd.date_range("2015-01-01", periods=90, freq="14D"), "equity", "2W", 26),
        (pd.date_range("2015-01-01", periods=90, freq="10D"), "equity", "10D", 36.525),
    ],
)
def test_bars_a_year_by_bar_length(stamps: pd.DatetimeIndex, name: str, frequency: str, periods: float) -> None:
    calendar = _calendar(stamps)
    assert (calendar.name, calendar.frequency, calendar.periods_per_year) == (name, frequency, periods)
    assert calendar.counted


@pytest.mark.parametrize("sessions", [230, 242, 243, 246, 250, 252, 254, 260])
def test_sessions_a_year_are_counted(sessions: int) -> None:
    assert _calendar(_exchange(sessions)).periods_per_year == sessions
    assert _calendar(_exchange(sessions, range(2016, 2017))).periods_per_year == sessions


@pytest.mark.parametrize(
    ("stamps", "periods"),
    [
        (_sunday_to_thursday(4), 251),
        (_foreign_exchange("2016-01-01", "2019-12-31"), 313),
        (_foreign_exchange("2020-01-01", "2020-12-31"), 314),  # 366 days less 52 Saturdays
        (sample("daily9").timestamps, 252),
        (sample("hourly5").timestamps, 7 * 252),
    ],
)
def test_sessions_a_year_of_other_weeks(stamps: np.ndarray, periods: float) -> None:
    calendar = _calendar(stamps)
    assert calendar.periods_per_year == pytest.approx(periods, abs=1.0 if periods == 251 else 0.0)
    assert calendar.counted and calendar.name == "equity"


def test_bars_within_a_session() -> None:
    days = sample("daily9").timestamps
    bars = days[:, None] + np.timedelta64(14, "h") + np.arange(13) * np.timedelta64(30, "m")
    assert _calendar(bars.ravel()).periods_per_year == 13 * 252
    half_days = np.delete(bars.ravel(), slice(5 * 13 + 7, 6 * 13))
    assert _calendar(half_days).periods_per_year == 13 * 252
    thinned = bars.ravel()[np.random.default_rng(0).random(bars.size) < 0.4]
    assert _calendar(thinned).periods_per_year == pytest.approx(len(thinned) * 252 / len(days), rel=0.01)


def test_weekdays_around_the_clock() -> None:
    hours = pd.date_range("2017-01-01 22:00", "2018-12-28 21:00", freq="h")
    day, hour = hours.day_of_week, hours.hour
    shut = (day == 5) | ((day == 6) & (hour < 22)) | ((day == 4) & (hour >= 22))
    calendar = _calendar(hours[~shut])
    assert (calendar.name, calendar.frequency) == ("weekdays", "1h")
    assert calendar.periods_per_year == pytest.approx(120 * 365.25 / 7, rel=0.002)


def test_minutes_without_trades_are_not_counted() -> None:
    minutes = pd.date_range("2024-01-01", periods=20 * 1440, freq="min")
    kept = minutes[np.random.default_rng(1).random(len(minutes)) < 0.3]
    assert _calendar(kept).periods_per_year == pytest.approx(0.3 * 525_600, rel=0.02)


@pytest.mark.skipif(not SPARSE.is_dir(), reason="the case is not next to the project")
def test_sparse_minutes_as_found() -> None:
    assert load_folder(str(SPARSE)).periods_per_year == pytest.approx(157_826, rel=5e-4)


@pytest.mark.parametrize("cut", [slice(300, 320), slice(300, 700)])
def test_a_hole_says_nothing_about_the_calendar(cut: slice) -> None:
    days = np.delete(np.asarray(_exchange(243)), cut)
    assert _calendar(days).periods_per_year == pytest.approx(243, abs=1.0)


def test_missing_weekdays_lower_the_count() -> None:
    weekdays = np.busday_offset("2015-01-05", np.arange(2000), roll="forward")
    assert _calendar(weekdays[np.arange(2000) % 5 != 0]).periods_per_year == pytest.approx(0.8 * 260.9, abs=1.0)


@pytest.mark.parametrize(
    ("stamps", "periods", "counted"),
    [
        (pd.DatetimeIndex(["2020-01-03", "2020-01-06"]), 252, False),
        (pd.DatetimeIndex(["2020-01-04", "2020-01-05"]), 365, True),
        (pd.bdate_range("2019-01-01", periods=120), 252, False),
        (_sunday_to_thursday(1)[:80], 252, False),
        (_foreign_exchange("2019-01-01", "2019-06-30"), 313, False),
        (pd.date_range("2019-01-01", periods=60), 365, True),
        (pd.bdate_range("2019-01-01", periods=150)[::2], None, True),  # every other weekday: no usual calendar
    ],
)
def test_a_short_history_takes_the_usual_number_and_says_so(
    stamps: pd.DatetimeIndex, periods: float | None, counted: bool
) -> None:
    calendar = _calendar(stamps)
    assert calendar.counted is counted
    if periods is None:
        assert calendar.periods_per_year == pytest.approx(130, abs=2)
    else:
        assert calendar.periods_per_year == periods


def test_labels_on_weekends_are_no_sessions() -> None:
    for freq in ("W-SUN", "W-SAT", "ME", "QE"):
        assert not trades_weekends(np.asarray(pd.date_range("2005-01-01", periods=200, freq=freq)))
    assert not trades_weekends(np.asarray(_sunday_to_thursday(2)))
    assert not trades_weekends(np.asarray(_foreign_exchange("2019-01-01", "2019-12-31")))
    assert trades_weekends(np.asarray(pd.date_range("2019-01-01", periods=30)))
