"""Charts of one line a policy over time: value, drawdown and the rolling Sharpe ratio."""

from __future__ import annotations

import numpy as np

from rlx.report.page.html import Markup, join, tag
from rlx.report.page.scale import Scale, percent, plain_number
from rlx.report.page.series import Series
from rlx.report.page.svg import NARROW, POINTS, area_path, frame, line_path
from rlx.types import FloatArray

BASELINE = "equal_weight"
LINES = {"equal_weight": "b1", "buy_and_hold": "b2", "cash": "b3"}
"""Baseline -> class of its line; others share one."""


def equity(series: Series, label: str) -> Markup:
    """Return the value of 1 invested, the policy's and the baselines'."""
    values = _own_last(series.value, series.policy)
    scale = Scale.growth(list(values.values()))
    ends = {name: f"{value[-1] - 1.0:+.1%}" for name, value in values.items()}
    title = "Value of 1 invested" + (" (logarithmic)" if scale.log else "")
    said = f"{label} ends {ends[series.policy]}" + "".join(
        f", {spoken(name)} {end}" for name, end in ends.items() if name != series.policy
    )
    chart = frame(title, f"{said}.", scale, plain_number, _lines(series, values, scale), time_axis(series), 250, 1.0)
    return figure(title, chart, _key(series, values, label, ends), wide=True)


def drawdown(series: Series, label: str) -> Markup:
    """Return the fraction below the peak, the policy's filled and equal weight's as a line."""
    shown = _beside(series, series.drawdown)
    scale = Scale.over(list(shown.values()), include=(0.0, -0.01))
    own = scale.at(shown[series.policy])
    filled = tag("path", class_="fill own", d=area_path(series.days(), own, float(scale.at(0.0)), NARROW))
    deepest = {name: f"{np.nanmin(value):.1%}" for name, value in shown.items()}
    said = f"Deepest: {label} {deepest[series.policy]}" + "".join(
        f", {spoken(name)} {low}" for name, low in deepest.items() if name != series.policy
    )
    others = {name: value for name, value in shown.items() if name != series.policy}
    inside = [filled, *_lines(series, others, scale, NARROW)]
    title = "Drawdown at daily closes"
    chart = frame(title, f"{said}.", scale, percent, inside, time_axis(series), zero=0.0, clip=True)
    return figure(title, chart, _key(series, shown, label, deepest))


def rolling_sharpe(series: Series, label: str) -> Markup:
    """Return the yearly Sharpe ratio of the last 63 daily returns, the policy's and equal weight's."""
    title = "Sharpe ratio of the last 63 days"
    shown = {
        name: values for name, values in _beside(series, series.rolling_sharpe).items() if np.isfinite(values).any()
    }
    if series.policy not in shown:
        return figure(title, tag("p", "None: there are fewer than 63 days, or the returns do not vary.", class_="none"))
    scale = Scale.over(list(shown.values()), include=(0.0,))
    means = {name: f"{np.nanmean(values):.2f} on average" for name, values in shown.items()}
    said = f"{label} {means[series.policy]}."
    chart = frame(title, said, scale, plain_number, _lines(series, shown, scale, NARROW), time_axis(series), zero=0.0)
    return figure(title, chart, _key(series, shown, label, means))


def figure(title: str, chart: Markup, legend: Markup | None = None, wide: bool = False) -> Markup:
    """Return a chart under its title, with a legend between."""
    return tag("figure", tag("figcaption", title), legend, chart, class_="wide" if wide else None)


def swatch(class_: str, words: str) -> Markup:
    """Return one line of a legend."""
    mark = tag("svg", tag("line", x1=0, x2=20, y1=5, y2=5, class_=class_), width=20, height=10, aria_hidden="true")
    return tag("span", mark, words)


def spoken(name: str) -> str:
    """Return the name of a policy as it is said."""
    return name.replace("_", " ")


def time_axis(series: Series) -> list[tuple[float, str]]:
    """Return at most five dates and where they lie."""
    days, dates = series.days(), series.dates
    if len(dates) == 1:
        return [(0.0, str(dates[0]))]
    picked = np.unique(np.linspace(0, len(dates) - 1, min(5, len(dates))).round().astype(int))
    long = (dates[-1] - dates[0]).astype(int) > 150
    return [(float(days[i]), str(dates[i])[:7] if long else str(dates[i])[5:]) for i in picked]


def _lines(series: Series, values: dict[str, FloatArray], scale: Scale, points: int = POINTS) -> list[Markup]:
    days = series.days()
    return [
        tag("path", class_=f"line {_class(name, series.policy)}", d=line_path(days, scale.at(value), points))
        for name, value in values.items()
    ]


def _class(name: str, own: str) -> str:
    return "own" if name == own else LINES.get(name, "b4")


def _own_last(values: dict[str, FloatArray], own: str) -> dict[str, FloatArray]:
    """Return the same, the policy's own last, so that it is drawn over the others."""
    return {**{name: value for name, value in values.items() if name != own}, own: values[own]}


def _beside(series: Series, values: dict[str, FloatArray]) -> dict[str, FloatArray]:
    return _own_last({name: values[name] for name in (BASELINE, series.policy) if name in values}, series.policy)


def _key(series: Series, values: dict[str, FloatArray], label: str, said: dict[str, str]) -> Markup:
    names = [series.policy, *(name for name in values if name != series.policy)]
    parts = [
        swatch(
            f"line {_class(name, series.policy)}", f"{label if name == series.policy else spoken(name)} {said[name]}"
        )
        for name in names
    ]
    return tag("div", join(parts), class_="key")
