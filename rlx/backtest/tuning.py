"""Multipliers of limit prices that did best on finished bars, and what the same search gains where it may look."""

from __future__ import annotations

import numpy as np

from rlx.backtest.day_trades import FillRule, book
from rlx.backtest.joined import Joined
from rlx.backtest.orders import Tilt
from rlx.backtest.settings import StrategySettings
from rlx.backtest.strategies import Limit
from rlx.types import FloatArray, IntArray

TIED = 1e-12
"""Sums of returns that differ by less are equal: they come from the same trades, added up in another order."""

CHUNK_VALUES = 16_384
"""Values of pairs and bars that are traded at a time: few enough for a processor's cache."""


def tilt_pairs(settings: StrategySettings) -> FloatArray:
    """Return the pairs tried (P, 2), of highs and lows: the one preferred in a tie comes first."""
    points = np.linspace(-settings.tune_bounds, settings.tune_bounds, settings.tune_points)
    points[settings.tune_points // 2] = 0.0
    high, low = (grid.ravel() for grid in np.meshgrid(points, points, indexing="ij"))
    order = np.lexsort((low, high, np.abs(high), np.round(np.abs(high) + np.abs(low), 12)))
    return np.stack([high[order], low[order]], axis=1)


def returns_of_pairs(
    strategy: Limit, joined: Joined, settings: StrategySettings, fill: FillRule, rates: FloatArray
) -> FloatArray:
    """Return the net returns (P, T) of one symbol with each of the pairs on every bar."""
    pairs, n_bars = tilt_pairs(settings)[:, :, None, None], len(joined.bars)
    found = np.empty((len(pairs), n_bars))
    at_once = max(1, CHUNK_VALUES // n_bars)
    for first in range(0, len(pairs), at_once):
        some = pairs[first : first + at_once]
        orders = strategy.orders(joined, settings, Tilt(some[:, 0], some[:, 1]))
        found[first : first + at_once] = book(orders, [fill(one) for one in orders], rates).net[:, :, 0]
    return found


def best_on_past(returns: FloatArray, settings: StrategySettings) -> IntArray:
    """Return for each bar (T,) which pair of (P, T) did best on the last ``tune_bars`` bars finished before it.

    A bar's own decision is made at the close of the bar before, whose return is known then.
    """
    n_bars = returns.shape[1]
    total = np.concatenate([np.zeros((len(returns), 1)), np.cumsum(returns, axis=1)], axis=1)
    end = np.arange(n_bars)
    begin = np.maximum(end - settings.tune_bars, 0)
    return np.where(end >= settings.tune_min_bars, _first_best(total[:, end] - total[:, begin]), 0)


def best_on_itself(returns: FloatArray, settings: StrategySettings) -> IntArray:
    """Return for each bar (T,) which pair of (P, T) did best on the ``tune_bars`` bars around it, itself among them.

    This looks into the future: it measures what tuning on the bars that are judged would pretend to earn.
    """
    block = np.arange(returns.shape[1]) // settings.tune_bars
    starts = np.flatnonzero(np.diff(block, prepend=-1))
    return _first_best(np.add.reduceat(returns, starts, axis=1))[block]


def _first_best(sums: FloatArray) -> IntArray:
    """Return the first row of each column of (P, N) that has its largest value, up to rounding."""
    return np.asarray((sums >= sums.max(axis=0) - TIED).argmax(axis=0))
