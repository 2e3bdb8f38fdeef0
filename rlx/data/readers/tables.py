"""From a file to a table of cells: formats, compression, delimiters, header lines."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlx.data.readers.cells import is_date, is_number, is_time
from rlx.data.readers.headers import DATE_NAMES, is_field_name, normalise
from rlx.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

TEXT_SUFFIXES = (".csv", ".txt", ".tsv")
SUFFIXES = (*TEXT_SUFFIXES, ".csv.gz", ".txt.gz", ".zip", ".parquet", ".pq", ".feather", ".json")


@dataclass
class Table:
    """Cells of a file. ``columns``: names, or None without a header. ``tickers``: one symbol a column (or '')."""

    path: Path
    cells: pd.DataFrame  # columns 0..K-1, text or typed
    columns: list[str] | None
    tickers: list[str] | None = None
    decimal_comma: bool = False
    zipped: bool = False


def is_supported(path: Path) -> bool:
    """Whether the file's name ends like a format that can be read."""
    return path.name.lower().endswith(SUFFIXES)


def read_table(path: Path) -> Table:
    """Read any supported file; raises DataError that names the file and what is wrong with it."""
    suffix = path.suffix.lower()
    try:
        if suffix in (".parquet", ".pq", ".feather"):
            return _read_arrow(path, suffix)
        payload, zipped = _unpacked(path)
    except PermissionError as error:
        raise DataError(f"{path}: no permission to read it.") from error
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: cannot be read: {error}.") from error
    if not payload.strip():
        raise DataError(f"{path}: the file is empty.")
    text = _decoded(path, payload)
    if suffix == ".json":
        return _read_json(path, text)
    return _read_text(path, text, zipped)


def _unpacked(path: Path) -> tuple[bytes, bool]:
    if path.suffix.lower() == ".gz":
        return gzip.decompress(path.read_bytes()), False
    if path.suffix.lower() != ".zip":
        return path.read_bytes(), False
    with zipfile.ZipFile(path) as archive:
        members = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX")]
        if len(members) != 1:
            raise DataError(f"{path}: the archive holds {len(members)} files; unpack it into a folder.")
        return archive.read(members[0]), True


def _decoded(path: Path, payload: bytes) -> str:
    encoding = "utf-16" if payload[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = payload.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a text file (binary content at byte {error.start}).") from error
    if "\x00" in text:
        raise DataError(f"{path}: not a text file (it contains NUL bytes).")
    return text


def _read_arrow(path: Path, suffix: str) -> Table:
    import pandas as pd

    try:
        frame = pd.read_feather(path) if suffix == ".feather" else pd.read_parquet(path)
    except (ValueError, NotImplementedError, KeyError) as error:
        raise DataError(f"{path}: not a readable {suffix[1:]} file: {error}.") from error
    if not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index()
    return _from_frame(path, frame)


def _from_frame(path: Path, frame: pd.DataFrame) -> Table:
    import pandas as pd

    if frame.empty:
        raise DataError(f"{path}: the file has no rows.")
    names: list[Any] = list(frame.columns)
    tickers = None
    if isinstance(frame.columns, pd.MultiIndex):
        first, second = ([str(name[level]) for name in names] for level in (0, 1))
        names, tickers = _order_levels(path, first, second)
    frame = frame.copy()
    frame.columns = pd.RangeIndex(frame.shape[1])
    return Table(path, frame, [str(name) for name in names], tickers)


def _read_json(path: Path, text: str) -> Table:
    import pandas as pd

    try:
        rows = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}: not valid JSON: {error}.") from error
    if not isinstance(rows, list) or not rows or not isinstance(rows[0], (list, dict)):
        raise DataError(f"{path}: JSON must be a list of candles [time, open, high, low, close, volume] or of records.")
    frame = pd.DataFrame(rows)
    if isinstance(rows[0], dict):
        return _from_frame(path, frame)
    return Table(path, frame, None)


