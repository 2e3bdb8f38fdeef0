"""A file of weights as a data frame: text in any usual encoding, compressed or not, or Parquet."""

from __future__ import annotations

import io
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd

from rlx.errors import WeightsError
from rlx.types import FloatArray
from rlx.untrusted.escape import one_line
from rlx.untrusted.parquet import check_size
from rlx.untrusted.paths import why_unreadable
from rlx.untrusted.text import decode, read_bytes

UNNAMED = ("", "Unnamed: 0")  # an unnamed first column: in the file, and as read by pandas
LARGEST_WEIGHT = 1_000.0  # times equity; a larger number is in another unit, or a mistake

_PARQUET = (".parquet", ".pq")
_OTHER_FORMATS = (".xlsx", ".xls", ".ods", ".json", ".jsonl", ".feather", ".arrow", ".zip", ".pkl", ".pickle", ".h5")
_MOST_COLUMNS = 20_000
_MOST_CELLS = 50_000_000


def read_frame(path: Path) -> pd.DataFrame:
    """Return the table of a file, with an index other than row numbers as its first column.

    Raises WeightsError for a file that is not a table or too large, FileError for text that cannot be decoded.
    """
    if not path.is_file():
        raise WeightsError(f"policy.path={path}: {why_unreadable(path)}. Give a CSV or Parquet file of weights.")
    if path.suffix.lower() in _OTHER_FORMATS:
        raise WeightsError(f"{path}: {path.suffix} files are not read. Save it as CSV (.csv, .csv.gz) or Parquet.")
    try:
        data = read_bytes(path)
        return _read_parquet(path, data) if path.suffix.lower() in _PARQUET else _read_csv(path, data)
    except (ValueError, TypeError, OSError, KeyError, NotImplementedError) as error:  # pandas and pyarrow raise these
        reason = one_line(str(error))[:300]
        raise WeightsError(f"{path}: cannot be read as a table: {reason}") from error


def _read_csv(path: Path, data: bytes) -> pd.DataFrame:
    text = decode(data, path)
    columns = text.partition("\n")[0].count(",") + 1
    if columns > _MOST_COLUMNS:
        raise WeightsError(f"{path}: {columns:,} columns; at most {_MOST_COLUMNS:,} are read.")
    return pd.read_csv(io.StringIO(text), low_memory=False)  # types by whole columns, not by chunks


def _read_parquet(path: Path, data: bytes) -> pd.DataFrame:
    from pyarrow import parquet

    check_size(parquet.read_metadata(io.BytesIO(data)), path, _MOST_CELLS)
    frame = pd.read_parquet(io.BytesIO(data))
    if isinstance(frame.index, pd.RangeIndex):
        return frame
    return frame.reset_index(names=[name or UNNAMED[-1] for name in frame.index.names])


def read_numbers(path: Path, frame: pd.DataFrame, symbols: Sequence[str]) -> FloatArray:
    """Return the weights (R, S) of the columns ``symbols``; WeightsError names the first invalid cell."""
    table = np.empty((len(frame), len(symbols)))
    for position, symbol in enumerate(symbols):
        column = frame[symbol]
        table[:, position] = _numbers(column)
        bad = np.flatnonzero(~(np.abs(table[:, position]) <= LARGEST_WEIGHT))
        if bad.size:
            raise WeightsError(
                f"{path}: row {bad[0] + 1}, symbol {symbol}: {_what(column.iloc[bad[0]], table[bad[0], position])}. "
                "Write 0 for no position, 0.25 for a quarter of equity."
            )
    return table


def _numbers(column: pd.Series) -> FloatArray:
    """Return numbers and texts of numbers as float64, NaN for dates, truth values, lists and anything else."""
    if pd.api.types.is_float_dtype(column.dtype) or pd.api.types.is_integer_dtype(column.dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    plain = [value if isinstance(value, (str, int, float, Decimal)) else None for value in column.astype(object)]
    plain = [None if isinstance(value, bool) else value for value in plain]
    numbers: FloatArray = pd.to_numeric(pd.Series(plain, dtype=object), errors="coerce").to_numpy(dtype=np.float64)
    return numbers


def _what(value: object, number: float) -> str:
    if not isinstance(value, (list, dict, np.ndarray)) and pd.isna(value):  # type: ignore[call-overload]
        return "has no weight"
    shown = one_line(str(value))[:60]
    if np.isfinite(number):
        return f"{shown} is more than {LARGEST_WEIGHT:,.0f} times equity"
    return f"'{shown}' is not a finite number"
