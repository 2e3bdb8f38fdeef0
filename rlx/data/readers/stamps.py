"""Columns of dates and times as session labels or UTC instants."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rlx.data.calendars import modal_spacing_seconds
from rlx.data.findings import Severity
from rlx.data.readers.epochs import read_epochs
from rlx.data.readers.stamp_notes import Note
from rlx.errors import DataError
from rlx.types import TimeArray

if TYPE_CHECKING:
    import pandas as pd

_DAILY_SECONDS = 20 * 3_600
_OFFSET = re.compile(r"\s*(Z|(?:UTC|GMT)?[+-]\d{2}(?::?\d{2}(?::?\d{2})?)?|UTC|GMT)$")
_FRACTION = re.compile(r"(?<=:\d{2})[.,](\d{1,9})$")
_YEARS = (1678, 2261)  # the whole years that 64 bits hold in nanoseconds: others come out as years in between
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
    notes: list[Note] = field(default_factory=list)


def parse_stamps(dates: pd.Series, times: pd.Series | None, where: str) -> Stamps:
    """Read a column of dates, with the times of day of a second column if there is one.

    A stamp with an offset that labels a day keeps its local date; one that labels a bar is turned into UTC. Numbers
    are epochs in seconds, milliseconds, microseconds or nanoseconds by the size of each, or dates such as 20210331.
    Raises DataError naming the file (``where``), the first text that cannot be read, and mixed or undecidable forms.
    """
    import pandas as pd

    if isinstance(dates.dtype, pd.DatetimeTZDtype):
        local = _instants(dates.dt.tz_localize(None), dates, where)
        return _labelled(local, _instants(dates.dt.tz_convert("UTC").dt.tz_localize(None), dates, where))
    if pd.api.types.is_datetime64_dtype(dates.dtype):
        return _labelled(_instants(dates, dates, where), None)
    text = _as_text(dates)
    if times is not None:
        text = text + " " + times.astype(str).fillna("").str.strip()
    if (form := _digits_form(text)) is not None:
        return _labelled(_instants(_parsed(text, form), text, where), None)
    if text.str.fullmatch(r"\d{9,19}").all():
        stamps, notes = read_epochs(text, where)
        read = _labelled(stamps, stamps)
        return replace(read, notes=[*notes, *read.notes])
    return _from_text(text, where)


def _digits_form(text: pd.Series) -> str | None:
    """Return the format of stamps such as 202103310930, which would be counts of an odd year otherwise.

    One count in 200 reads as such a date by chance, a whole column never.
    """
    length = len(text.iloc[0])
    form = {10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}.get(length)
    if form is None or not text.str.fullmatch(rf"\d{{{length}}}").all():
        return None
    stamps = _parsed(text, form)
    return form if bool((stamps.notna() & stamps.dt.year.between(1900, 2100)).all()) else None


def _as_text(dates: pd.Series) -> pd.Series:
    import pandas as pd

    if pd.api.types.is_float_dtype(dates.dtype) and (dates % 1 == 0).all() and (dates.abs() < 2**63).all():
        dates = dates.astype("int64")
    text = dates.astype(str).fillna("").str.strip()
    return text.str.replace(r"^(\d+)\.0+$", r"\1", regex=True)


def _instants(parsed: pd.Series, text: pd.Series, where: str) -> TimeArray:
    """Return parsed stamps as (N,) datetime64[ns]; DataError for the first that is none or beyond all calendars."""
    if parsed.isna().any():
        row = int(np.flatnonzero(parsed.isna().to_numpy())[0])
        count = int(parsed.isna().sum())
        raise DataError(
            f"{where}: {count} of {len(parsed)} dates cannot be read, first {str(text.iloc[row])[:40]!r} in row"
            f" {row + 1}. Correct or remove these rows. [bad_dates]"
        )
    outside = ~parsed.dt.year.between(*_YEARS)
    if outside.any():
        row = int(np.flatnonzero(outside.to_numpy())[0])
        raise DataError(
            f"{where}: {str(text.iloc[row])[:40]!r} in row {row + 1} is a date before {_YEARS[0]} or after"
            f" {_YEARS[1]}. Correct or remove such rows. [bad_dates]"
        )
    return np.asarray(parsed.to_numpy().astype("datetime64[ns]"))


def _from_text(text: pd.Series, where: str) -> Stamps:
    offsets = text.str.extract(_OFFSET, expand=False).where(text.str.contains(":", regex=False))
    aware = offsets.notna()
    if aware.any() and not aware.all():
        row = int(np.flatnonzero(aware.to_numpy() != bool(aware.iloc[0]))[0])
        raise DataError(
            f"{where}: some stamps carry a time zone and others do not (first change in row {row + 1}:"
            f" {text.iloc[row][:40]!r}). Write all of them the same way. [mixed_time_zones]"
        )
    wall = text.str.replace(_OFFSET, "", regex=True) if aware.all() else text
    fraction = wall.str.extract(_FRACTION, expand=False)
    local = _parse_wall(wall.str.replace(_FRACTION, "", regex=True), where)
    local = local + fraction.fillna("0").str.ljust(9, "0").astype("int64").to_numpy().astype("timedelta64[ns]")
    return _labelled(local, local - _shift(offsets) if aware.all() else None)


def _shift(offsets: pd.Series) -> npt.NDArray[np.timedelta64]:
    """Return offsets such as Z, +08, -0500, GMT+0200 and +08:05:43 as (N,) timedelta64[s] to subtract."""
    digits = offsets.str.replace(r"^(?:UTC|GMT|Z)", "", regex=True).str.replace(":", "", regex=False)
    digits = digits.where(digits != "", "+00").str.ljust(7, "0")
    hours, minutes, rest = (digits.str[k : k + 2].astype("int64") for k in (1, 3, 5))
    seconds = hours * 3600 + minutes * 60 + rest
    return np.asarray(seconds.where(digits.str[0] == "+", -seconds).to_numpy().astype("timedelta64[s]"))


def _labelled(local: TimeArray, utc: TimeArray | None) -> Stamps:
    """Decide whether the stamps label days or bars; ``utc`` is None where they do not say their zone."""
    instants = local if utc is None else utc
    unique = np.unique(instants)
    daily = len(unique) < 2 or modal_spacing_seconds(unique) >= _DAILY_SECONDS
    if daily:
        return Stamps(local.astype("datetime64[D]").astype("datetime64[ns]"), True)
    note = Note("no_time_zone", Severity.note, "the stamps carry no time zone and are taken as UTC.")
    return Stamps(instants, False, [note] if utc is None else [])


def _parse_wall(text: pd.Series, where: str) -> TimeArray:
    """Parse by the one format that fits every row; day and month order are told apart by the order of the rows."""
    sample = text.iloc[np.unique(np.linspace(0, len(text) - 1, min(len(text), 200)).astype(int))]
    scores = {form: _parsed(sample, form).notna().mean() for form in _FORMATS}
    best = max(scores.values())
    if best < 0.5:
        raise DataError(
            f"{where}: the date column cannot be read (first value {str(text.iloc[0])[:40]!r}). Write dates as"
            " 2015-03-02 or 2015-03-02 14:30. [bad_dates]"
        )
    parsed = {form: _parsed(text, form) for form, s in scores.items() if s == best}
    whole = {form: stamps for form, stamps in parsed.items() if stamps.notna().all()}
    if not whole:
        return _instants(max(parsed.values(), key=lambda stamps: stamps.notna().sum()), text, where)
    return _instants(_only_ordered(whole, where), text, where)


def _parsed(text: pd.Series, form: str) -> pd.Series:
    """Return text as naive stamps of one format, NaT where it does not fit or carries an offset."""
    import pandas as pd

    nothing = pd.Series(pd.NaT, index=text.index, dtype="datetime64[us]")
    try:
        stamps = pd.to_datetime(text, format=form, errors="coerce")
    except (ValueError, OverflowError):  # offsets that differ from row to row
        return nothing
    return stamps if pd.api.types.is_datetime64_dtype(stamps.dtype) else nothing


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
