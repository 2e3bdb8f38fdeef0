"""Reading and checking a table of target weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rlx.errors import WeightsError, did_you_mean
from rlx.types import FloatArray, IntArray, TimeArray

TIME_COLUMNS = ("timestamp", "date", "datetime", "time")


@dataclass(frozen=True)
class WeightsTable:
    """Rows of weights (R, S) at timestamps (R,) datetime64[ns] UTC, strictly increasing, one column a symbol."""

    path: Path
    timestamps: TimeArray
    symbols: tuple[str, ...]
    weights: FloatArray

    def columns_in(self, universe: Sequence[str]) -> IntArray:
        """Return where each of the table's symbols stands in ``universe``; WeightsError for one that does not."""
        for symbol in self.symbols:
            if symbol not in universe:
                raise WeightsError(
                    f"{self.path}: column '{symbol}' is not a symbol of this market ({', '.join(universe)})."
                    f"{did_you_mean(symbol, universe)} {_mend(symbol)}"
                )
        return np.array([list(universe).index(symbol) for symbol in self.symbols], dtype=np.int64)


def _mend(symbol: str) -> str:
    if symbol.lower() == "cash":
        return "Drop it: cash is whatever the weights leave."
    return "Rename or drop the column, or add the symbol with data.symbols."


def read_weights(path: Path) -> WeightsTable:
    """Read a CSV or Parquet file of weights; WeightsError names what is wrong with it and where."""
    frame = _read_frame(path)
    names = [str(column).strip() for column in frame.columns]
    frame.columns = pd.Index(names)
    time_column = _time_column(path, names)
    symbols = tuple(name for name in names if name != time_column)
    _refuse_twice(path, symbols)
    if not symbols or frame.empty:
        what = "no rows" if symbols else "no weight columns"
        raise WeightsError(f"{path}: has {what}. Expected '{time_column}' and one column of weights a symbol.")
    timestamps = _timestamps(path, frame[time_column])
    return WeightsTable(path, timestamps, symbols, _weights(path, frame, symbols))


def _read_frame(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise WeightsError(f"policy.path={path}: no such file. Give a CSV or Parquet file of weights.")
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            frame = pd.read_parquet(path)
            return frame if isinstance(frame.index, pd.RangeIndex) else frame.reset_index()
        return pd.read_csv(path)
    except (ValueError, OSError) as error:  # pandas' parser errors and pyarrow's are ValueErrors
        raise WeightsError(f"{path}: cannot be read as a table: {error}") from error


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
            raise WeightsError(f"{path}: column '{original}' appears twice. Keep one column a symbol.")


def _timestamps(path: Path, column: pd.Series) -> TimeArray:
    parsed = pd.to_datetime(column, utc=True, errors="coerce", format="ISO8601" if column.dtype == object else None)
    missing = np.flatnonzero(parsed.isna().to_numpy())
    if missing.size:
        raise WeightsError(
            f"{path}: row {missing[0] + 1}: '{column.iloc[missing[0]]}' is not a timestamp. Write it as 2020-01-31 "
            "or 2020-01-31T14:30:00Z."
        )
    stamps = parsed.dt.tz_localize(None).to_numpy().astype("datetime64[ns]")
    backwards = np.flatnonzero(stamps[1:] <= stamps[:-1])
    if backwards.size:
        row = int(backwards[0]) + 1
        what = "repeats the timestamp of" if stamps[row] == stamps[row - 1] else "is earlier than"
        raise WeightsError(f"{path}: row {row + 1} ({column.iloc[row]}) {what} row {row}. Keep one row a time, sorted.")
    return np.asarray(stamps)


def _weights(path: Path, frame: pd.DataFrame, symbols: Sequence[str]) -> FloatArray:
    table = np.empty((len(frame), len(symbols)))
    for position, symbol in enumerate(symbols):
        column = frame[symbol]
        numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
        bad = np.flatnonzero(~np.isfinite(numbers))
        if bad.size:
            value = column.iloc[bad[0]]
            what = "has no weight" if pd.isna(value) else f"'{value}' is not a finite number"
            raise WeightsError(
                f"{path}: row {bad[0] + 1}, symbol {symbol}: {what}. Write 0 for no position, 0.25 for a quarter of "
                "equity."
            )
        table[:, position] = numbers
    return table
