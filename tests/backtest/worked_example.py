"""Five bars with forecasts and costs of 10 bps, small enough to work out every strategy by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlx.backtest.joined import join
from rlx.backtest.outcome import Outcome, Trading, play
from rlx.backtest.settings import StrategySettings
from rlx.backtest.strategies import STRATEGIES
from rlx.data.panel import MarketPanel
from rlx.forecast.rows import ForecastRows
from rlx.sim.rules import Costs

BARS = np.array(
    [
        [100, 101, 99, 100],
        [100, 103, 98, 102],
        [102, 102.5, 97, 98],
        [97, 99, 95, 96],
        [97, 101, 96, 100],
        [101, 104, 100, 103],
    ]
)
FORECASTS = np.array(
    [
        [101, 102, 99, 0.008],
        [103, 104, 101, 0.012],
        [97, 98.5, 96, 0.004],
        [96.5, 97.5, 95, 0.006],
        [102, 103.5, 100.5, 0.010],
    ]
)
"""Forecast close, high and low of bars 1 to 5, and the band of the close."""
COSTS = Costs(commission_bps=10)


def make_panel(bars: Any = BARS, *, crypto: bool = False, start: str = "2025-01-06") -> MarketPanel:
    """Return a panel of one symbol, X, from (open, high, low, close) of each day."""
    prices = np.asarray(bars, dtype=float)
    fields = {name: prices[:, [column]] for column, name in enumerate(("open", "high", "low", "close"))}
    days = np.datetime64(start) + np.arange(len(prices))
    return MarketPanel(("X",), days, asset_classes=("crypto",) if crypto else (), **fields)


def make_rows(forecasts: Any = FORECASTS, bars: Any = BARS, at: Any = None) -> ForecastRows:
    """Return rows from forecast prices (close, high, low, band), made at the bars ``at``, by default the first ones."""
    made = np.arange(len(forecasts), dtype=np.int64) if at is None else np.asarray(at, dtype=np.int64)
    prices, last = np.asarray(forecasts, dtype=float), np.asarray(bars, dtype=float)[made, 3:]
    moves = prices[:, :3] / last - 1.0
    return ForecastRows(("X",), made, moves[:, [0]], moves[:, [1]], moves[:, [2]], prices[:, [3]])


def trading(crypto: bool = False, rows: ForecastRows | None = None, **settings: Any) -> Trading:
    """Return the example's trading; ``rows`` replaces the forecasts."""
    joined = join(make_rows() if rows is None else rows, make_panel(crypto=crypto))
    return Trading(joined, StrategySettings(**settings), COSTS, 252)


def outcome(name: str, crypto: bool = False, rows: ForecastRows | None = None, **settings: Any) -> Outcome:
    """Return what a strategy does in the example."""
    return play(STRATEGIES[name], trading(crypto, rows, **settings))
