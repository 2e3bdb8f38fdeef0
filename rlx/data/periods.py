"""Dates as users write them: ``2015``, ``2015-03``, ``2015-03-02`` or ``2015-03-02 14:30``."""

from __future__ import annotations

import numpy as np

from rlx.errors import DataError
from rlx.types import BoolArray, TimeArray


def first_instant(text: str, key: str) -> np.datetime64:
    """Return the start of the period ``text``, UTC; the error names ``key``."""
    return _period(text, key)[0]


def last_instant(text: str, key: str) -> np.datetime64:
    """Return the last nanosecond of the period ``text``, so that an end date includes its whole day."""
    return _period(text, key)[1]


def within(timestamps: TimeArray, start: str | None, end: str | None, prefix: str = "data") -> BoolArray:
    """Return the mask of timestamps between two dates, both inclusive; None leaves that side open."""
    if (
        start is not None
        and end is not None
        and first_instant(start, f"{prefix}.start") > last_instant(end, f"{prefix}.end")
    ):
        raise DataError(f"{prefix}.start={start} is after {prefix}.end={end}: swap them.")
    mask = np.ones(len(timestamps), dtype=np.bool_)
    if start is not None:
        mask &= timestamps >= first_instant(start, f"{prefix}.start")
    if end is not None:
        mask &= timestamps <= last_instant(end, f"{prefix}.end")
    return mask


def _period(text: str, key: str) -> tuple[np.datetime64, np.datetime64]:
    import pandas as pd

    try:
        stamp = pd.Timestamp(text)
        if stamp.tzinfo is not None:
            instant = stamp.tz_convert("UTC").tz_localize(None).to_datetime64()
            return instant, instant
        period = pd.Period(text)
    except (ValueError, TypeError) as error:
        raise DataError(f"{key}={text!r}: not a date; write it as 2015, 2015-03 or 2015-03-02.") from error
    if not isinstance(period, pd.Period):  # pandas parses "nan" and the like as NaT
        raise DataError(f"{key}={text!r}: not a date; write it as 2015, 2015-03 or 2015-03-02.")
    return (
        period.start_time.to_datetime64().astype("datetime64[ns]"),
        period.end_time.to_datetime64().astype("datetime64[ns]"),
    )
