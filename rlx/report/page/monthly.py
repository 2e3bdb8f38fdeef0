"""The heat map of monthly returns, as a table that can also be read without colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LEVELS = 4
FULL = 0.10
"""A month that gained or lost this much has the strongest colour."""


def monthly_returns(monthly: Sequence[tuple[int, int, float]]) -> dict[str, Any]:
    """Return one line per year: the returns of its months and of the year, as far as ``monthly`` covers them."""
    years: dict[int, dict[int, float]] = {}
    for year, month, change in monthly:
        years.setdefault(year, {})[month] = change
    lines = [
        (year, [_cell(months.get(month)) for month in range(1, 13)], _year(months)) for year, months in years.items()
    ]
    return {"kind": "months", "title": "Monthly returns, percent", "months": MONTHS, "years": sorted(lines)}


def _cell(change: float | None) -> tuple[str, str]:
    """Return class and text of a month."""
    if change is None or not math.isfinite(change):
        return "", ""
    level = min(LEVELS, math.ceil(LEVELS * abs(change) / FULL)) if abs(change) >= 5e-4 else 0
    return "" if level == 0 else f"{'gain' if change > 0.0 else 'loss'} h{level}", _percent(change)


def _year(months: dict[int, float]) -> str:
    return _percent(math.prod(1.0 + change for change in months.values()) - 1.0)


def _percent(change: float) -> str:
    written = f"{100.0 * change:+.1f}"
    return "0.0" if written in ("+0.0", "-0.0") else written
