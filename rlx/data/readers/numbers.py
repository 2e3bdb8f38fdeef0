"""Columns of text as numbers: which of comma and point is the decimal mark is told from all cells, never guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from rlx.data.readers.cells import BLANKS, CURRENCIES, MISSING_CELLS
from rlx.errors import DataError
from rlx.types import FloatArray
from rlx.untrusted.escape import one_line

if TYPE_CHECKING:
    import pandas as pd

_HEAD = 1_000  # so many cells of a column that is not asked for, to learn the marks of a file from
_SHOWN = 40  # characters of a cell in a message
_OTHER = {".": ",", ",": "."}
_GROUPED = re.compile(rf"[-+]?\d{{1,3}}(?:[{BLANKS}]\d{{3}})+(?:[.,]\d*)?[KMB]?")
_EXPONENTS = (("K", "e3"), ("M", "e6"), ("B", "e9"))


def _telling(decimal: str) -> re.Pattern[str]:
    """Return the pattern of cells that have only one reading: with ``decimal`` as the decimal mark."""
    d, g = re.escape(decimal), re.escape(_OTHER[decimal])
    fraction = rf"(?:0\d*|\d{{4,}})?{d}\d{{3}}|\d*{d}(?:\d{{0,2}}|\d{{4,}})|\d*{d}\d+[eE][-+]?\d+"
    both = rf"\d[\d{g}]*{g}\d+{d}\d*"
    groups = rf"\d{{1,3}}(?:{g}\d{{2,3}})+{g}\d{{3}}"
    return re.compile(rf"[-+]?(?:{fraction}|{both}|{groups})[KMB]?")


def _valid(decimal: str) -> re.Pattern[str]:
    d, g = re.escape(decimal), re.escape(_OTHER[decimal])
    whole = rf"(?:\d+|\d{{1,3}}(?:{g}\d{{2,3}})*{g}\d{{3}})?"
    return re.compile(rf"[-+]?{whole}(?:{d}\d*)?(?:[eE][-+]?\d+|[KMB])?")


_TELLING = {mark: _telling(mark) for mark in _OTHER}
_VALID = {mark: _valid(mark) for mark in _OTHER}
_UNDECIDED = {mark: re.compile(rf"[-+]?[1-9]\d{{0,2}}{re.escape(mark)}\d{{3}}[KMB]?") for mark in _OTHER}


@dataclass
class Marks:
    """What cells say of the decimal mark: ``telling`` and ``undecided`` map a mark to an example of its use."""

    telling: dict[str, str] = field(default_factory=dict)
    undecided: dict[str, str] = field(default_factory=dict)

    def add(self, text: pd.Series) -> None:
        """Look at cells, cleaned."""
        for mark in _OTHER:
            with_mark = text[text.str.contains(mark, regex=False)]
            if mark not in self.undecided and (found := _first(with_mark, _UNDECIDED[mark])):
                self.undecided[mark] = found
        marked = text[text.str.contains(r"[.,]")]
        for mark in _OTHER:
            if mark not in self.telling and (found := _first(marked, _TELLING[mark])):
                self.telling[mark] = found


class Numbers:
    """The columns of one table as numbers.

    ``cells``: the table. ``others``: columns that hold no numbers (dates, symbols). ``mark``: the declared decimal
    mark, or None to tell it. ``usual``: the mark of a file in which nothing tells it, or None where there is none.
    """

    def __init__(self, cells: pd.DataFrame, others: Iterable[int], mark: str | None, usual: str | None) -> None:
        self.cells = cells
        self.others = frozenset(others)
        self.mark = mark
        self.usual = usual
        self._of_file: Marks | None = None

    def read(self, column: int) -> tuple[FloatArray, list[str]]:
        """Return a column as (N,) float64, NaN where missing, and up to three texts that are not numbers.

        Raises DataError, without a file's name, when its decimal mark cannot be told.
        """
        cells = self.cells[column]
        if _is_typed(cells):
            return to_numbers(cells)
        text = _clean(cells)
        return _parsed(text, self.mark or self._mark(text))

    def _mark(self, text: pd.Series) -> str:
        own = Marks()
        own.add(text)
        if len(own.telling) > 1:
            raise DataError(
                f"holds numbers of two kinds, {own.telling['.']} and {own.telling[',']}; write one decimal"
                " mark throughout. [number_format]"
            )
        if own.telling or not own.undecided:
            return next(iter(own.telling), ".")
        told = self._file_marks().telling
        if len(told) == 1:
            return next(iter(told))
        if set(own.undecided) == {self.usual}:
            return str(self.usual)
        raise DataError(_undecidable(own.undecided))

    def _file_marks(self) -> Marks:
        """Return the marks of all columns: a volume of 1,234,567 tells how a price of 8,120 is meant."""
        if self._of_file is None:
            self._of_file = Marks()
            for column in range(self.cells.shape[1]):
                cells = self.cells[column]
                if column not in self.others and not _is_typed(cells):
                    self._of_file.add(_clean(cells.iloc[:_HEAD]))
        return self._of_file


def _undecidable(undecided: Mapping[str, str]) -> str:
    example = next(iter(undecided.values()))
    plain = example.replace(",", "").replace(".", "")
    return (
        f"holds numbers such as {example}, and no cell of the file tells whether that is {plain} or"
        f" {example.replace(',', '.')}; say so with data.decimal=point or data.decimal=comma. [number_format]"
    )


def _first(text: pd.Series, pattern: re.Pattern[str]) -> str | None:
    head = text.iloc[:_HEAD]
    for part in (head, text.iloc[_HEAD:]):  # the head nearly always tells
        found = part[part.str.fullmatch(pattern)]
        if len(found):
            return one_line(found.iloc[0][:_SHOWN])
    return None


def _is_typed(column: pd.Series) -> bool:
    import pandas as pd

    return pd.api.types.is_numeric_dtype(column.dtype)


def to_numbers(column: pd.Series, decimal: str = ".") -> tuple[FloatArray, list[str]]:
    """Return a column as (N,) float64 with NaN for missing cells, and up to three texts that are not numbers.

    Currency signs, thousands separators and 36.63M are understood; infinities count as missing. True is no number.
    """
    import pandas as pd

    if pd.api.types.is_bool_dtype(column.dtype):
        return np.full(len(column), np.nan), [str(value) for value in column.unique()[:3]]
    if _is_typed(column):
        return _finite(column.to_numpy(dtype=np.float64, na_value=np.nan)), []
    return _parsed(_clean(column), decimal)


def _parsed(text: pd.Series, decimal: str) -> tuple[FloatArray, list[str]]:
    values = _exact(text) if decimal == "." else None
    if values is not None:
        return _finite(values), []
    valid = (text.str.fullmatch(_VALID[decimal]) & text.str.contains(r"\d")) | (text == "nan")
    values = _exact(_with_points(text, decimal).where(valid, "nan"))
    assert values is not None
    return _finite(values), [one_line(cell[:_SHOWN]) for cell in text[~valid].unique()[:3]]


def _clean(column: pd.Series) -> pd.Series:
    """Return cells as text: stripped, ``nan`` where missing, without currency signs and blanks between thousands."""
    text = column.astype(str).str.strip()
    text = text.where(~text.str.lower().isin(MISSING_CELLS) & column.notna(), "nan")
    if _exact(text) is not None:
        return text
    text = text.str.replace(rf"[{CURRENCIES}%]", "", regex=True).str.strip()
    if text.str.contains(rf"[{BLANKS}]").any():
        text = text.where(~text.str.fullmatch(_GROUPED), text.str.replace(rf"[{BLANKS}]", "", regex=True))
    return text


def _exact(text: pd.Series) -> FloatArray | None:
    """Parse with Python's correctly rounded conversion, so that every layout gives the same bits."""
    try:
        return np.asarray(text.to_numpy(dtype=object), dtype=object).astype(np.float64)
    except ValueError:
        return None


def _with_points(text: pd.Series, decimal: str) -> pd.Series:
    text = text.str.replace(_OTHER[decimal], "", regex=False).str.replace(decimal, ".", regex=False)
    for letter, exponent in _EXPONENTS:
        text = text.str.replace(rf"{letter}$", exponent, regex=True)
    return text


def _finite(values: FloatArray) -> FloatArray:
    return np.where(np.isfinite(values), values, np.nan)
