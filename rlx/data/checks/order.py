"""Order, repetitions and regularity of the stamps."""

from __future__ import annotations

import numpy as np

from rlx.data.bars import Bars, describe_rows
from rlx.data.calendars import DAY_SECONDS, frequency_label, modal_spacing_seconds, trades_weekends, weekday
from rlx.data.findings import Severity
from rlx.types import BoolArray, FloatArray, TimeArray

LONG_HOLE_DAYS = 365
_DAY_NS = DAY_SECONDS * 10**9


def sort_rows(bars: Bars) -> None:
    """Sort the rows by time; newest-first files cause a note, disorder a warning."""
    steps = np.diff(bars.stamps.view(np.int64))
    if len(steps) and (steps <= 0).all() and (steps < 0).any():
        bars.report("descending", Severity.note, "newest rows first; read in time order.")
        bars.keep(np.arange(len(bars))[::-1])
    elif (steps < 0).any():
        count = int((steps < 0).sum())
        bars.report(
            "unsorted", Severity.warning, f"{count} rows are out of time order; read in time order.", "sort the file."
        )
    bars.keep(np.argsort(bars.stamps, kind="stable"))


def check_duplicates(bars: Bars) -> int:
    """Drop exact repetitions with a warning, refuse contradictory rows; return how many there were."""
    again = np.zeros(len(bars), dtype=np.bool_)
    again[1:] = bars.stamps[1:] == bars.stamps[:-1]
    if not again.any():
        return 0
    same = again.copy()
    for values in bars.fields.values():
        equal = (values[1:] == values[:-1]) | (np.isnan(values[1:]) & np.isnan(values[:-1]))
        same[1:] &= equal
    conflicting = again & ~same
    if same.any():
        bars.report(
            "duplicate_rows",
            Severity.warning,
            f"{describe_rows(bars, same)} repeated exactly; counted once.",
            "remove the copies.",
        )
    if conflicting.any():
        bars.report(
            "duplicate_conflict",
            Severity.error,
            f"{describe_rows(bars, conflicting)} with the stamp of another row, but different values.",
            "keep one row per stamp (of several series or exchanges, keep the main one).",
        )
    bars.keep(~again)
    return int(again.sum())


def check_frequency(bars: Bars) -> None:
    """Refuse bars whose length changes within the file: the usual spacing of each eighth must be the same."""
    size = len(bars) // 8
    if size < 8:
        return
    spacings = [modal_spacing_seconds(bars.stamps[k * size : (k + 1) * size]) for k in range(8)]
    shortest, longest = min(spacings), max(spacings)
    if longest >= 1.9 * shortest and not (shortest >= DAY_SECONDS and longest <= 5 * DAY_SECONDS):
        bars.report(
            "mixed_frequency",
            Severity.error,
            f"bars of {frequency_label(shortest)} and of {frequency_label(longest)} in one file.",
            "split the file, or choose a period with data.start and data.end.",
        )


def check_sessions(bars: Bars) -> None:
    """Warn about daily labels on Sundays without Fridays.

    They are the sessions of an exchange that trades from Sunday to Thursday, or midnights of another time zone read as
    the day before; the bars do not show which.
    """
    if not bars.daily or len(bars) < 20 or modal_spacing_seconds(bars.stamps) > DAY_SECONDS:
        return
    days = weekday(bars.stamps)
    if np.mean(days == 6) > 0.1 and np.mean(days == 4) < 0.05:
        bars.report(
            "shifted_sessions",
            Severity.warning,
            "sessions on Sundays and never on Fridays: an exchange that trades from Sunday to Thursday, or labels that "
            "are a day early.",
            "if they are early, write the session's local date, or stamps with the exchange's own offset.",
        )


def gap_lengths(bars: Bars) -> tuple[FloatArray, BoolArray]:
    """Return the distance to the next bar in days, (N-1,), and which of these count as gaps.

    Markets that never close: any distance above the usual one. Daily sessions: five or more weekdays without a bar.
    Intraday sessions: more than four days, or a missing bar within a day.
    """
    stamps = bars.stamps
    days: FloatArray = np.diff(stamps.view(np.int64)).astype(np.float64) / _DAY_NS
    if len(stamps) < 3:
        return days, np.zeros(len(days), dtype=np.bool_)
    usual = modal_spacing_seconds(stamps) / DAY_SECONDS
    if trades_weekends(stamps) or usual > 5.0:
        return days, np.asarray(days > 1.5 * usual)
    if bars.daily:
        dates = stamps.astype("datetime64[D]")
        return days, np.asarray(np.busday_count(dates[:-1], dates[1:]) > 5)
    same_day = stamps[1:].astype("datetime64[D]") == stamps[:-1].astype("datetime64[D]")
    return days, np.asarray((days > 4.0) | (same_day & (days > 1.5 * usual)))


def check_gaps(bars: Bars) -> int:
    """Warn about gaps, refuse holes of more than a year; return the number of gaps."""
    days, gaps = gap_lengths(bars)
    holes = days > LONG_HOLE_DAYS
    for k in map(int, np.flatnonzero(holes)):
        bars.report(
            "long_hole",
            Severity.error,
            f"no bars for {days[k]:.0f} days, {_span(bars.stamps, k)}.",
            f"choose one side: data.start={str(bars.stamps[k + 1])[:10]} or data.end={str(bars.stamps[k])[:10]}.",
        )
    short = gaps & ~holes
    if short.any():
        longest = int(np.argmax(np.where(short, days, 0.0)))
        length = f"{days[longest]:.0f} days" if days[longest] >= 2.0 else f"{days[longest] * 24:.1f} hours"
        bars.report(
            "gaps", Severity.warning, f"{int(short.sum())} gap(s), longest {length}, {_span(bars.stamps, longest)}."
        )
    return int(gaps.sum())


def _span(stamps: TimeArray, k: int) -> str:
    from rlx.data.panel import format_stamp

    return f"{format_stamp(stamps[k])} to {format_stamp(stamps[k + 1])}"
