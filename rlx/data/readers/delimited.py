"""Text with delimiters as a table: which delimiter, how many header lines, names and cells of one width."""

from __future__ import annotations

import csv
import io
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from rlx.data.readers.cells import is_date, is_number, is_time
from rlx.data.readers.headers import DATE_NAMES, normalise
from rlx.data.readers.table import Table, order_levels
from rlx.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

MAX_LINE = 2**20
"""Characters of a line; a matrix of ten thousand symbols has a tenth of that."""
_HEAD = 200_000


def read_delimited(path: Path, text: str) -> Table:
    """Read text with delimiters; raises DataError naming the line where it can."""
    _refuse_odd_lines(path, text)
    delimiter = _delimiter(text)
    head = _rows(path, text[:_HEAD], delimiter)
    if len(text) > _HEAD:
        head = head[:-1]  # the last line may be cut
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
    """Return all cells as text; rows longer than ``width`` are refused, as pandas would drop what is too much."""
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


def _refuse_odd_lines(path: Path, text: str) -> None:
    """Refuse lines that swallow what follows them (a quote without its partner), and lines beyond any table."""
    quoted = '"' in text
    start, number = 0, 1
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if end - start > MAX_LINE:
            raise DataError(f"{path}: line {number} has more than {MAX_LINE:,} characters; that is no table of prices.")
        if quoted and text.count('"', start, end) % 2:
            raise DataError(
                f"{path}: line {number} has a quotation mark without its partner ({text[start:end][:60]!r}); remove"
                " or double it. [unbalanced_quote]"
            )
        start, number = end + 1, number + 1


def _rows(path: Path, text: str, delimiter: str) -> list[list[str]]:
    try:
        return [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise DataError(f"{path}: not a table of delimited text ({error}).") from error


def _delimiter(text: str) -> str:
    """Return the candidate that occurs in every one of the first lines, a title line left out."""
    lines = [line for line in text[:20_000].split("\n") if line.strip()][:10]
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
    names, tickers = order_levels(path, rows[0], rows[1])
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
