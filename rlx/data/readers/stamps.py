"""Columns of dates and times as session labels or UTC instants."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from rlx.data.calendars import modal_spacing_seconds
from rlx.errors import DataError
from rlx.types import TimeArray

if TYPE_CHECKING:
    import pandas as pd

_DAILY_SECONDS = 20 * 3_600
_OFFSET = re.compile(r"\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})$")
_FORMATS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y%m%d %H:%M", "%Y%m%d %H:%M:%S", "%Y%m%d %H%M%S",
    "%Y-%m-%d %I-%p", "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%y", "%d/%m/%y", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%b %d, %Y", "%d%m%y", "%y%m%d", "%m%d%y", "ISO8601",
)  # fmt: skip


@dataclass
class Stamps:
    """labels: (N,) datetime64[ns]; sessions when ``daily``, UTC instants otherwise. notes: what was assumed."""

    labels: TimeArray
    daily: bool
    notes: list[str] = field(default_factory=list)


def parse_stamps(dates: pd.Series, times: pd.Series | None, where: str) -> Stamps:
    """Read a column of dates, with the times of day of a second column if there is one.

    A stamp with an offset that labels a day keeps its local date; one that labels a bar is turned into UTC. Numbers
    are epochs in seconds, milliseconds, microseconds or nanoseconds by their size, or dates such as 20210331.
    Raises DataError naming the file (``where``), the first text that cannot be read, and mixed or undecidable forms.
    """
    import pandas as pd

    if isinstance(dates.dtype, pd.DatetimeTZDtype):
        local = _no_gaps(dates.dt.tz_localize(None), dates, where)
        return _labelled(local, dates.dt.tz_convert("UTC").dt.tz_localize(None))
    if pd.api.types.is_datetime64_dtype(dates.dtype):
        return _labelled(_no_gaps(dates, dates, where), None)
    text = _as_text(dates)
    if times is not None:
        text = text + " " + times.astype(str).str.strip()
    if text.str.fullmatch(r"\d{9,19}").all():
        return _labelled(_epoch(text, where), None, epoch=True)
    return _from_text(text, where)


def _as_text(dates: pd.Series) -> pd.Series:
    text = dates.astype(str).str.strip()
    return text.str.replace(r"^(\d+)\.0+$", r"\1", regex=True)


def _no_gaps(parsed: pd.Series, text: pd.Series, where: str) -> TimeArray:
    if parsed.isna().any():
        row = int(np.flatnonzero(parsed.isna().to_numpy())[0])
        count = int(parsed.isna().sum())
        raise DataError(
            f"{where}: {count} of {len(parsed)} dates cannot be read, first {str(text.iloc[row])!r} in row {row + 1}."
            " Correct or remove these rows. [bad_dates]"
        )
    return np.asarray(parsed.to_numpy().astype("datetime64[ns]"))


def _epoch(text: pd.Series, where: str) -> TimeArray:
    numbers = text.astype("int64").to_numpy()
    size = int(np.abs(numbers).max())
    unit, scale = next((u, s) for u, limit, s in _EPOCH_UNITS if size < limit)
    stamps = (numbers * scale).astype("datetime64[ns]")
    years = stamps.astype("datetime64[Y]").astype(int) + 1970
    if years.min() < 1970 or years.max() > 2100:
        raise DataError(f"{where}: the numbers in the date column are no dates (read as epoch {unit}). [bad_dates]")
    return stamps


_EPOCH_UNITS = (("s", 10**11, 10**9), ("ms", 10**14, 10**6), ("us", 10**17, 10**3), ("ns", 2**63, 1))


def _from_text(text: pd.Series, where: str) -> Stamps:
    import pandas as pd

    offsets = text.str.extract(_OFFSET, expand=False).where(text.str.contains(":", regex=False))
    aware = offsets.notna()
    if aware.any() and not aware.all():
        row = int(np.flatnonzero(aware.to_numpy() != bool(aware.iloc[0]))[0])
        raise DataError(
            f"{where}: some stamps carry a time zone and others do not (first change in row {row + 1}:"
            f" {text.iloc[row]!r}). Write all of them the same way. [mixed_time_zones]"
        )
    wall = text.str.replace(_OFFSET, "", regex=True) if aware.all() else text
    local = _parse_wall(wall, where)
    if not aware.all():
        return _labelled(local, None)
    hours = offsets.replace({"Z": "+00:00", "UTC": "+00:00", "GMT": "+00:00"}).str.replace(":", "")
    minutes = hours.str[1:3].astype(int) * 60 + hours.str[3:5].astype(int)
    shift = minutes.where(hours.str[0] == "+", -minutes).to_numpy().astype("timedelta64[m]")
    return _labelled(local, pd.Series(local - shift))


def _labelled(local: TimeArray, utc: pd.Series | None, epoch: bool = False) -> Stamps:
    """Decide whether the stamps label days or bars."""
    local = np.asarray(local).astype("datetime64[ns]")
    instants = local if utc is None else utc.to_numpy().astype("datetime64[ns]")
    unique = np.unique(instants)
    daily = len(unique) < 2 or modal_spacing_seconds(unique) >= _DAILY_SECONDS
    if daily:
        return Stamps(local.astype("datetime64[D]").astype("datetime64[ns]"), True)
    notes = [] if utc is not None or epoch else ["the stamps carry no time zone and are taken as UTC"]
    return Stamps(instants, False, notes)


def _parse_wall(text: pd.Series, where: str) -> TimeArray:
    """Parse by the one format that fits every row; day and month order are told apart by the order of the rows."""
    import pandas as pd

    sample = text.iloc[np.unique(np.linspace(0, len(text) - 1, min(len(text), 200)).astype(int))]
    scores = {form: pd.to_datetime(sample, format=form, errors="coerce").notna().mean() for form in _FORMATS}
    best = max(scores.values())
    if best < 0.5:
        raise DataError(
            f"{where}: the date column cannot be read (first value {str(text.iloc[0])!r}). Write dates as 2015-03-02"
            " or 2015-03-02 14:30. [bad_dates]"
        )
    parsed = {form: pd.to_datetime(text, format=form, errors="coerce") for form, s in scores.items() if s == best}
    whole = {form: stamps for form, stamps in parsed.items() if stamps.notna().all()}
    if not whole:
        return _no_gaps(max(parsed.values(), key=lambda stamps: stamps.notna().sum()), text, where)
    return np.asarray(_only_ordered(whole, where).to_numpy().astype("datetime64[ns]"))


def _only_ordered(candidates: dict[str, pd.Series], where: str) -> pd.Series:
    distinct: dict[bytes, tuple[str, pd.Series]] = {}
    for form, stamps in candidates.items():
        distinct.setdefault(stamps.to_numpy().astype("datetime64[s]").tobytes(), (form, stamps))
    if len(distinct) == 1:
        return next(iter(distinct.values()))[1]
    ordered = [
        (form, stamps)
        for form, stamps in distinct.values()
        if stamps.is_monotonic_increasing or stamps.is_monotonic_decreasing
    ]
    if len(ordered) > 1:  # several orders are possible: real bars come at regular distances
        ordered.sort(key=lambda pair: _spread(pair[1]))
        if _spread(ordered[0][1]) * 3 < _spread(ordered[1][1]):
            ordered = ordered[:1]
    if len(ordered) == 1:
        return ordered[0][1]
    forms = ", ".join(form for form, _ in distinct.values())
    raise DataError(f"{where}: the dates fit several formats ({forms}); write them as 2015-03-02. [ambiguous_dates]")


def _spread(stamps: pd.Series) -> float:
    return float(abs((stamps.iloc[-1] - stamps.iloc[0]).total_seconds()))
