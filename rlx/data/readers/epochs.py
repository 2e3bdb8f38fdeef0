"""Stamps that are counts since 1970, in seconds or smaller units; the unit is told by the size of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rlx.data.findings import Severity
from rlx.data.readers.stamp_notes import Note
from rlx.errors import DataError
from rlx.types import TimeArray

if TYPE_CHECKING:
    import pandas as pd

UNITS = (("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1))
_YEAR_2100 = 4_102_444_800  # in seconds; in any unit, what lies above is a date in no unit but the next
_SMALLEST = 100_000_000  # seconds; nine digits, 1973


def read_epochs(text: pd.Series, where: str) -> tuple[TimeArray, list[Note]]:
    """Return digits as UTC instants, (N,) datetime64[ns], and what there is to say of their units.

    Between 1973 and 2100 no count is a date in two units, so that a file may change from one to another (Binance went
    from milliseconds to microseconds on 2025-01-01); that is reported. Raises DataError with the row of a count that
    is a date in none.
    """
    numbers = text.astype("float64").to_numpy()  # for the sizes only: exact values have up to 19 digits
    unit = np.full(len(numbers), -1)
    for k, (_, scale) in enumerate(UNITS):
        per_second = 10**9 // scale
        unit[(numbers >= _SMALLEST * per_second) & (numbers < _YEAR_2100 * per_second)] = k
    if (bad := np.flatnonzero(unit < 0)).size:
        row = int(bad[0])
        raise DataError(
            f"{where}: {text.iloc[row][:40]!r} in row {row + 1} of the date column is a date between 1973 and 2100 in"
            " no unit from seconds to nanoseconds. Correct or remove such rows. [bad_dates]"
        )
    scales = np.array([scale for _, scale in UNITS], dtype=np.int64)[unit]
    stamps = (text.astype("int64").to_numpy() * scales).astype("datetime64[ns]")
    return stamps, _mixed(unit)


def _mixed(unit: np.ndarray) -> list[Note]:
    changes = np.flatnonzero(np.diff(unit))
    if not changes.size:
        return []
    names = ", ".join(UNITS[k][0] for k in dict.fromkeys(unit.tolist()))
    message = (
        f"the stamps are counts in several units ({names}), first change in row {int(changes[0]) + 2}; each is read"
        " in its own."
    )
    return [Note("mixed_epochs", Severity.warning, message)]
