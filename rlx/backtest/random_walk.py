"""A market without drift whose bars are known exactly, and forecasts that know nothing about it."""

from __future__ import annotations

import numpy as np

from rlx.data.panel import MarketPanel
from rlx.forecast.rows import ForecastRows
from rlx.types import FloatArray, TimeArray

STEPS = 78
"""Steps in a bar: five minutes each in a session of six and a half hours."""
VOLATILITY = 0.016
NOISE = 0.002


def random_walk(bars: int, seed: int, volatility: float = VOLATILITY, steps: int = STEPS) -> MarketPanel:
    """Return daily bars of a martingale with Gaussian steps and no gaps, of a volatility per bar.

    A limit order is filled at its limit although a step went beyond it: the more steps, the smaller that disadvantage.
    """
    return _panel(_paths(bars, seed, volatility, steps)[:, None], _days(bars), "1D")


def random_walk_within(
    bars: int, seed: int, parts: int, volatility: float = VOLATILITY, steps: int = STEPS
) -> MarketPanel:
    """Return the five-minute bars within those of ``random_walk``: ``parts`` in each, a divisor of its steps."""
    paths = _paths(bars, seed, volatility, steps)
    begins = np.arange(parts) * (steps // parts)
    inside = paths[:, begins[:, None] + np.arange(steps // parts + 1)]  # (bars, parts, steps of a part + 1)
    minutes = np.timedelta64(14 * 60 + 30, "m") + 5 * np.arange(parts)
    stamps: TimeArray = np.add.outer(_days(bars).astype("datetime64[m]"), minutes).ravel()
    return _panel(inside, stamps, "5min")


def _paths(bars: int, seed: int, volatility: float, steps: int) -> FloatArray:
    """Return the prices (bars, steps + 1) of each bar, from its open on, which is the close before."""
    moves = np.random.default_rng(seed).normal(0.0, volatility / np.sqrt(steps), (bars, steps))
    growth = np.cumprod(1.0 + moves, axis=1)
    opens = 100.0 * np.concatenate([[1.0], np.cumprod(growth[:-1, -1])])
    return np.asarray(opens[:, None] * np.concatenate([np.ones((bars, 1)), growth], axis=1))


def _days(bars: int) -> TimeArray:
    return np.asarray(np.busday_offset(np.datetime64("2000-01-03"), np.arange(bars)))


def _panel(paths: FloatArray, stamps: TimeArray, frequency: str) -> MarketPanel:
    """Return the bars of paths (..., steps + 1), one for each."""
    fields = {
        "open": paths[..., 0],
        "high": paths.max(axis=-1),
        "low": paths.min(axis=-1),
        "close": paths[..., -1],
    }
    columns = {name: price.reshape(-1, 1) for name, price in fields.items()}
    return MarketPanel(("WALK",), stamps, frequency=frequency, source="a random walk", **columns)


def noise_rows(panel: MarketPanel, seed: int, size: float = NOISE) -> ForecastRows:
    """Return forecasts that the next close, high and low are the last ones, moved by noise of a size.

    Nothing in them is known about the next bar; the moves are those against each price's own last value.
    """
    assert panel.high is not None and panel.low is not None
    rng = np.random.default_rng(seed)
    close, high, low = (
        last * (1.0 + rng.normal(0.0, size, panel.close.shape)) / panel.close - 1.0
        for last in (panel.close, panel.high, panel.low)
    )
    band = np.full(panel.close.shape, size)
    return ForecastRows(panel.symbols, np.arange(len(panel), dtype=np.int64), close, high, low, band)
