"""Parquet and Feather files as tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rlx.data.readers.table import Table, from_frame
from rlx.errors import DataError, FileError
from rlx.untrusted.parquet import check_size
from rlx.untrusted.shown import reason

if TYPE_CHECKING:
    import pandas as pd

MAX_CELLS = 2**27


def read_arrow(path: Path) -> Table:
    """Read a Parquet or Feather file; raises DataError, also where the file is damaged."""
    import pandas as pd
    import pyarrow as pa

    try:
        frame = _frame(path)
    except PermissionError as error:
        raise DataError(f"{path}: no permission to read it.") from error
    except FileError as error:
        raise DataError(str(error)) from error
    except (
        pa.ArrowException,
        OSError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        ArithmeticError,
        NotImplementedError,
        MemoryError,
    ) as error:  # what a damaged file makes of pandas and pyarrow
        raise DataError(f"{path}: not a readable {path.suffix[1:].lower()} file: {reason(error)}.") from error
    if not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index()
    return from_frame(path, frame)


def _frame(path: Path) -> pd.DataFrame:
    import pandas as pd
    import pyarrow.parquet as pq

    if not path.is_file():
        raise OSError("not a regular file")
    if path.suffix.lower() == ".feather":
        return pd.read_feather(path)
    check_size(pq.read_metadata(path), path, MAX_CELLS)
    return pd.read_parquet(path)
