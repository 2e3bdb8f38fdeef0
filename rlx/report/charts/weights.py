"""The chart of weights over time: long ones stacked above zero, short ones below."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rlx.measures.days import evenly_spaced
from rlx.report.charts.chart import Chart, Mark, dates_across
from rlx.report.charts.scale import Scale, percent
from rlx.types import FloatArray, TimeArray

COLOURS = 9
"""Number of layers with their own colour; the symbols that are held least share the last one."""
REST = "rest"
DATES = 70
"""Number of dates in a stack, and of points in each of its layers."""


def weights_over_time(dates: TimeArray, weights: Mapping[str, FloatArray]) -> Chart:
    """Return the chart of the weights (D,) carried out of each day, most held first; white space below 100% is cash."""
    title = "Weights carried out of each day"
    layers = _layers(weights)
    if not layers:
        return Chart(title, empty="None: the account was in cash throughout.", large=True)
    stacks = [_stack(layers, side) for side in (1.0, -1.0)]
    kept = evenly_spaced(len(dates), DATES)
    roles = {name: "c9" if name == REST else f"c{number}" for number, name in enumerate(layers)}
    marks = tuple(
        Mark(roles[name], dates[kept], stack[name][kept], filled=True)
        for stack in stacks
        for name in reversed(stack)  # the outermost first, since the inner ones are drawn over it
    )
    means = {name: f"{part.mean():.0%}" for name, part in layers.items()}
    others = {REST: f"{len(weights) - COLOURS + 1} others"}
    return Chart(
        title,
        marks,
        Scale.over([edge for stack in stacks for edge in stack.values()], include=(0.0, 1.0)),
        percent,
        "On average: " + ", ".join(f"{name} {mean}" for name, mean in means.items()) + ".",
        tuple((roles[name], f"{others.get(name, name)} {mean}") for name, mean in means.items()),
        dates_across(dates),
        large=True,
    )


def _layers(weights: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return the weights by symbol, most held first, the least held summed, without symbols that were never held."""
    held = {name: float(np.abs(values).mean()) for name, values in weights.items()}
    order = sorted((name for name in weights if held[name] > 0.0), key=lambda name: -held[name])
    if len(order) <= COLOURS:
        return {name: weights[name] for name in order}
    rest = order[COLOURS - 1 :]
    return {name: weights[name] for name in order[: COLOURS - 1]} | {REST: np.sum([weights[name] for name in rest], 0)}


def _stack(layers: dict[str, FloatArray], side: float) -> dict[str, FloatArray]:
    """Return the outer edge of each layer that is ever held on one side of zero."""
    level = np.zeros(len(next(iter(layers.values()))))
    edges = {}
    for name, weights in layers.items():
        if np.any(side * weights > 0.0):
            level = level + side * np.maximum(side * weights, 0.0)
            edges[name] = level
    return edges
