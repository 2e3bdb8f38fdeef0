"""The size in a Parquet file's metadata, checked first: a few bytes can represent billions of equal rows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rlx.errors import FileError

if TYPE_CHECKING:
    import pyarrow.parquet as pq


def check_size(facts: pq.FileMetaData, name: str | os.PathLike[str], most: int) -> None:
    """Raise FileError, with ``name``, when a file claims more than ``most`` cells."""
    if facts.num_rows * max(facts.num_columns, 1) > most:
        raise FileError(
            f"{os.fspath(name)}: claims {facts.num_rows:,} rows of {facts.num_columns:,} columns; at most {most:,} "
            "cells are read."
        )
