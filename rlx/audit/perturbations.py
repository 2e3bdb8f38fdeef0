"""Other futures for the same past: panels that differ from a given one only after a bar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from rlx.data.panel import BAR_FIELDS, PRICE_FIELDS, MarketPanel
from rlx.types import FloatArray

NOISE = 0.2  # standard deviation of the log of a factor on a price
WICK = 0.05  # scale of the log distance from the body of a bar to its high and low
SCALE = 10.0

Bars = dict[str, FloatArray]


def perturbed(panel: MarketPanel, bar: int, kind: str, random: np.random.Generator) -> MarketPanel:
    """Return the panel with every price and volume after ``bar`` changed as ``kind`` (one of ``KINDS``) says.

    Prices stay positive, and highs and lows enclose opens and closes. Fields the panel does not have stay absent.
    """
    fields: Bars = {name: values for name in BAR_FIELDS if (values := getattr(panel, name)) is not None}
    later = KINDS[kind]({name: values[bar + 1 :] for name, values in fields.items()}, panel.close[bar], random)
    changed: dict[str, Any] = {name: np.vstack([fields[name][: bar + 1], later[name]]) for name in fields}
    return replace(panel, **changed)


def _noise(bars: Bars, last: FloatArray, random: np.random.Generator) -> Bars:
    """Multiply open, close and volume by separate factors, at each bar and for each asset."""
    moved: Bars = {name: bars[name] * _factors(bars, random) for name in ("open", "close") if name in bars}
    volume = {"volume": bars["volume"] * _factors(bars, random) + 1.0} if "volume" in bars else {}
    return _with_wicks(bars, moved, random) | volume


def _mirrored(bars: Bars, last: FloatArray, random: np.random.Generator) -> Bars:
    """Reverse the sign of every later log return: P -> last^2 / P; the most traded bars become the least traded."""
    moved: Bars = {name: last**2 / bars[name] for name in ("open", "close") if name in bars}
    volume = {"volume": bars["volume"].max(axis=0) - bars["volume"] + 1.0} if "volume" in bars else {}
    return _with_wicks(bars, moved, random) | volume


def _scaled(bars: Bars, last: FloatArray, random: np.random.Generator) -> Bars:
    """Multiply the prices of half the assets by ten and divide the others' by ten; ten times the volume."""
    n_assets = last.size
    up = random.permutation(n_assets) < (n_assets + 1) // 2
    factor = np.where(up, SCALE, 1.0 / SCALE)
    return {name: values * (factor if name in PRICE_FIELDS else SCALE) for name, values in bars.items()}


KINDS: dict[str, Callable[[Bars, FloatArray, np.random.Generator], Bars]] = {
    "noise": _noise,
    "mirrored": _mirrored,
    "scaled": _scaled,
}
"""Perturbation by name: a function of the later bars (L, A) and the close (A,) that they follow."""


def _factors(bars: Bars, random: np.random.Generator) -> FloatArray:
    return np.exp(random.normal(0.0, NOISE, bars["close"].shape))


def _with_wicks(bars: Bars, moved: Bars, random: np.random.Generator) -> Bars:
    """Return the moved opens and closes with new highs and lows around them, where the bars have these."""
    body = np.stack(list(moved.values()))
    wicks = np.exp(np.abs(random.normal(0.0, WICK, (2, *bars["close"].shape))))
    ends = {"high": body.max(axis=0) * wicks[0], "low": body.min(axis=0) / wicks[1]}
    return moved | {name: values for name, values in ends.items() if name in bars}


def choose_bars(first: int, last: int, count: int, random: np.random.Generator) -> list[int]:
    """Return ``count`` bars from ``first`` to ``last``, both always among them, one from each of equal intervals.

    All bars when there are no more than ``count``.
    """
    if last - first + 1 <= count:
        return list(range(first, last + 1))
    edges = np.linspace(first + 1, last, count - 1).round().astype(int)  # of count - 2 intervals
    between = [int(random.integers(low, high)) for low, high in pairwise(edges)]
    return [first, *between, last]
