"""Reading and checking a table of target weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rlx.errors import WeightsError, did_you_mean
from rlx.policies.weights_frame import UNNAMED, read_frame, read_numbers
from rlx.types import YEARS, FloatArray, IntArray, TimeArray
from rlx.untrusted.escape import one_line
from rlx.untrusted.shown import brief

TIME_COLUMNS = ("timestamp", "date", "datetime", "time")
ISO_DAY = r"^(\d{4}-\d{2}-\d{2})(?:$|[T ])"


@dataclass(frozen=True)
class WeightsTable:
    """Rows of weights (R, S), one column per symbol, at timestamps (R,) datetime64[ns] UTC, strictly increasing.

    ``dates`` (R,) datetime64[D] are the rows' local days: 2020-01-09 for 2020-01-09T00:00+05:30. ``of_periods``:
    whether the timestamps are the last instants of the rows' periods.
    """

    path: Path
    timestamps: TimeArray
    dates: TimeArray
    symbols: tuple[str, ...]
    weights: FloatArray
    of_periods: bool = False

    def days(self) -> TimeArray:
        """Return ``dates``; WeightsError where time zones put a later row on an earlier day."""
        backwards = np.flatnonzero(self.dates[1:] < self.dates[:-1])
        if backwards.size:
            row = int(backwards[0]) + 1
            raise WeightsError(
                f"{self.path}: row {row + 1} is later than row {row}, but its day {self.dates[row]} is before "
                f"{self.dates[row - 1]} because their time zones differ. Write only the trading days: 2020-01-31."
            )
        return self.dates

    def columns_in(self, universe: Sequence[str]) -> IntArray:
        """Return the index in ``universe`` of each of the table's symbols; WeightsError for an unknown one."""
        for symbol in self.symbols:
            if symbol not in universe:
                raise WeightsError(
                    f"{self.path}: column '{symbol}' is not a symbol of this market ({', '.join(universe)})."
                    f"{did_you_mean(symbol, universe)} {_remedy(symbol)}"
                )
        return np.array([list(universe).index(symbol) for symbol in self.symbols], dtype=np.int64)


def _remedy(symbol: str) -> str:
    if symbol.lower() == "cash":
        return "Drop it: the rest of the weights is cash."
    return "Rename or drop the column, or add the symbol with data.symbols."


def read_weights(path: Path) -> WeightsTable:
    """Read a CSV (compressed or not) or Parquet file of weights; WeightsError names any problem and its place.

    FileError for text that cannot be decoded.
    """
    frame = read_frame(path)
    names = _names(frame)
    frame.columns = pd.Index(names)
    time_column = _time_column(path, names)
    symbols = tuple(name for name in names if name != time_column)
    _refuse_twice(path, symbols)
    if not symbols or frame.empty:
        what = "no rows" if symbols else "no weight columns"
        raise WeightsError(f"{path}: has {what}. Expected '{time_column}' and one column of weights per symbol.")
    times = frame[time_column]
    of_periods = isinstance(times.dtype, pd.PeriodDtype)
    timestamps, dates = _stamps(path, times.dt.to_timestamp(how="end") if of_periods else times)
    return WeightsTable(path, timestamps, dates, symbols, read_numbers(path, frame, symbols), of_periods)


def _names(frame: pd.DataFrame) -> list[str]:
    """Return the columns' names; an unnamed first column has the timestamps where no other has."""
    names = [one_line(str(column)) for column in frame.columns]
    if names and names[0] in UNNAMED and not any(name.lower() in TIME_COLUMNS for name in names):
        names[0] = TIME_COLUMNS[0]
    return names


def _time_column(path: Path, names: Sequence[str]) -> str:
    for name in names:
        if name.lower() in TIME_COLUMNS:
            return name
    found = ", ".join(names) or "no columns"
    raise WeightsError(f"{path}: no timestamp column. Expected one named {', '.join(TIME_COLUMNS)}; found {found}.")


def _refuse_twice(path: Path, symbols: Sequence[str]) -> None:
    for symbol in symbols:
        original = symbol.rsplit(".", 1)[0]  # pandas renames a repeated CSV column X to X.1
        if symbols.count(symbol) > 1 or (symbol == f"{original}.1" and original in symbols):
            raise WeightsError(f"{path}: column '{original}' appears twice. Keep one column per symbol.")


def _stamps(path: Path, column: pd.Series) -> tuple[TimeArray, TimeArray]:
    """Return each row's instant in UTC, datetime64[ns], and its local day, datetime64[D]; sorted rows."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        raise _not_a_timestamp(path, column, 0, " but a number")
    local = _local(column)
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        parsed = pd.to_datetime(column, utc=True)
    else:
        parsed = pd.to_datetime(_texts(column), utc=True, errors="coerce", format="ISO8601")
    usable = local.notna() & parsed.dt.year.between(*YEARS).to_numpy()
    if not usable.all():
        raise _not_a_timestamp(path, column, int(np.flatnonzero(~usable.to_numpy())[0]))
    instants = parsed.dt.tz_localize(None).to_numpy().astype("datetime64[ns]")
    _refuse_unsorted(path, column, instants)
    return np.asarray(instants), np.asarray(local.to_numpy().astype("datetime64[D]"))


def _local(column: pd.Series) -> pd.Series:
    """Return naive datetimes of each row's local day, from its text or time zone; NaT where there is none."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return pd.Series(column.dt.tz_localize(None).to_numpy())
    days = _texts(column).str.extract(ISO_DAY, expand=False)
    return pd.to_datetime(days, errors="coerce", format="%Y-%m-%d")


def _texts(column: pd.Series) -> pd.Series:
    return pd.Series([str(value).strip() for value in column], dtype="str")


def _not_a_timestamp(path: Path, column: pd.Series, row: int, what: str = "") -> WeightsError:
    return WeightsError(
        f"{path}: row {row + 1}: '{brief(str(column.iloc[row]))}' is not a timestamp{what}. Write it as 2020-01-31 or "
        f"2020-01-31T14:30:00Z (year first, {YEARS[0]} to {YEARS[1]})."
    )


def _refuse_unsorted(path: Path, column: pd.Series, instants: TimeArray) -> None:
    backwards = np.flatnonzero(instants[1:] <= instants[:-1])
    if backwards.size:
        row = int(backwards[0]) + 1
        what = "repeats the timestamp of" if instants[row] == instants[row - 1] else "is earlier than"
        raise WeightsError(
            f"{path}: row {row + 1} ({brief(str(column.iloc[row]))}) {what} row {row}. Keep one row per time, sorted."
        )
