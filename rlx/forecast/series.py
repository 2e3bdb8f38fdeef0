"""Single series of prices as models see them, and their forecasts as moves against the last close."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from rlx.data.panel import MarketPanel
from rlx.forecast.paths import prices_of
from rlx.forecast.pretrained_config import MOVES
from rlx.types import FloatArray, IntArray


def bars_before(kind: str, length: int) -> int:
    """Return the number of bars before the last one that ``length`` values of a series need."""
    return length if kind == MOVES else length - 1


def contexts(panel: MarketPanel, length: int, kind: str) -> FloatArray:
    """Return every ``length`` values in a row of each series, (W, A, P, L), a view of which little is in memory.

    Those up to a bar are at place bar - ``bars_before(kind, length)``. With ``moves``, a value is that of a price
    against its own one bar before.
    """
    prices = np.stack([getattr(panel, name) for name in prices_of(panel)], axis=-1)  # (N, A, P)
    values = prices[1:] / prices[:-1] - 1.0 if kind == MOVES else prices
    return np.asarray(sliding_window_view(values, length, axis=0))


def as_moves(values: FloatArray, panel: MarketPanel, bars: IntArray, kind: str) -> FloatArray:
    """Return moves against the close of each of ``bars`` from forecasts of the series, (B, A, P, S, H) or with K last.

    For ``moves`` the conversion multiplies: 1 + move = (1 + own moves up to the step) x (last price / last close).
    """
    ones = (1,) * (values.ndim - 3)
    prices = np.stack([getattr(panel, name)[bars] for name in prices_of(panel)], axis=-1)  # (B, A, P)
    close = np.broadcast_to(panel.close[bars][:, :, None], prices.shape).reshape(*prices.shape, *ones)
    own = prices.reshape(*prices.shape, *ones)
    return np.asarray(np.cumprod(1.0 + values, axis=4) * (own / close) - 1.0 if kind == MOVES else values / close - 1.0)
