"""A market without drift whose bars are known exactly, and forecasts that know nothing about it."""

from __future__ import annotations

import numpy as np

from rlx.data.panel import MarketPanel
from rlx.forecast.rows import ForecastRows
from rlx.types import FloatArray

STEPS = 78
"""Steps in a bar: five minutes each in a session of six and a half hours."""
VOLATILITY = 0.016
NOISE = 0.002


def random_walk(bars: int, seed: int, volatility: float = VOLATILITY) -> MarketPanel:
    """Return daily bars of a martingale with Gaussian steps and no gaps, of a volatility per bar."""
    steps = np.random.default_rng(seed).normal(0.0, volatility / np.sqrt(STEPS), (bars, STEPS))
    growth = np.cumprod(1.0 + steps, axis=1)
    close = 100.0 * np.cumprod(growth[:, -1])
    opens = np.concatenate([[100.0], close[:-1]])
    path = opens[:, None] * np.concatenate([np.ones((bars, 1)), growth], axis=1)
    fields = {"open": opens, "high": path.max(axis=1), "low": path.min(axis=1), "close": close}
    days = np.busday_offset("2000-01-03", np.arange(bars))
    columns = {name: price[:, None] for name, price in fields.items()}
    return MarketPanel(("WALK",), days, source="a random walk", **columns)


def noise_rows(panel: MarketPanel, seed: int, size: float = NOISE) -> ForecastRows:
    """Return forecasts that the next close, high and low are the last ones, moved by noise of a size.

    Nothing in them is known about the next bar; the moves are those against each price's own last value.
    """
    assert panel.high is not None and panel.low is not None
    rng = np.random.default_rng(seed)
    moves: list[FloatArray] = []
    for last in (panel.close, panel.high, panel.low):
        moves.append(last * (1.0 + rng.normal(0.0, size, panel.close.shape)) / panel.close - 1.0)
    band = np.full(panel.close.shape, size)
    return ForecastRows(panel.symbols, np.arange(len(panel), dtype=np.int64), *moves, band)
