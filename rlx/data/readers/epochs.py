"""Stamps that are counts since 1970, in seconds or smaller units; the size of each determines the unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rlx.data.findings import Severity
from rlx.data.readers.stamp_notes import Note
from rlx.errors import DataError
from rlx.types import FloatArray, IntArray, TimeArray

if TYPE_CHECKING:
    import pandas as pd

UNITS = (("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1))
_SCALES = np.array([scale for _, scale in UNITS], dtype=np.int64)
_YEAR_2100 = 4_102_444_800  # in seconds; in any unit, larger counts are dates only in the next unit
_SMALLEST = 100_000_000  # seconds; nine digits, 1973
_LONGEST_GAP = 366 * 86_400  # seconds; a year without bars is refused in any file


def read_epochs(text: pd.Series, rows: IntArray, where: str) -> tuple[TimeArray, list[Note]]:
    """Return digits as UTC instants, (N,) datetime64[ns], and notes on their units.

    ``text`` are the distinct counts, ``rows`` (N,) the index for each row. Between 1973 and 2100 no count is a date in
    two units, so a file may change from one to another (Binance went from milliseconds to microseconds on 2025-01-01);
    that is reported. Where a count is too small for that, all have the unit of the largest. Raises DataError with the
    row of a count that is not a date either way.
    """
    numbers = text.astype("float64").to_numpy()  # for the sizes only: exact values have up to 19 digits
    units = _units(numbers)
    if (units < 0).any() and (one := _unit_of_all(numbers)) is not None:
        units = np.full(len(numbers), one)
    if (bad := np.flatnonzero(units[rows] < 0)).size:
        row = int(bad[0])
        raise DataError(
            f"{where}: {text.iloc[rows[row]][:40]!r} in row {row + 1} of the date column is a date between 1973 and"
            " 2100 in no unit from seconds to nanoseconds. Correct or remove such rows. [bad_dates]"
        )
    stamps = (text.astype("int64").to_numpy() * _SCALES[units]).astype("datetime64[ns]")
    return stamps[rows], _mixed(units[rows])


def _units(numbers: FloatArray) -> IntArray:
    """Return the index in ``UNITS`` of the unit in which each number is a date between 1973 and 2100, or -1."""
    units = np.full(len(numbers), -1)
    for k, (_, scale) in enumerate(UNITS):
        per_second = 10**9 // scale
        units[(numbers >= _SMALLEST * per_second) & (numbers < _YEAR_2100 * per_second)] = k
    return units


def _unit_of_all(numbers: FloatArray) -> int | None:
    """Return the unit of the number farthest from 1970 if no year is missing in that unit; None otherwise."""
    unit = int(_units(np.abs(numbers).max(keepdims=True))[0])
    seconds = np.unique(numbers) * _SCALES[unit] / 1e9
    return unit if unit >= 0 and np.diff(seconds).max(initial=0.0) <= _LONGEST_GAP else None


def _mixed(units: IntArray) -> list[Note]:
    changes = np.flatnonzero(np.diff(units))
    if not changes.size:
        return []
    names = ", ".join(UNITS[k][0] for k in dict.fromkeys(units.tolist()))
    message = (
        f"the stamps are counts in several units ({names}), first change in row {int(changes[0]) + 2}; each is read in "
        "its own unit."
    )
    return [Note("mixed_epochs", Severity.warning, message)]
