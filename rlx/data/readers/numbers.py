"""Columns of text as numbers: whether comma or point is the decimal mark follows from all cells, never from a guess."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rlx.data.readers.cells import BLANKS, CURRENCIES, MISSING_CELLS
from rlx.errors import DataError
from rlx.types import FloatArray
from rlx.untrusted.escape import one_line

if TYPE_CHECKING:
    import pandas as pd

_HEAD = 1_000  # number of cells of other columns that are read to find the marks of a file
_SHOWN = 40  # characters of a cell in a message
_OTHER = {".": ",", ",": "."}
_GROUPED = re.compile(rf"[-+]?\d{{1,3}}(?:[{BLANKS}]\d{{3}})+(?:[.,]\d*)?[KMB]?")
_BLANK = re.compile(rf"[{BLANKS}]")
_PAID = re.compile(rf"([-+]?)([{CURRENCIES}])([^{CURRENCIES}]+)|([^{CURRENCIES}]+)([{CURRENCIES}])")
_EXPONENTS = {"K": "e3", "M": "e6", "B": "e9"}


def _decisive(decimal: str) -> re.Pattern[str]:
    """Return the pattern of lines that have only one reading: with ``decimal`` as the decimal mark."""
    d, g = re.escape(decimal), re.escape(_OTHER[decimal])
    fraction = rf"(?:0\d*|\d{{4,}})?{d}\d{{3}}|\d*{d}(?:\d{{0,2}}|\d{{4,}})|\d*{d}\d+[eE][-+]?\d+"
    both = rf"\d[\d{g}]*{g}\d+{d}\d*"
    groups = rf"\d{{1,3}}(?:{g}\d{{2,3}})+{g}\d{{3}}"
    return re.compile(rf"^[-+]?(?:{fraction}|{both}|{groups})[KMB]?%?$", re.MULTILINE)


def _valid(decimal: str) -> re.Pattern[str]:
    d, g = re.escape(decimal), re.escape(_OTHER[decimal])
    whole = rf"(?:\d+|\d{{1,3}}(?:{g}\d{{2,3}})*{g}\d{{3}})?"
    return re.compile(rf"[-+]?(?=[.,]?\d){whole}(?:{d}\d*)?(?:[eE][-+]?\d+|[KMB])?")


_DECISIVE = {mark: _decisive(mark) for mark in _OTHER}
_VALID = {mark: _valid(mark) for mark in _OTHER}
_UNDECIDED = {
    mark: re.compile(rf"^[-+]?[1-9]\d{{0,2}}{re.escape(mark)}\d{{3}}[KMB]?%?$", re.MULTILINE) for mark in _OTHER
}


class _Cells:
    """A column of text, cleaned: ``values`` where every cell is a number as Python writes it, and the ``currencies``.

    ``currencies``: sign -> a cell with it.
    """

    def __init__(self, column: pd.Series) -> None:
        self.texts: list[str] = list(map(str.strip, column.astype(str).fillna("").tolist()))
        self.values = _as_python(self.texts)
        self.currencies: dict[str, str] = {}
        if self.values is None:
            self.texts, self.currencies = _without_signs(self.texts)
            self.values = _as_python(self.texts)

    @property
    def lines(self) -> str:
        """The cells as lines; a cell of several lines is not a number."""
        lines = "\n".join(self.texts)
        if lines.count("\n") < len(self.texts):
            return lines
        return "\n".join(text for text in self.texts if "\n" not in text)


class Numbers:
    """The columns of one table as numbers.

    ``cells``: the table. ``others``: columns without numbers (dates, symbols). ``mark``: the declared decimal mark, or
    None to infer it. ``usual``: the default mark where nothing determines it, or None.
    """

    def __init__(self, cells: pd.DataFrame, others: Iterable[int], mark: str | None, usual: str | None) -> None:
        self.cells = cells
        self.others = frozenset(others)
        self.mark = mark
        self.usual = usual
        self._of_file: set[str] | None = None

    def read(self, column: int) -> tuple[FloatArray, list[str]]:
        """Return a column as (N,) float64, NaN where missing, and up to three texts that are not numbers.

        Raises DataError, without a file's name, when its decimal mark cannot be determined or it mixes two currencies.
        """
        column_cells = self.cells[column]
        if _is_typed(column_cells):
            return to_numbers(column_cells)
        cells = _Cells(column_cells)
        return _parsed(cells, self.mark or self._mark(cells))

    def _mark(self, cells: _Cells) -> str:
        lines = cells.lines
        decisive = _found(lines, _DECISIVE, "." if cells.values is not None else ".,")
        if len(decisive) > 1:
            raise DataError(
                f"has numbers of two kinds, {decisive['.']} and {decisive[',']}; write one decimal mark throughout."
                " [number_format]"
            )
        if decisive or not (undecided := _found(lines, _UNDECIDED)):
            return next(iter(decisive), ".")
        if len(of_file := self._file_marks()) == 1:
            return next(iter(of_file))
        if set(undecided) == {self.usual}:
            return str(self.usual)
        raise DataError(_undecidable(undecided))

    def _file_marks(self) -> set[str]:
        """Return the marks found in all columns: a volume of 1,234,567 shows how to read a price of 8,120."""
        if self._of_file is None:
            self._of_file = set()
            for column in range(self.cells.shape[1]):
                cells = self.cells[column]
                if column not in self.others and not _is_typed(cells) and len(self._of_file) < len(_OTHER):
                    self._of_file |= set(_found(_Cells(cells.iloc[:_HEAD]).lines, _DECISIVE))
        return self._of_file


def _found(lines: str, patterns: Mapping[str, re.Pattern[str]], marks: str = ".,") -> dict[str, str]:
    """Return mark -> the first line that matches the mark's pattern."""
    if "." not in lines and "," not in lines:
        return {}
    found = {mark: patterns[mark].search(lines) for mark in marks}
    return {mark: one_line(match[0][:_SHOWN]) for mark, match in found.items() if match}


