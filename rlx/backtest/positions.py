"""The rules of strategies that hold from close to close: positions in {-1, 0, 1}, (T, A), for the bar traded."""

from __future__ import annotations

import numpy as np

from rlx.backtest.joined import Joined
from rlx.backtest.settings import StrategySettings
from rlx.types import FloatArray

NARROWEST_BAND = 1e-8


def simple(joined: Joined, settings: StrategySettings) -> FloatArray:
    """Hold the side of the forecast move."""
    return sides(joined.close)


def all_signals(joined: Joined, settings: StrategySettings) -> FloatArray:
    """Hold the side on which close, high and low are all forecast to move, each against its own last value."""
    high = (1.0 + joined.high) * joined.before.close / joined.before.high - 1.0
    low = (1.0 + joined.low) * joined.before.close / joined.before.low - 1.0
    votes = sides(joined.close) + sides(high) + sides(low)
    return np.where(np.abs(votes) == 3.0, np.sign(votes), 0.0)


def buy_and_hold(joined: Joined, settings: StrategySettings) -> FloatArray:
    """Hold the symbol on every bar."""
    return np.ones_like(joined.close)


def long_when_up(joined: Joined, settings: StrategySettings) -> FloatArray:
    """Hold the symbol when its close is forecast to rise, else cash."""
    return np.asarray((joined.close > 0.0).astype(np.float64))


def unprofit_shutdown(joined: Joined, settings: StrategySettings) -> FloatArray:
    """Hold the side of the forecast move, except for one bar after a position whose forecast had the wrong sign."""
    wanted = sides(joined.close)
    wrong = joined.returns * joined.close <= 0.0
    held = wanted.copy()
    for row in range(1, len(held)):
        held[row] = np.where((held[row - 1] != 0.0) & wrong[row - 1], 0.0, wanted[row])
    return held


def ci_guard(joined: Joined, settings: StrategySettings) -> FloatArray:
    """Hold the side of the forecast move where it exceeds the forecast's own band, else nothing."""
    width = settings.ci_multiplier * np.maximum(np.abs(joined.band), NARROWEST_BAND)
    return np.where(np.abs(joined.close) > width, sides(joined.close), 0.0)


def sides(moves: FloatArray) -> FloatArray:
    """Return the sign of each move, 0 for none and for NaN."""
    return np.asarray((moves > 0.0).astype(np.float64) - (moves < 0.0))
