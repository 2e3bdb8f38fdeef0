"""The heat map of monthly returns, as a table that is also read without colours."""

from __future__ import annotations

import math

from rlx.report.page.curves import figure
from rlx.report.page.html import Markup, tag
from rlx.report.page.series import Series

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LEVELS = 4
FULL = 0.10
"""A month that gained or lost this much has the strongest colour."""


def monthly_returns(series: Series) -> Markup:
    """Return one line a year: the return of each month and of the year, as far as the hold-out covers them."""
    title = "Monthly returns, percent"
    years: dict[int, dict[int, float]] = {}
    for year, month, change in series.monthly:
        years.setdefault(year, {})[month] = change
    head = tag("tr", tag("th", "", scope="col"), *(tag("th", name, scope="col") for name in (*MONTHS, "Year")))
    rows = [
        tag(
            "tr",
            tag("th", str(year), scope="row"),
            *(_cell(months.get(month)) for month in range(1, 13)),
            _year(months),
        )
        for year, months in sorted(years.items())
    ]
    caption = tag("caption", title, class_="unseen")
    drawn = tag("table", caption, tag("thead", head), tag("tbody", *rows), class_="months")
    return figure(title, tag("div", drawn, class_="scroll"))


def _cell(change: float | None) -> Markup:
    if change is None or not math.isfinite(change):
        return tag("td", "")
    level = min(LEVELS, math.ceil(LEVELS * abs(change) / FULL)) if abs(change) >= 5e-4 else 0
    class_ = None if level == 0 else f"{'gain' if change > 0.0 else 'loss'} h{level}"
    return tag("td", _percent(change), class_=class_)


def _year(months: dict[int, float]) -> Markup:
    return tag("td", _percent(math.prod(1.0 + change for change in months.values()) - 1.0), class_="sum")


def _percent(change: float) -> str:
    written = f"{100.0 * change:+.1f}"
    return "0.0" if written in ("+0.0", "-0.0") else written
