"""Amounts of money in logs: with separators of thousands, a currency, or an exponent."""

from __future__ import annotations

import re

from rlx.backtest.plan import LARGEST

_SIGNED = re.compile(r"(?P<before>-?)(?:(?:[A-Z]{3}|[$€£¥])\s?)?(?P<after>-?)(?P<digits>\d.*)")
_PLAIN = re.compile(r"\d{1,60}(?:\.\d+)?(?:[eE][+-]?\d{1,3})?")
_GROUPED = re.compile(r"\d{1,3}(?P<mark>[,'\u2019 \u00a0\u202f])\d{3}(?:(?P=mark)\d{3})*(?:\.\d+)?")
_LAKH = re.compile(r"\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?")
_CONTINENTAL = re.compile(r"\d{1,3}(?:\.\d{3})+,\d{1,2}")  # of two marks the last is the decimal one
_UNDECIDED = re.compile(r"[1-9]\d{0,2}\.\d{3}")  # more than a thousand in one country, and just above one in another


def undecided(text: str) -> bool:
    """Return whether an amount such as ``1.234`` has two readings; ``0.234`` and ``1234.567`` have one."""
    found = _SIGNED.fullmatch(text.strip())
    return found is not None and _UNDECIDED.fullmatch(found["digits"]) is not None


def has_decimal_point(text: str) -> bool:
    """Return whether an amount has one reading, in which a point is the decimal mark: ``1,234.50`` and ``0.5``."""
    found = _SIGNED.fullmatch(text.strip())
    read = parse_amount(text) is not None and not undecided(text)
    return found is not None and read and "." in found["digits"] and not _CONTINENTAL.fullmatch(found["digits"])


def parse_amount(text: str) -> float | None:
    """Return the number of ``$1,234.50``, ``-USD 1'234.5`` or ``1.234,50``; None for other text.

    An ``undecided`` amount is read with the point as decimal mark.
    """
    found = _SIGNED.fullmatch(text.strip())
    if found is None or (found["before"] and found["after"]):
        return None
    digits = found["digits"]
    if _CONTINENTAL.fullmatch(digits):
        digits = digits.replace(".", "").replace(",", ".")
    elif _GROUPED.fullmatch(digits) or _LAKH.fullmatch(digits):
        digits = re.sub(r"[^\d.]", "", digits)
    elif not _PLAIN.fullmatch(digits):
        return None
    value = float(digits)
    return None if value > LARGEST else -value if found["before"] or found["after"] else value
