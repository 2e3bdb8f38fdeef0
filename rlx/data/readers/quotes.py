"""Malformed lines of delimited text: a quotation mark without its partner, a line of excessive length."""

from __future__ import annotations

import re
from pathlib import Path

from rlx.data.readers.cells import is_date
from rlx.errors import DataError

MAX_LINE = 2**20
"""Maximum characters of a line; a matrix of ten thousand symbols has a tenth of that."""

_REST = re.compile(r'(?:[^"]|"")*+"')  # rest of a quoted cell, after its first mark


def refuse_malformed_lines(path: Path, text: str, delimiter: str) -> None:
    """Raise DataError, with the line, for a quotation mark without its partner, and for lines longer than in any table.

    A mark within a cell is literal (inches); a quoted cell may have several lines, but none that looks like a row.
    """
    odd, start, number = False, 0, 1
    quoted = '"' in text
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if end - start > MAX_LINE:
            raise DataError(f"{path}: line {number} has more than {MAX_LINE:,} characters; not a table of prices.")
        odd = odd or (quoted and text.count('"', start, end) % 2 == 1)
        start, number = end + 1, number + 1
    if odd and (place := _open_cell(text, delimiter)) is not None:
        line = text[text.rfind("\n", 0, place) + 1 :].partition("\n")[0]
        raise DataError(
            f"{path}: line {text.count(chr(10), 0, place) + 1} has a quotation mark without its partner"
            f" ({line[:60]!r}); remove or double it. [unbalanced_quote]"
        )


def _open_cell(text: str, delimiter: str) -> int | None:
    """Return the start of a quoted cell that swallows the following rows, or None."""
    start = text.find('"')
    while start >= 0:
        if start and text[start - 1] not in ("\n", delimiter):
            start = text.find('"', start + 1)  # within a cell
            continue
        rest = _REST.match(text, start + 1)
        if rest is None:
            return start
        ended = text[rest.end() : rest.end() + 1] in ("", "\n", delimiter)
        if (not ended and ("\n" in rest[0] or delimiter in rest[0])) or _holds_rows(rest[0]):
            return start
        start = text.find('"', rest.end())
    return None


def _holds_rows(cell: str) -> bool:
    """Whether a line of a quoted cell, other than the first, begins with a date like a row."""
    return any(is_date(line.strip(' "')) or line[:8].isdecimal() for line in cell.split("\n")[1:])
