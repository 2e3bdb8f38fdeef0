"""Parquet and Feather files as tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rlx.data.readers.table import Table, from_frame
from rlx.errors import DataError
from rlx.untrusted.shown import reason

if TYPE_CHECKING:
    import pyarrow as pa

MAX_CELLS = 2**27
"""Rows x columns of a file; a few bytes can represent any number of equal rows."""


def read_arrow(path: Path) -> Table:
    """Read a Parquet or Feather file; raises DataError, also for a damaged file, and PermissionError."""
    import pandas as pd
    import pyarrow as pa

    try:
        content = _content(path)
    except PermissionError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error
    try:
        frame = content.to_pandas()
    except (pa.ArrowException, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _unreadable(path, error) from error  # damage in pandas' metadata about the columns
    if not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index()
    return from_frame(path, frame)


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: not a readable {path.suffix[1:].lower()} file: {reason(error)}.")


def _content(path: Path) -> pa.Table:
    import pyarrow.parquet as pq
    from pyarrow import dataset, feather

    if not path.is_file():
        raise OSError("not a regular file")
    kind = "feather" if path.suffix.lower() == ".feather" else "parquet"
    found = dataset.dataset(path, format=kind)
    rows, columns = found.count_rows(), max(len(found.schema), 1)  # from its metadata, without reading the rows
    if rows * columns > MAX_CELLS:
        raise OSError(f"it claims {rows:,} rows of {columns} columns; at most {MAX_CELLS:,} cells are read")
    return pq.read_table(path) if kind == "parquet" else feather.read_table(path)
