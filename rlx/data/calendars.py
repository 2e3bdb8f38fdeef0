"""Bar frequency and periods per year, measured from a panel's own timestamps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlx.types import BoolArray, FloatArray, IntArray, TimeArray

HOUR_SECONDS = 3_600
DAY_SECONDS = 86_400

WEEKDAYS_PER_YEAR = 260  # around-the-clock weekday markets such as foreign exchange
SESSIONS_PER_YEAR = 252  # stock exchanges: weekdays less holidays
DAYS_PER_YEAR = 365

_LONG_GAP_DAYS = 10  # holes longer than any exchange holiday say nothing about the calendar
_MINIMUM_WEEKDAYS = 250  # a shorter history is too short to measure a yearly number of sessions


@dataclass(frozen=True)
class Calendar:
    """Name of the trading calendar, label of the bar length and number of bars in a year."""

    name: str
    frequency: str
    periods_per_year: float


def infer_calendar(timestamps: TimeArray) -> Calendar:
    """Measure the calendar of strictly increasing datetime64[ns] ``timestamps`` (N,), N >= 2.

    Daily bars give 252 (exchange sessions), 365 (weekends traded) or, where an unusual share of weekdays is missing
    (for instance after joining two countries), the measured number. Intraday bars give bars a session x sessions a
    year. Weekly and monthly bars give 52 and 12.
    """
    seconds = modal_spacing_seconds(timestamps)
    label = frequency_label(seconds)
    around_the_clock = trades_weekends(timestamps) and seconds <= DAY_SECONDS
    if seconds > DAY_SECONDS:
        return Calendar("equity", label, _slow_periods(seconds))
    if around_the_clock:
        return Calendar("crypto", label, float(round(DAYS_PER_YEAR * DAY_SECONDS / seconds)))
    if seconds == DAY_SECONDS:
        return Calendar("equity", label, float(sessions_per_year(timestamps)))
    bars = bars_per_session(timestamps)
    if bars * seconds >= 0.95 * DAY_SECONDS:
        return Calendar("weekdays", label, float(round(WEEKDAYS_PER_YEAR * DAY_SECONDS / seconds)))
    return Calendar("equity", label, float(bars * sessions_per_year(timestamps)))


def modal_spacing_seconds(timestamps: TimeArray) -> float:
    """Return the most common distance between neighbours in seconds; ties go to the shorter.

    A handful of daily bars may have a weekend in every gap, so up to 10 bars a few days apart count as daily.
    """
    spacing = np.diff(timestamps.astype("datetime64[ns]").view(np.int64))
    values, counts = np.unique(spacing, return_counts=True)
    seconds = float(values[np.argmax(counts)]) / 1e9
    return DAY_SECONDS if len(timestamps) <= 10 and DAY_SECONDS < seconds <= 5 * DAY_SECONDS else seconds


def frequency_label(seconds: float) -> str:
    """Return ``1D``, ``1h``, ``5min``, ``1W``, ``1M`` and the like."""
    if 28 * DAY_SECONDS <= seconds <= 31 * DAY_SECONDS:
        return "1M"
    for unit, name in ((7 * DAY_SECONDS, "W"), (DAY_SECONDS, "D"), (HOUR_SECONDS, "h"), (60, "min")):
        if seconds % unit == 0:
            return f"{int(seconds // unit)}{name}"
    return f"{seconds:g}s"


def trades_weekends(timestamps: TimeArray) -> bool:
    """Whether Saturdays and Sundays carry a normal share of the bars (2/7 when every day trades).

    Sunday-evening openings of weekday markets stay well below the limit of 20%.
    """
    return bool(np.mean(~is_weekday(timestamps)) > 0.2)


def is_weekday(timestamps: TimeArray) -> BoolArray:
    """Return a mask of Mondays to Fridays."""
    return (weekday(timestamps) < 5).astype(np.bool_)


def weekday(timestamps: TimeArray) -> IntArray:
    """Return the day of the week, 0 = Monday; the epoch was a Thursday."""
    days = timestamps.astype("datetime64[D]").view(np.int64)
    return np.asarray((days + 3) % 7, dtype=np.int64)


def bars_per_session(timestamps: TimeArray) -> int:
    """Return the median number of bars on a weekday that trades at all."""
    days = timestamps[is_weekday(timestamps)].astype("datetime64[D]")
    _, counts = np.unique(days, return_counts=True)
    return max(1, round(float(np.median(counts)))) if len(counts) else 1


def weekday_coverage(timestamps: TimeArray) -> tuple[float, int]:
    """Return the share of weekdays traded and the number of weekdays spanned, long holes left out."""
    days = np.unique(timestamps[is_weekday(timestamps)].astype("datetime64[D]"))
    if len(days) < 2:
        return 1.0, len(days)
    steps: FloatArray = np.busday_count(days[:-1], days[1:]).astype(np.float64)
    usable = steps[np.diff(days) <= np.timedelta64(_LONG_GAP_DAYS, "D")]
    spanned = int(usable.sum())
    return (len(usable) / spanned if spanned else 1.0), spanned


def sessions_per_year(timestamps: TimeArray) -> int:
    """Return 252 for a calendar of weekdays less holidays, or the measured number when too many are missing."""
    coverage, spanned = weekday_coverage(timestamps)
    if spanned < _MINIMUM_WEEKDAYS or coverage >= 0.93:
        return SESSIONS_PER_YEAR
    return round(coverage * 365.25 * 5 / 7)


def _slow_periods(seconds: float) -> float:
    if 28 * DAY_SECONDS <= seconds <= 31 * DAY_SECONDS:
        return 12.0
    return float(max(1, int(365 * DAY_SECONDS // seconds)))
