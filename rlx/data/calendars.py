"""Bar frequency and periods per year, counted on a panel's own timestamps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlx.types import BoolArray, FloatArray, IntArray, TimeArray

HOUR_SECONDS = 3_600
DAY_SECONDS = 86_400
YEAR_DAYS = 365.25

SESSIONS_BY_WEEK = {5: 252, 6: 313, 7: 365}
"""Sessions per year by sessions per week, for a history too short to show the holidays of a year."""
WEEKDAYS_PER_YEAR = 260  # the same for five days around the clock, such as foreign exchange, almost without holidays

_LONG_GAP_DAYS = 15  # holes longer than any exchange holiday are not part of the calendar
_WHOLE_YEAR_DAYS = 360  # the first and the last session of a year are a few days from its ends
_SOME_WEEKS_DAYS = 14
_NEAR = 0.08  # a count this near to a usual calendar differs by holidays, not by missing bars
_HALF_DAYS = 0.01  # half days before holidays take half a percent off the mean session; missing bars take more
_FEW_BARS = 12


@dataclass(frozen=True)
class Calendar:
    """Name of the trading calendar, label of the bar length and number of bars in a year.

    ``counted``: whether that number is a count; less than a year of five- or six-day weeks shows too few holidays, and
    the usual number is used instead.
    """

    name: str
    frequency: str
    periods_per_year: float
    counted: bool = True


def infer_calendar(timestamps: TimeArray) -> Calendar:
    """Count the bars in a year of strictly increasing datetime64[ns] ``timestamps`` (N,), N >= 2.

    Bars of a day or less: sessions a year times bars a session. Longer bars: bars over elapsed time.
    """
    seconds = modal_spacing_seconds(timestamps)
    label = frequency_label(seconds)
    if seconds > DAY_SECONDS:
        return Calendar("equity", label, _slow_periods(timestamps, seconds))
    days, counts = np.unique(timestamps.astype("datetime64[D]"), return_counts=True)
    bars = _bars_per_session(counts)
    weekends = trades_weekends(timestamps)
    around_the_clock = seconds < DAY_SECONDS and float(np.median(counts)) * seconds >= 0.95 * DAY_SECONDS
    name = "crypto" if weekends else "weekdays" if around_the_clock else "equity"
    if (weekends or around_the_clock) and not bars.is_integer() and not _lasts_a_year(days):
        return Calendar(name, label, float(round(_rate(timestamps))))  # no sessions: use elapsed time
    sessions, counted = _sessions_per_year(days, around_the_clock=around_the_clock)
    return Calendar(name, label, float(round(sessions * bars)), counted)


def modal_spacing_seconds(timestamps: TimeArray) -> float:
    """Return the most common distance between neighbours in seconds; ties go to the shorter.

    A handful of daily bars may have a weekend in every gap, so up to 10 bars a few days apart count as daily.
    """
    spacing = np.diff(timestamps.astype("datetime64[ns]").view(np.int64))
    values, counts = np.unique(spacing, return_counts=True)
    seconds = float(values[np.argmax(counts)]) / 1e9
    return DAY_SECONDS if len(timestamps) <= 10 and DAY_SECONDS < seconds <= 5 * DAY_SECONDS else seconds


def frequency_label(seconds: float) -> str:
    """Return ``1D``, ``1h``, ``5min``, ``1W``, ``1M``, ``3M`` and the like."""
    if months := _months(seconds):
        return f"{months}M"
    for unit, name in ((7 * DAY_SECONDS, "W"), (DAY_SECONDS, "D"), (HOUR_SECONDS, "h"), (60, "min")):
        if seconds % unit == 0:
            return f"{int(seconds // unit)}{name}"
    return f"{seconds:g}s"


def _months(seconds: float) -> int:
    """Return 1, 2, 3, 4, 6 or 12 for the length of that many calendar months, 0 for any other."""
    days = seconds / DAY_SECONDS
    lengths = {1: (28, 31), 2: (59, 62), 3: (89, 92), 4: (120, 123), 6: (181, 184), 12: (365, 366)}
    return next((months for months, (low, high) in lengths.items() if low <= days <= high), 0)


def trades_weekends(timestamps: TimeArray) -> bool:
    """Whether every day of the week, weekends included, has at least half of its share of the bars.

    Never for bars longer than a day, whose labels (the end of a week or month) are not sessions. A single week counts
    if a fifth of its bars are on the weekend, which Sunday evenings alone do not reach.
    """
    if modal_spacing_seconds(timestamps) > DAY_SECONDS:
        return False
    if timestamps[-1] - timestamps[0] < np.timedelta64(7, "D"):
        return bool(np.mean(~is_weekday(timestamps)) > 0.2)
    return bool((np.bincount(weekday(timestamps), minlength=7) * 14 >= len(timestamps)).all())


def is_weekday(timestamps: TimeArray) -> BoolArray:
    """Return a mask of Mondays to Fridays."""
    return (weekday(timestamps) < 5).astype(np.bool_)


def weekday(timestamps: TimeArray) -> IntArray:
    """Return the day of the week, 0 = Monday; the epoch was a Thursday."""
    days = timestamps.astype("datetime64[D]").view(np.int64)
    return np.asarray((days + 3) % 7, dtype=np.int64)


def _bars_per_session(counts: IntArray) -> float:
    """Return the bars of a session, of ``counts`` (D,) by day: the median day, or the mean where bars are missing.

    Half days before holidays are sessions. The first and the last day may be incomplete and count only where there is
    no other.
    """
    whole = counts[1:-1] if len(counts) > 2 else counts
    median, mean = float(np.median(whole)), float(np.mean(whole))
    return median if abs(mean - median) <= _HALF_DAYS * median and median.is_integer() else mean


def weekday_coverage(timestamps: TimeArray) -> tuple[float, int]:
    """Return the share of weekdays traded and the number of weekdays spanned, without long holes."""
    days = np.unique(timestamps[is_weekday(timestamps)].astype("datetime64[D]"))
    if len(days) < 2:
        return 1.0, len(days)
    steps: FloatArray = np.busday_count(days[:-1], days[1:]).astype(np.float64)
    usable = steps[np.diff(days) <= np.timedelta64(_LONG_GAP_DAYS, "D")]
    spanned = int(usable.sum())
    return (len(usable) / spanned if spanned else 1.0), spanned


def _sessions_per_year(days: TimeArray, *, around_the_clock: bool) -> tuple[float, bool]:
    """Return the sessions per year of the ``days`` (D,) with bars, and whether they are counted rather than assumed.

    The count is the median over every year in the history, so a hole or a day of mourning in one has no effect.
    """
    week = _days_a_week(days)
    if week < 7 and _lasts_a_year(days) and len(years := _year_counts(days)):
        return float(round(float(np.median(years)))), True
    usual = WEEKDAYS_PER_YEAR if around_the_clock and week == 5 else SESSIONS_BY_WEEK[week]
    if days[-1] - days[0] < np.timedelta64(_SOME_WEEKS_DAYS, "D"):
        return float(usual), week == 7
    rate = _rate(days)
    if week < 7 and abs(rate - usual) <= _NEAR * usual:
        return float(usual), False
    return float(round(rate)), True


def _lasts_a_year(days: TimeArray) -> bool:
    return bool(days[-1] - days[0] >= np.timedelta64(_WHOLE_YEAR_DAYS, "D"))


def _year_counts(days: TimeArray) -> IntArray:
    """Return the number of sessions in the year from each of ``days``, for years without a hole in the history.

    A history of just one year is that year.
    """
    months = days.astype("datetime64[M]")
    ends = (months + 12).astype("datetime64[D]") + (days - months.astype("datetime64[D]"))
    inside = ends <= days[-1] + np.timedelta64(1, "D")
    after = np.searchsorted(days, ends)
    if not inside.any():
        inside, after = np.arange(len(days)) == 0, np.full(len(days), len(days))
    holes = np.concatenate([[0], np.cumsum(np.diff(days) > np.timedelta64(_LONG_GAP_DAYS, "D"))])
    whole = inside & (holes[np.minimum(after, len(days) - 1)] == holes)
    return np.asarray((after - np.arange(len(days)))[whole], dtype=np.int64)


def _days_a_week(days: TimeArray) -> int:
    """Return 7 where Saturdays are sessions, 6 where Sundays and Fridays are (foreign exchange), otherwise 5."""
    counts = np.bincount(weekday(days), minlength=7)
    traded = counts * 2 >= counts.max()
    return 7 if traded[5] else 6 if traded[6] and traded[4] else 5


def _rate(timestamps: TimeArray, longest_days: float = _LONG_GAP_DAYS) -> float:
    """Return bars over elapsed years from the first bar to the last, without distances above ``longest_days``."""
    steps = np.diff(timestamps.astype("datetime64[ns]").view(np.int64))
    days: FloatArray = steps.astype(np.float64) / (DAY_SECONDS * 1e9)
    kept = days[days <= longest_days] if (days <= longest_days).any() else days
    return float(YEAR_DAYS * len(kept) / kept.sum())


def _slow_periods(timestamps: TimeArray, seconds: float) -> float:
    """Return the bars per year of bars longer than a day: from months or weeks where there are few bars."""
    months, weeks = _months(seconds), seconds / (7 * DAY_SECONDS)
    if len(timestamps) <= _FEW_BARS and (months or weeks.is_integer()):
        return 12.0 / months if months else max(1.0, float(round(52.0 / weeks)))
    rate = _rate(timestamps, 3.0 * seconds / DAY_SECONDS)
    nearest = float(round(rate))
    return nearest if nearest >= 1.0 and abs(rate - nearest) <= 0.01 * rate else rate