def _read_text(path: Path, text: str, zipped: bool) -> Table:
    import pandas as pd

    delimiter = _delimiter(text)
    head = [row for row in csv.reader(io.StringIO(text[:200_000]), delimiter=delimiter) if any(c.strip() for c in row)]
    if len(text) > 200_000:
        head = head[:-1]  # the last line may be cut
    columns, tickers, lines = _header(path, head)
    body = head[lines:]
    if not body:
        raise DataError(f"{path}: the file has a header but no rows.")
    width = Counter(len(row) for row in body).most_common(1)[0][0]
    try:
        cells = pd.read_csv(
            io.StringIO(text),
            sep=delimiter,
            header=None,
            names=list(range(width)),
            skiprows=lines,
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=True,
            index_col=False,
            engine="c",
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise DataError(f"{path}: rows of different lengths: {error}.") from error
    cells = cells.fillna("")
    columns, tickers, cells = _fit_width(path, columns, tickers, cells)
    return Table(path, cells, columns, tickers, decimal_comma=delimiter == ";", zipped=zipped)


def _delimiter(text: str) -> str:
    """Return the candidate that occurs in every one of the first lines, a title line left out."""
    lines = [line for line in text[:20_000].splitlines() if line.strip()][:10]
    counts = {mark: min(line.count(mark) for line in lines[1:] or lines) for mark in (";", "\t", "|", ",")}
    best = max(counts, key=lambda mark: (counts[mark] > 0 and mark != ",", counts[mark]))
    return best if counts[best] else ","


def _header(path: Path, rows: list[list[str]]) -> tuple[list[str] | None, list[str] | None, int]:
    """Return column names, tickers and the number of header lines; the lines counted are those before the data."""
    if len(rows) > 1 and len(rows[0]) == 1 and len(rows[1]) > 1:  # a title or an address above the table
        names, tickers, lines = _header(path, rows[1:])
        return names, tickers, lines + 1
    if not rows or not _is_names(rows[0]):
        return None, None, 0
    if len(rows) < 2 or not _is_names(rows[1]) or len(rows[0]) < 2:
        return rows[0], None, 1
    names, tickers = _order_levels(path, rows[0], rows[1])
    third = rows[2] if len(rows) > 2 else []
    index_line = bool(third) and normalise(third[0]) in DATE_NAMES and not any(cell.strip() for cell in third[1:])
    return names, tickers, 3 if index_line else 2


def _is_names(row: list[str]) -> bool:
    """Whether a line holds names: no number in it, or a date name in front of symbols that look like numbers."""
    if not any(cell.strip() for cell in row):
        return False
    if normalise(row[0]) in DATE_NAMES and row[0].strip():
        return True
    return not any(is_number(cell) or is_date(cell) or is_time(cell) for cell in row)


def _order_levels(path: Path, first: list[str], second: list[str]) -> tuple[list[str], list[str]]:
    """Tell the line of fields from the line of tickers; the first column is the date in both."""
    for fields, tickers in ((first, second), (second, first)):
        if len(fields) == len(tickers) and all(is_field_name(name) for name in fields[1:]):
            return ["date", *fields[1:]], ["", *tickers[1:]]
    raise DataError(f"{path}: two header lines, but neither names price fields only: {first[:6]} and {second[:6]}.")


def _fit_width(
    path: Path, columns: list[str] | None, tickers: list[str] | None, cells: pd.DataFrame
) -> tuple[list[str] | None, list[str] | None, pd.DataFrame]:
    """Bring names and cells to the same width, or refuse: shifted columns would be silent nonsense."""
    if columns is None:
        return None, None, cells
    surplus = cells.shape[1] - len(columns)
    if surplus > 0 and all((cells[k] == "").all() for k in range(len(columns), cells.shape[1])):
        return columns, tickers, cells.iloc[:, : len(columns)]
    if surplus < 0 and all(not name.strip() for name in columns[surplus:]):
        return columns[:surplus], tickers[:surplus] if tickers else None, cells
    if surplus == 0:
        return columns, tickers, cells
    if surplus == 1 and tickers is None and normalise(columns[0]) in DATE_NAMES and is_time(str(cells.iloc[0, 1])):
        return [columns[0], "time", *columns[1:]], None, cells
    if surplus == 1 and tickers is None and not any(normalise(name) in DATE_NAMES for name in columns):
        return ["", *columns], None, cells
    raise DataError(
        f"{path}: the header names {len(columns)} columns ({', '.join(columns[:8])}) but the rows have"
        f" {cells.shape[1]} fields; make them agree."
    )