def _undecidable(undecided: Mapping[str, str]) -> str:
    example = next(iter(undecided.values()))
    plain = example.replace(",", "").replace(".", "")
    return (
        f"has numbers such as {example}, and no cell of the file shows whether that is {plain} or "
        f"{example.replace(',', '.')}; set data.decimal=point or data.decimal=comma. [number_format]"
    )


def _is_typed(column: pd.Series) -> bool:
    import pandas as pd

    return pd.api.types.is_numeric_dtype(column.dtype)


def to_numbers(column: pd.Series, decimal: str = ".") -> tuple[FloatArray, list[str]]:
    """Return a column as (N,) float64 with NaN for missing cells, and up to three texts that are not numbers.

    A currency sign at an end, thousands separators and 36.63M are understood; infinities count as missing. True and 1%
    are not numbers.
    """
    import pandas as pd

    if pd.api.types.is_bool_dtype(column.dtype):
        return np.full(len(column), np.nan), [str(value) for value in column.unique()[:3]]
    if _is_typed(column):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isfinite(values), values, np.nan), []
    return _parsed(_Cells(column), decimal)


def _parsed(cells: _Cells, decimal: str) -> tuple[FloatArray, list[str]]:
    if len(cells.currencies) > 1:
        first, second = (one_line(text[:_SHOWN]) for text in list(cells.currencies.values())[:2])
        raise DataError(f"has two currencies, {first} and {second}; write one throughout. [mixed_currencies]")
    if cells.values is not None and decimal == ".":
        return cells.values, []
    pattern, numbers = _VALID[decimal], []
    bad: dict[str, None] = {}
    for text in cells.texts:
        fits = text == "nan" or pattern.fullmatch(text)
        numbers.append(_with_point(text, decimal) if fits else "nan")
        if not fits:
            bad[text] = None
    values = _as_python(numbers)
    assert values is not None
    return values, [one_line(text[:_SHOWN]) for text in list(bad)[:3]]


def _with_point(text: str, decimal: str) -> str:
    text = text.replace(_OTHER[decimal], "").replace(decimal, ".")
    return text[:-1] + _EXPONENTS[text[-1]] if text[-1] in _EXPONENTS else text


def _without_signs(texts: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return stripped cells as ``nan`` where missing, without a currency sign and blanks between thousands.

    Only one sign at one end of a cell counts as a currency; each is returned with an example cell.
    """
    texts = ["nan" if text.lower() in MISSING_CELLS else text for text in texts]
    everything, currencies = "".join(texts), {}
    if any(sign in everything for sign in CURRENCIES):
        paid = [_PAID.fullmatch(text) for text in texts]
        currencies = {match[2] or match[5]: match[0] for match in paid if match}
        texts = [
            text if m is None else (m[4] or m[1] + m[3].lstrip()).rstrip() for text, m in zip(texts, paid, strict=True)
        ]
    if _BLANK.search(everything):
        texts = [_BLANK.sub("", text) if _GROUPED.fullmatch(text) else text for text in texts]
    return texts, currencies


def _as_python(texts: Sequence[str]) -> FloatArray | None:
    """Parse with Python's correctly rounded conversion, so that every layout gives the same bits; None for others.

    A number beyond any float becomes the largest float, which is no valid price; infinity in words is missing.
    """
    try:
        values = np.fromiter(map(float, texts), dtype=np.float64, count=len(texts))
    except ValueError:
        return None
    if "_" in "".join(texts):  # Python's own separator of thousands
        return None
    for row in np.flatnonzero(np.isinf(values)).tolist():
        values[row] = np.nan if "n" in texts[row].lower() else np.nan_to_num(values[row])
    return values
