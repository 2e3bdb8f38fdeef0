"""The kind of a single cell: a number, a date, a time of day, or nothing."""

from __future__ import annotations

import re

MISSING_CELLS = frozenset({"", "nan", "none", "null", "na", "n/a", "#n/a", "-", "--", "."})
CURRENCIES = "$€£¥₹₩"
BLANKS = " '\u2019\u00a0\u2009\u202f"  # separators of thousands other than comma and point

_NUMBER = re.compile(rf"[-+]?[{CURRENCIES}]?\s?(\d[\d.,{BLANKS}]*|[.,]\d+)([eE][-+]?\d+)?[%KMB{CURRENCIES}]?")
_DATE = re.compile(r"(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}[- ][A-Za-z]{3}[- ]\d{2,4}|\d{8} \d{1,2}:\d{2})(\b.*)?")
_TIME = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?")


def is_number(cell: str) -> bool:
    """Whether a cell is a number such as 12, 1,234.5, 1.234,5, $3.10 or 1e6."""
    return _NUMBER.fullmatch(cell.strip()) is not None


def is_date(cell: str) -> bool:
    """Whether a cell begins like a date."""
    return _DATE.fullmatch(cell.strip()) is not None


def is_time(cell: str) -> bool:
    """Whether a cell is a time of day."""
    return _TIME.fullmatch(cell.strip()) is not None
