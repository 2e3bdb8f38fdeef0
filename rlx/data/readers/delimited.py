"""Delimited text as a table: the delimiter, the number of header lines, names and cells of one width."""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from rlx.data.readers.cells import is_date, is_number, is_time
from rlx.data.readers.headers import DATE_NAMES, normalise
from rlx.data.readers.quotes import refuse_malformed_lines
from rlx.data.readers.table import Table, order_levels
from rlx.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_HEAD_CELLS = 10_000
_FEWEST_ROWS = 10
_QUOTED = re.compile(r'(?:(?<=[\n,;\t|])|\A)"(?:[^"]|"")*"')


def read_delimited(path: Path, text: str) -> Table:
    """Read delimited text; raises DataError naming the line where possible."""
    delimiter = _delimiter(text)
    refuse_malformed_lines(path, text, delimiter)
    head = _head(path, text, delimiter)
    columns, tickers, lines = _header(path, head)
    body = head[lines:]
    if not body:
        raise DataError(f"{path}: the file has a header but no rows.")
    width = Counter(len(row) for row in body).most_common(1)[0][0]
    cells = _cells(path, text, delimiter, lines, width)
    cells = cells.fillna("")
    columns, tickers, cells = _fit_width(path, columns, tickers, cells)
    return Table(path, cells, columns, tickers, delimiter=delimiter)


def _cells(path: Path, text: str, delimiter: str, skipped: int, width: int) -> pd.DataFrame:
    """Return all cells as text; rows longer than ``width`` are refused, because pandas would drop the surplus."""
    import pandas as pd

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                io.StringIO(text),
                sep=delimiter,
                header=None,
                names=list(range(width)),
                skiprows=skipped,
                dtype=str,
                keep_default_na=False,
                skip_blank_lines=True,
                index_col=False,
                engine="c",
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError, ValueError) as error:
        reason = " ".join(str(error).split()).removeprefix("Error tokenizing data. C error: ")
        raise DataError(f"{path}: rows of different lengths: {reason}.") from error


def _head(path: Path, text: str, delimiter: str) -> list[list[str]]:
    """Return the rows that determine names, width and marks; of very wide tables a few rows are enough."""
    rows: list[list[str]] = []
    cells = 0
    try:
        for row in csv.reader(io.StringIO(text), delimiter=delimiter):
            if any(cell.strip() for cell in row):
                rows.append(row)
                cells += len(row)
            if len(rows) >= _FEWEST_ROWS and cells > _HEAD_CELLS:
                break
    except csv.Error as error:
        raise DataError(f"{path}: not a table of delimited text ({error}).") from error
    return rows


def _delimiter(text: str) -> str:
    """Return the candidate that occurs in each of the first lines, ignoring a title line and quoted text."""
    head = _QUOTED.sub("", text[:20_000])
    lines = [line for line in head.split("\n") if line.strip()][:10]
    counts = {mark: min(line.count(mark) for line in lines[1:] or lines) for mark in (";", "\t", "|", ",")}
    best = max(counts, key=lambda mark: (counts[mark] > 0 and mark != ",", counts[mark]))
    return best if counts[best] else ","


def _header(path: Path, rows: list[list[str]]) -> tuple[list[str] | None, list[str] | None, int]:
    """Return column names, tickers and the number of lines before the data."""
    if len(rows) > 1 and len(rows[0]) == 1 and len(rows[1]) > 1:  # a title or an address above the table
        names, tickers, lines = _header(path, rows[1:])
        return names, tickers, lines + 1
    if not rows or not _is_names(rows[0]):
        return None, None, 0
    if len(rows) < 2 or not _is_names(rows[1]) or len(rows[0]) < 2:
        return rows[0], None, 1
    names, tickers = order_levels(path, rows[0], rows[1])
    third = rows[2] if len(rows) > 2 else []
    index_line = bool(third) and normalise(third[0]) in DATE_NAMES and not any(cell.strip() for cell in third[1:])
    return names, tickers, 3 if index_line else 2


def _is_names(row: list[str]) -> bool:
    """Whether a line has names: no number in it, or a date name before symbols that look like numbers."""
    if not any(cell.strip() for cell in row):
        return False
    if normalise(row[0]) in DATE_NAMES and row[0].strip():
        return True
    return not any(is_number(cell) or is_date(cell) or is_time(cell) for cell in row)


def _fit_width(
    path: Path, columns: list[str] | None, tickers: list[str] | None, cells: pd.DataFrame
) -> tuple[list[str] | None, list[str] | None, pd.DataFrame]:
    """Bring names and cells to the same width, or refuse: shifted columns would be silently wrong."""
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
        f" {cells.shape[1]} fields; make the numbers agree."
    )
