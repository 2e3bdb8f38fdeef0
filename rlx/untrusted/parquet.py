"""What a Parquet file says of its size, looked at first: a few bytes can stand for billions of equal rows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rlx.errors import FileError

if TYPE_CHECKING:
    import pyarrow.parquet as pq


def check_size(facts: pq.FileMetaData, name: str | os.PathLike[str], most: int) -> None:
    """Raise FileError, with ``name``, when a file says that it has more than ``most`` cells."""
    if facts.num_rows * max(facts.num_columns, 1) > most:
        raise FileError(
            f"{os.fspath(name)}: says it holds {facts.num_rows:,} rows of {facts.num_columns:,} columns, and no more "
            f"than {most:,} cells are read."
        )
