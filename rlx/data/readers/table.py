"""A table of cells as in a file, before its columns have a meaning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlx.data.readers.headers import is_field_name, is_read
from rlx.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Table:
    """Cells of a file.

    ``columns``: names, or None without a header. ``tickers``: one symbol per column (or ''). ``delimiter``: of a text
    file. ``zipped``: from a zip archive. ``undecoded``: text in an unknown encoding, in which every such byte is
    U+FFFD. ``left_out``: names of columns that cannot be numbers.
    """

    path: Path
    cells: pd.DataFrame  # columns 0..K-1, text or typed
    columns: list[str] | None
    tickers: list[str] | None = None
    delimiter: str | None = None
    zipped: bool = False
    undecoded: bool = False
    left_out: tuple[str, ...] = ()

    def name(self, column: int) -> str:
        """Return the name of a column in a message."""
        return self.columns[column] if self.columns else f"column {column + 1}"


def from_frame(path: Path, frame: pd.DataFrame) -> Table:
    """Return the table of a frame with named columns; nested columns are dropped, or refused where they are needed."""
    import pandas as pd

    if frame.empty:
        raise DataError(f"{path}: the file has no rows.")
    nested = [k for k in range(frame.shape[1]) if _is_nested(frame.iloc[:, k])]
    left_out = [str(frame.columns[k]) for k in nested]
    if used := [name for name in left_out if is_read(name)]:
        raise DataError(f"{path}: '{used[0]}' has lists or structures, not one value per row. [not_a_number]")
    frame = frame.iloc[:, [k for k in range(frame.shape[1]) if k not in nested]].copy()
    names: list[Any] = list(frame.columns)
    tickers = None
    if isinstance(frame.columns, pd.MultiIndex):
        first, second = ([str(name[level]) for name in names] for level in (0, 1))
        names, tickers = order_levels(path, first, second)
    frame.columns = pd.RangeIndex(frame.shape[1])
    return Table(path, frame, [str(name) for name in names], tickers, left_out=tuple(left_out))


def _is_nested(column: pd.Series) -> bool:
    import numpy as np
    import pandas as pd

    if not pd.api.types.is_object_dtype(column.dtype):
        return False
    return any(isinstance(value, (list, dict, tuple, set, np.ndarray)) for value in column)


def order_levels(path: Path, first: list[str], second: list[str]) -> tuple[list[str], list[str]]:
    """Distinguish the line of fields from the line of tickers; the first column is the date in both."""
    for fields, tickers in ((first, second), (second, first)):
        if len(fields) == len(tickers) and all(is_field_name(name) for name in fields[1:]):
            return ["date", *fields[1:]], ["", *tickers[1:]]
    raise DataError(f"{path}: two header lines, but neither names price fields only: {first[:6]} and {second[:6]}.")
