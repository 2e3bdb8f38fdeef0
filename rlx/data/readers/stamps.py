"""Columns of dates and times as session labels or UTC instants."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from rlx.data.calendars import modal_spacing_seconds
from rlx.data.findings import Severity
from rlx.data.readers.epochs import read_epochs
from rlx.data.readers.stamp_notes import Note
from rlx.errors import DataError
from rlx.types import YEARS, BoolArray, IntArray, TimeArray

if TYPE_CHECKING:
    import pandas as pd

_DAILY_SECONDS = 20 * 3_600
_OFFSET = re.compile(r"\s*(Z|(?:UTC|GMT)?[+-]\d{2}(?::?\d{2}(?::?\d{2})?)?|UTC|GMT)$")
_FRACTION = re.compile(r"(?<=:\d{2})[.,](\d{1,9})$")
_COUNTS = re.compile(r"(?:-?\d{1,19}\n)*-?\d{1,19}")
_EPOCH_DIGITS = 9  # digits of the longest count in a column: fewer are row numbers, or days such as 20210331
_LONGEST = 200  # more characters than any stamp has: searching a page of blanks for an offset would not end
_WHOLE = re.compile(r"-?\d+\.0+")
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


@dataclass(frozen=True)
class _Texts:
    """A column of stamps as text.

    ``distinct`` without repetitions, the index of each row's stamp in it, ``rows`` (N,), and ``lines``, the distinct
    ones joined by line breaks.
    """

    distinct: pd.Series
    rows: IntArray
    lines: str

    def __getitem__(self, row: int) -> str:
        return str(self.distinct.iloc[self.rows[row]])


def parse_stamps(dates: pd.Series, times: pd.Series | None, where: str) -> Stamps:
    """Read a column of dates, with the times of day of a second column if there is one.

    A stamp with an offset that labels a day keeps its local date; one that labels a bar is converted to UTC. Numbers
    are epochs in seconds, milliseconds, microseconds or nanoseconds by the size of each, or dates such as 20210331.
    Raises DataError naming the file (``where``), the first text that cannot be read, and mixed or undecidable forms.
    """
    import pandas as pd

    if isinstance(dates.dtype, pd.DatetimeTZDtype):
        local = _typed(dates.dt.tz_localize(None), where)
        return _labelled(local, _typed(dates.dt.tz_convert("UTC").dt.tz_localize(None), where))
    if pd.api.types.is_datetime64_dtype(dates.dtype):
        return _labelled(_typed(dates, where), None)
    texts = _texts(dates, times)
    if _COUNTS.fullmatch(texts.lines):
        if (stamps := _digits(texts.distinct)) is not None:
            return _labelled(_instants(stamps, texts, where), None)
        if max(map(len, texts.distinct)) >= _EPOCH_DIGITS:
            instants, notes = read_epochs(texts.distinct, texts.rows, where)
            read = _labelled(instants, instants)
            return replace(read, notes=[*notes, *read.notes])
    return _from_text(texts, where)


def _typed(dates: pd.Series, where: str) -> TimeArray:
    return _instants(dates, _Texts(dates, np.arange(len(dates)), ""), where)


def _texts(dates: pd.Series, times: pd.Series | None) -> _Texts:
    import pandas as pd

    if pd.api.types.is_float_dtype(dates.dtype) and (dates % 1 == 0).all() and (dates.abs() < 2**63).all():
        dates = dates.astype("int64")
    if times is not None:
        dates = dates.astype(str).fillna("").str.strip() + " " + times.astype(str).fillna("").str.strip()
    rows, found = pd.factorize(dates.astype(str).fillna(""))
    distinct = [str(text).strip() for text in found]
    if any(".0" in text for text in distinct):
        distinct = [text.partition(".")[0] if _WHOLE.fullmatch(text) else text for text in distinct]
    return _Texts(_series(distinct), rows.astype(np.int64), "\n".join(distinct))


def _series(texts: list[str]) -> pd.Series:
    import pandas as pd

    return pd.Series(texts, dtype=object)


def _digits(text: pd.Series) -> pd.Series | None:
    """Return stamps such as 202103310930, which would be counts in an implausible year otherwise; None for counts.

    One count in 200 is such a date by chance, a whole column never.
    """
    form = {10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}.get(len(text.iloc[0]))
    if form is None or text.str.len().nunique() > 1:
        return None
    stamps = _parsed(text, form)
    return stamps if bool((stamps.notna() & stamps.dt.year.between(1900, 2100)).all()) else None


def _instants(parsed: pd.Series, texts: _Texts, where: str) -> TimeArray:
    """Return stamps parsed from the distinct texts as (N,) datetime64[ns], one per row.

    DataError for the first that is not a date or out of range.
    """
    if parsed.isna().any():
        unread = parsed.isna().to_numpy()[texts.rows]
        row = int(np.flatnonzero(unread)[0])
        raise DataError(
            f"{where}: {int(unread.sum())} of {len(unread)} dates cannot be read, first {texts[row][:40]!r} in row"
            f" {row + 1}. Correct or remove these rows. [bad_dates]"
        )
    inside = parsed.dt.year.between(*YEARS).to_numpy()
    if not inside.all():
        row = int(np.flatnonzero(~inside[texts.rows])[0])
        raise DataError(
            f"{where}: {texts[row][:40]!r} in row {row + 1} is a date before {YEARS[0]} or after {YEARS[1]}. Correct or"
            " remove such rows. [bad_dates]"
        )
    return np.asarray(parsed.to_numpy().astype("datetime64[ns]"))[texts.rows]


def _from_text(texts: _Texts, where: str) -> Stamps:
    if ":" not in texts.lines:
        return _labelled(_parse_wall(texts, where), None)
    walls, fractions, offsets = _split_stamps(texts.distinct)
    wall = replace(texts, distinct=_series(walls))
    _refuse_mixed_zones(texts, np.array([offset is not None for offset in offsets])[texts.rows], where)
    local = _parse_wall(wall, where) + np.array(fractions, dtype="timedelta64[ns]")[texts.rows]
    if offsets[0] is None:
        return _labelled(local, None)
    return _labelled(local, local - np.array(offsets, dtype="timedelta64[s]")[texts.rows])


def _refuse_mixed_zones(texts: _Texts, aware: BoolArray, where: str) -> None:
    if (changes := np.flatnonzero(aware != aware[0])).size:
        row = int(changes[0])
        raise DataError(
            f"{where}: some stamps carry a time zone and others do not (first change in row {row + 1}:"
            f" {texts[row][:40]!r}). Write all of them the same way. [mixed_time_zones]"
        )


def _split_stamps(texts: Iterable[str]) -> tuple[list[str], list[int], list[int | None]]:
    """Return texts without fractions of a second and offsets, the former in nanoseconds, the latter in seconds.

    A column has few times of day and offsets, and each is parsed once.
    """
    known: dict[str, tuple[str, int, int | None]] = {}
    walls, fractions, offsets = [], [], []
    for text in texts:
        start = max(text.find(":") - len("GMT+00"), 0)
        end = text[start:]
        if end not in known:
            known[end] = _split_end(end)
        clock, fraction, offset = known[end]
        walls.append(text[:start] + clock)
        fractions.append(fraction)
        offsets.append(offset)
    return walls, fractions, offsets


def _split_end(end: str) -> tuple[str, int, int | None]:
    offset = _OFFSET.search(end) if ":" in end and len(end) < _LONGEST else None
    clock = end[: offset.start()] if offset else end
    fraction = _FRACTION.search(clock)
    nanoseconds = int(fraction[1].ljust(9, "0")) if fraction else 0
    return clock[: fraction.start()] if fraction else clock, nanoseconds, _seconds(offset[1]) if offset else None


def _seconds(offset: str) -> int:
    """Return an offset such as Z, +08, -0500, GMT+0200 and +08:05:43 in seconds."""
    digits = re.sub(r"\D", "", offset).ljust(6, "0")
    seconds = int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:])
    return -seconds if "-" in offset else seconds


def _labelled(local: TimeArray, utc: TimeArray | None) -> Stamps:
    """Decide whether the stamps label days or bars; ``utc`` is None where they have no zone."""
    instants = local if utc is None else utc
    unique = np.unique(instants)
    daily = len(unique) < 2 or modal_spacing_seconds(unique) >= _DAILY_SECONDS
    if daily:
        return Stamps(local.astype("datetime64[D]").astype("datetime64[ns]"), True)
    note = Note("no_time_zone", Severity.note, "the stamps carry no time zone and are taken as UTC.")
    return Stamps(instants, False, [note] if utc is None else [])


def _parse_wall(texts: _Texts, where: str) -> TimeArray:
    """Parse by the one format that fits every row; the order of the rows distinguishes day from month."""
    text = texts.distinct
    sample = text.iloc[np.unique(np.linspace(0, len(text) - 1, min(len(text), 200)).astype(int))]
    scores = {form: _parsed(sample, form).notna().mean() for form in _FORMATS}
    best = max(scores.values())
    if best < 0.5:
        raise DataError(
            f"{where}: the date column cannot be read (first value {texts[0][:40]!r}). Write dates as"
            " 2015-03-02 or 2015-03-02 14:30. [bad_dates]"
        )
    parsed = {form: _parsed(text, form) for form, s in scores.items() if s == best}
    whole = {form: stamps for form, stamps in parsed.items() if stamps.notna().all()}
    if not whole:
        return _instants(max(parsed.values(), key=lambda stamps: stamps.notna().sum()), texts, where)
    return _instants(_only_ordered(whole, texts.rows, where), texts, where)


def _parsed(text: pd.Series, form: str) -> pd.Series:
    """Return text as naive stamps of one format, NaT where it does not fit or carries an offset."""
    import pandas as pd

    nothing = pd.Series(pd.NaT, index=text.index, dtype="datetime64[us]")
    try:
        stamps = pd.to_datetime(text, format=form, errors="coerce")
    except (ValueError, OverflowError):  # offsets that differ from row to row
        return nothing
    return stamps if pd.api.types.is_datetime64_dtype(stamps.dtype) else nothing


def _only_ordered(candidates: dict[str, pd.Series], rows: IntArray, where: str) -> pd.Series:
    distinct: dict[bytes, tuple[str, pd.Series]] = {}
    for form, stamps in candidates.items():
        distinct.setdefault(stamps.to_numpy().astype("datetime64[s]").tobytes(), (form, stamps))
    if len(distinct) == 1:
        return next(iter(distinct.values()))[1]
    by_row = [(form, stamps, stamps.iloc[rows]) for form, stamps in distinct.values()]
    ordered = [one for one in by_row if one[2].is_monotonic_increasing or one[2].is_monotonic_decreasing]
    if len(ordered) > 1:  # several formats are possible: real bars come at regular distances
        ordered.sort(key=lambda one: _spread(one[2]))
        if _spread(ordered[0][2]) * 3 < _spread(ordered[1][2]):
            ordered = ordered[:1]
    if len(ordered) == 1:
        return ordered[0][1]
    forms = ", ".join(form for form, _ in distinct.values())
    raise DataError(f"{where}: the dates fit several formats ({forms}); write them as 2015-03-02. [ambiguous_dates]")


def _spread(stamps: pd.Series) -> float:
    return float(abs((stamps.iloc[-1] - stamps.iloc[0]).total_seconds()))
