"""What a single cell looks like, and columns of text as numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from rlx.types import FloatArray

if TYPE_CHECKING:
    import pandas as pd

MISSING_CELLS = frozenset({"", "nan", "none", "null", "na", "n/a", "#n/a", "-", "--", "."})

_NUMBER = re.compile(r"[-+]?[$€£]?(\d[\d,]*\.?\d*|\.\d+)([eE][-+]?\d+)?%?")
_DATE = re.compile(r"(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}[- ][A-Za-z]{3}[- ]\d{2,4}|\d{8} \d{1,2}:\d{2})(\b.*)?")
_TIME = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?")


def is_number(cell: str) -> bool:
    """Whether a cell is a number such as 12, 1,234.5, $3.10 or 1e6."""
    return _NUMBER.fullmatch(cell.strip()) is not None


def is_date(cell: str) -> bool:
    """Whether a cell begins like a date."""
    return _DATE.fullmatch(cell.strip()) is not None


def is_time(cell: str) -> bool:
    """Whether a cell is a time of day."""
    return _TIME.fullmatch(cell.strip()) is not None


def to_numbers(column: pd.Series, decimal_comma: bool = False) -> tuple[FloatArray, list[str]]:
    """Return a column as (N,) float64 with NaN for missing cells, and up to three texts that are not numbers.

    Currency signs, thousands separators and 36.63M are understood; infinities count as missing.
    """
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column.dtype):
        typed = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isfinite(typed), typed, np.nan), []
    text = column.astype(str).str.strip()
    text = text.where(~text.str.lower().isin(MISSING_CELLS), "nan")
    values = _exact(text)
    if values is None:
        text = text.str.replace(r"[$€£%\s]", "", regex=True)
        text = _with_points(text, decimal_comma)
        for letter, exponent in (("K", "e3"), ("M", "e6"), ("B", "e9")):
            text = text.str.replace(rf"(?<=\d){letter}$", exponent, regex=True)
        values = _exact(text)
    if values is not None:
        return np.where(np.isfinite(values), values, np.nan), []
    parsed = pd.to_numeric(text, errors="coerce")
    bad = parsed.isna() & (text != "nan")
    return parsed.to_numpy(dtype=np.float64, na_value=np.nan), [str(cell) for cell in column[bad].unique()[:3]]


def _exact(text: pd.Series) -> FloatArray | None:
    """Parse with Python's correctly rounded conversion, so that every layout gives the same bits."""
    try:
        return np.asarray(text.to_numpy(dtype=object), dtype=object).astype(np.float64)
    except ValueError:
        return None


def _with_points(text: pd.Series, decimal_comma: bool) -> pd.Series:
    if decimal_comma:
        has_comma = text.str.contains(",", regex=False)
        plain = text.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
        return text.where(~has_comma, plain)
    return text.str.replace(",", "", regex=False)
