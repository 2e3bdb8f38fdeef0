"""Charts of bars: when guards fired, what costs took, and how the windows ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlx.report.page.curves import BASELINE, figure, spoken, swatch
from rlx.report.page.html import Markup, join, tag
from rlx.report.page.scale import Scale, percent
from rlx.report.page.series import Series
from rlx.report.page.svg import HEIGHT, WIDTH, frame, units
from rlx.types import FloatArray

NAMES = {
    "drawdown_guard": ("drawdown", "drawdown_threshold", "drawdown_hit_rate"),
    "negative_return_guard": ("negative return", "negative_return_threshold", "negative_return_hit_rate"),
    "turnover_guard": ("turnover", "turnover_threshold", "turnover_hit_rate"),
}
"""Guard -> how it is called, its threshold in the key and its hit rate on the scorecard."""


def guard_timeline(series: Series, key: Mapping[str, Any], rates: Mapping[str, float | None]) -> Markup:
    """Return one lane for each guard that is on, filled where it fired, with the share of steps on which it did."""
    title = "Guards"
    on = [name for name in NAMES if _is_on(name, key)]
    if not on:
        return figure(title, tag("p", "All guards are off in this comparison.", class_="none"))
    lanes, said = [], []
    for name in on:
        called, _, rate = NAMES[name]
        share = rates.get(rate)
        words = f"{called}: fired on {share:.1%} of the steps" if share is not None else called
        lanes.append(tag("div", tag("span", words), _lane(series, name, words), class_="lane"))
        said.append(words)
    first, last = series.dates[[0, -1]].astype(str)
    ends = tag("div", tag("span", first), tag("span", last), class_="ends")
    return figure(title, join([*lanes, ends]))


def _lane(series: Series, name: str, words: str) -> Markup:
    fired = series.guards[name] > 0.0
    days = series.days()
    starts = np.concatenate(([0.0], days[:-1]))  # a share counts the steps since the date before
    edges = np.flatnonzero(np.diff(np.concatenate(([False], fired, [False])).astype(int)))
    path = "".join(
        f"M{units(starts[start], WIDTH)} 0H{max(units(days[stop - 1], WIDTH), units(starts[start], WIDTH) + 2)}V10H"
        f"{units(starts[start], WIDTH)}z"
        for start, stop in zip(edges[::2], edges[1::2], strict=True)
    )
    view = {"viewBox": f"0 0 {WIDTH} 10", "preserveAspectRatio": "none"}
    drawn = (tag("title", words), tag("path", class_="fired", d=path))
    return tag("svg", *drawn, role="img", width="100%", height=14, class_="timeline", **view)


def _is_on(name: str, key: Mapping[str, Any]) -> bool:
    """Return whether a guard can fire at all; the turnover guard acts through the cooldown only."""
    if key.get("guard", {}).get(NAMES[name][1]) is None:
        return False
    return name != "turnover_guard" or key.get("cooldown", {}).get("steps") is not None


def cost_waterfall(series: Series) -> Markup:
    """Return the mean return a year before costs, what trading and financing take of it, and what is left."""
    title = "From gross to net, a year"
    before, trading, financing, net = (series.costs[name] for name in ("before_costs", "trading", "financing", "net"))
    steps = {
        "before costs": (0.0, before, "whole"),
        "trading costs": (before, before - trading, "taken"),
        "financing": (before - trading, before - trading - financing, "taken"),
        "net": (0.0, net, "whole"),
    }
    scale = Scale.over([np.array([before, trading, financing, net, before - trading])], include=(0.0,))
    shown = {"before costs": before, "trading costs": -trading, "financing": -financing, "net": net}
    said = ", ".join(f"{name} {_signed(value)}" for name, value in shown.items())
    lanes = [
        tag(
            "div",
            tag("span", tag("span", name), tag("b", _signed(shown[name])), class_="said"),
            _span(scale, start, stop, class_),
            class_="lane",
        )
        for name, (start, stop, class_) in steps.items()
    ]
    note = "Mean return of a step times steps a year; products between them are left out."
    drawn = tag("div", *lanes, role="img", aria_label=f"{title}: {said}.")
    return figure(title, join([drawn, tag("p", note, class_="note")]))


def _span(scale: Scale, start: float, stop: float, class_: str) -> Markup:
    low, high = sorted((float(scale.at(start)), float(scale.at(stop))))
    zero = units(float(scale.at(0.0)), WIDTH)
    width = max(units(high, WIDTH) - units(low, WIDTH), 3)
    view = {"viewBox": f"0 0 {WIDTH} 10", "preserveAspectRatio": "none"}
    bar = tag("rect", x=units(low, WIDTH), y=0, width=width, height=10, class_=class_)
    mark = tag("line", x1=zero, x2=zero, y1=0, y2=10, class_="zero")
    return tag("svg", bar, mark, width="100%", height=14, aria_hidden="true", class_="timeline", **view)


def _signed(value: float) -> str:
    return f"{value:+.2%}" if abs(value) >= 5e-5 else "0.00%"


def window_distribution(series: Series, label: str, windows: Mapping[str, Any]) -> Markup:
    """Return how many start indices ended in each bin of return: the policy filled, equal weight as an outline."""
    title = f"Return of {windows.get('n', 'all')} windows of {windows.get('steps', 'some')} steps"
    own = series.counts[series.policy]
    other = series.counts.get(BASELINE) if series.policy != BASELINE else None
    scale = Scale.over([own, *([] if other is None else [other])], include=(0.0,))
    inside = [tag("path", class_="fill own strong", d=_stairs(series.edges, own, scale))]
    if other is not None:
        inside.append(tag("path", class_="line b1", d=_stairs(series.edges, other, scale)))
    across = Scale.over(series.edges, ticks=5)
    lows, width = series.edges[0], series.edges[-1] - series.edges[0]
    ticks = [(float((tick - lows) / width), percent(tick, width)) for tick in across.ticks]
    if series.edges[0] < 0.0 < series.edges[-1]:
        at = units(float(-lows / width), WIDTH)
        inside.append(tag("line", class_="zero", x1=at, x2=at, y1=0, y2=HEIGHT))
    said = _windows_in_words(label, windows if other is not None else {**windows, f"share_beating_{BASELINE}": None})
    chart = frame(title, said, scale, lambda tick, _: f"{tick:.0f}", inside, ticks, zero=0.0)
    key = [swatch("line own", label), *([] if other is None else [swatch("line b1", spoken(BASELINE))])]
    return figure(title, join([chart, tag("p", said, class_="note")]), tag("div", *key, class_="key"))


def _stairs(edges: FloatArray, counts: FloatArray, scale: Scale) -> str:
    """Return the outline of a histogram as a closed path."""
    lows, width = edges[0], edges[-1] - edges[0]
    x = [units(float((edge - lows) / width), WIDTH) if width > 0.0 else 0 for edge in edges]
    y = [HEIGHT - units(float(scale.at(count)), HEIGHT) for count in counts]
    return f"M{x[0]} {HEIGHT}" + "".join(f"V{down}H{to}" for down, to in zip(y, x[1:], strict=True)) + f"V{HEIGHT}z"


def _windows_in_words(label: str, windows: Mapping[str, Any]) -> str:
    positive, ahead = windows.get("share_positive"), windows.get(f"share_beating_{BASELINE}")
    said = [] if positive is None else [f"{label} gained in {positive:.0%} of the windows"]
    if ahead is not None:
        said.append(f"was ahead of equal weight in {ahead:.0%}" if said else f"{label} was ahead in {ahead:.0%}")
    return " and ".join(said) + ". They overlap." if said else "Windows overlap."
