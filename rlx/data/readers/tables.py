"""From a file of any supported format to a table of cells."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rlx.data.readers.arrow_table import read_arrow
from rlx.data.readers.delimited import read_delimited
from rlx.data.readers.json_table import read_json
from rlx.data.readers.table import Table
from rlx.data.readers.unpack import text_of, unpacked
from rlx.errors import DataError, FileError

_TEXT = (".csv", ".txt", ".tsv", ".json")
_ARROW = (".parquet", ".pq", ".feather")
SUFFIXES = (*_TEXT, *(f"{suffix}.gz" for suffix in _TEXT), ".zip", *_ARROW)


def is_supported(path: Path) -> bool:
    """Whether the file's suffix is a supported format."""
    return path.name.lower().endswith(SUFFIXES)


def read_table(path: Path) -> Table:
    """Read any supported file; raises DataError with the file and the problem."""
    try:
        return _read_table(path)
    except PermissionError as error:
        raise DataError(f"{path}: no permission to read it.") from error
    except FileError as error:
        raise DataError(str(error)) from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error}.") from error


def _read_table(path: Path) -> Table:
    if path.suffix.lower() in _ARROW:
        return read_arrow(path)
    payload, name = unpacked(path)
    text, undecoded = text_of(path, payload)
    if not text.strip():
        raise DataError(f"{path}: the file is empty.")
    table = read_json(path, text) if name.lower().endswith(".json") else read_delimited(path, text)
    return replace(table, zipped=path.suffix.lower() == ".zip", undecoded=undecoded)
