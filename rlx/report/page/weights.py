"""The chart of weights over time: long ones stacked above zero, short ones below."""

from __future__ import annotations

import numpy as np

from rlx.report.page.curves import figure, time_axis
from rlx.report.page.html import Markup, join, tag
from rlx.report.page.scale import Scale, percent
from rlx.report.page.series import Series
from rlx.report.page.svg import area_path, frame
from rlx.types import FloatArray

COLOURS = 9
"""Symbols with a colour of their own; those that are held least are drawn as one."""
REST = "rest"
DATES = 70
"""Dates of a stack; every layer of it has as many points."""


def weights_over_time(series: Series) -> Markup:
    """Return the weights carried out of each day, the most held symbols first; white space below 100% is cash."""
    title = "Weights carried out of each day"
    layers = _layers(series.weights)
    if not layers:
        return figure(title, tag("p", "None: the account was in cash throughout.", class_="none"), wide=True)
    longs, shorts = (_stack(layers, side) for side in (1.0, -1.0))
    scale = Scale.over([*longs.values(), *shorts.values()], include=(0.0, 1.0))
    kept = np.unique(np.linspace(0, len(series.dates) - 1, DATES).round().astype(int))
    days, zero = series.days()[kept], float(scale.at(0.0))
    inside = [
        tag("path", class_=f"layer {_class(name, number)}", d=area_path(days, scale.at(stack[name][kept]), zero))
        for stack in (longs, shorts)
        for number, name in reversed(list(enumerate(layers)))  # the outermost first: those inside are drawn over it
        if np.any(layers[name] * (1.0 if stack is longs else -1.0) > 0.0)
    ]
    means = {name: f"{weights.mean():.0%}" for name, weights in layers.items()}
    said = "On average: " + ", ".join(f"{name} {mean}" for name, mean in means.items()) + "."
    chart = frame(title, said, scale, percent, inside, time_axis(series), 250, zero=0.0, clip=True)
    return figure(title, chart, _key(means, len(series.weights)), wide=True)


def _layers(weights: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Return the weights by symbol, most held first, the least held ones summed; what was never held is left out."""
    held = {name: float(np.abs(values).mean()) for name, values in weights.items()}
    order = sorted((name for name in weights if held[name] > 0.0), key=lambda name: -held[name])
    if len(order) <= COLOURS:
        return {name: weights[name] for name in order}
    rest = order[COLOURS - 1 :]
    return {name: weights[name] for name in order[: COLOURS - 1]} | {REST: np.sum([weights[name] for name in rest], 0)}


def _stack(layers: dict[str, FloatArray], side: float) -> dict[str, FloatArray]:
    """Return the outer edge of each layer among those on one side of zero."""
    level = np.zeros(len(next(iter(layers.values()))))
    edges = {}
    for name, weights in layers.items():
        level = level + side * np.maximum(side * weights, 0.0)
        edges[name] = level
    return edges


def _key(means: dict[str, str], symbols: int) -> Markup:
    parts = []
    for number, (name, mean) in enumerate(means.items()):
        words = f"{symbols - COLOURS + 1} others" if name == REST else name
        square = tag("rect", width=10, height=10, class_=f"layer {_class(name, number)}")
        parts.append(tag("span", tag("svg", square, width=10, height=10, aria_hidden="true"), f"{words} {mean}"))
    return tag("div", join(parts), class_="key")


def _class(name: str, number: int) -> str:
    return "c9" if name == REST else f"c{number}"
