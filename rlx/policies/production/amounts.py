"""Amounts of money as logs write them: with marks between the thousands, a currency, or an exponent."""

from __future__ import annotations

import re

from rlx.backtest.plan import LARGEST

_SIGNED = re.compile(r"(?P<before>-?)(?:(?:[A-Z]{3}|[$€£¥])\s?)?(?P<after>-?)(?P<digits>\d.*)")
_PLAIN = re.compile(r"\d{1,60}(?:\.\d+)?(?:[eE][+-]?\d{1,3})?")
_GROUPED = re.compile(r"\d{1,3}(?P<mark>[,'\u2019 \u00a0\u202f])\d{3}(?:(?P=mark)\d{3})*(?:\.\d+)?")
_LAKH = re.compile(r"\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?")
_CONTINENTAL = re.compile(r"\d{1,3}(?:\.\d{3})+,\d{1,2}")  # of two marks the last is the decimal one


def parse_amount(text: str) -> float | None:
    """Return the number of ``$1,234.50``, ``-USD 1'234.5`` or ``1.234,50``; None for what is not surely one."""
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
