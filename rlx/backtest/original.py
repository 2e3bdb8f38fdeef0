"""How the original system judged MaxDiff, computed so that its results can be compared with honest ones.

Nothing trades by these rules: they grant gains that no order earns. docs/strategies.md explains each step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlx.backtest.joined import Joined
from rlx.types import FloatArray

WINDOW = 6
"""Bars of a window: it was tuned and judged on the same ones."""
FEE = 0.0005
BOUND = 0.03
POINTS = 500
TALLEST = 10.0


@dataclass(frozen=True)
class Windows:
    """Forecast and actual moves of W windows, each array (W, ``WINDOW``), relative to the close before each bar."""

    high_forecast: FloatArray
    low_forecast: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray


def windows_of(joined: Joined, column: int) -> Windows:
    """Return one symbol's windows one after the other; bars without a forecast and an incomplete window are left out.

    Highs and lows, forecast and actual, are converted as the original did it: the move against the high before is added
    to that high's distance from the close before, and in the same way for lows.
    """
    known = ~joined.lacks(("high", "low"))[:, column]
    before, traded = joined.before, joined.traded
    last = before.close[known, column]
    parts = []
    for high, low in ((joined.high, joined.low), (traded.high / before.close - 1.0, traded.low / before.close - 1.0)):
        for move, old, sign in ((high, before.high, 1.0), (low, before.low, -1.0)):
            distance = np.abs(old[known, column] / last - 1.0)
            parts.append((1.0 + move[known, column]) * last / old[known, column] - 1.0 + sign * distance)
    whole = len(last) // WINDOW * WINDOW
    closes = traded.close[known, column] / last - 1.0
    return Windows(*(part[:whole].reshape(-1, WINDOW) for part in (*parts, closes)))


def payoffs(
    windows: Windows, high: FloatArray | float = 0.0, low: FloatArray | float = 0.0, *, signed: bool = False
) -> FloatArray:
    """Return the payoff of each bar (..., W, ``WINDOW``) with ``high`` and ``low`` added to the forecast moves.

    A bar that touches entry and target is granted both, less one fee. A target that was missed pays the absolute
    distance from entry to close, a gain for a long and a loss for a short whatever the close was; if ``signed``, the
    distance has its sign and every entry pays the fee.
    """
    top, bottom = np.clip(windows.high_forecast + high, 0.0, TALLEST), np.clip(windows.low_forecast + low, -1.0, 0.0)
    long = np.abs(windows.high_forecast) > np.abs(windows.low_forecast)
    above, below = windows.high >= top, windows.low <= bottom
    entered = np.where(long, windows.low < bottom, windows.high > top)
    reached = np.where(long, above, below)
    if signed:
        missed = np.where(long, windows.close - bottom, top - windows.close) - FEE
    else:
        missed = np.where(long, np.abs(bottom - windows.close), -np.abs(top - windows.close))
    return np.where(entered, np.where(reached, top - bottom - FEE, missed), 0.0)


def tuned(windows: Windows, *, signed: bool = False) -> tuple[FloatArray, FloatArray]:
    """Return what is added to highs and to lows (W, 1) in each window: the best for the window itself.

    First highs, over ``POINTS`` values; then lows, given the highs; a value is kept if it is strictly better.
    """
    grid = np.linspace(-BOUND, BOUND, POINTS)[:, None, None]
    best = payoffs(windows, signed=signed).sum(axis=-1)
    high = _better(payoffs(windows, high=grid, signed=signed).sum(axis=-1), best, grid)
    best = payoffs(windows, high=high, signed=signed).sum(axis=-1)
    low = _better(payoffs(windows, high=high, low=grid, signed=signed).sum(axis=-1), best, grid)
    return high, low


def _better(sums: FloatArray, untuned: FloatArray, grid: FloatArray) -> FloatArray:
    """Return the value (W, 1) with the largest of the sums (P, W), 0 where none is above ``untuned`` (W,)."""
    chosen = sums.argmax(axis=0)
    return np.where(sums.max(axis=0) > untuned, grid[chosen, 0, 0], 0.0)[:, None]


def window_sharpes(returns: FloatArray, periods_per_year: float) -> FloatArray:
    """Return the yearly Sharpe ratio of each window (W,) of returns (W, ``WINDOW``), 0 without variation.

    Population standard deviation, as the original computed it.
    """
    spread = returns.std(axis=-1)
    ratio = np.divide(returns.mean(axis=-1), spread, out=np.zeros(len(returns)), where=spread > 0.0)
    return np.asarray(ratio * np.sqrt(periods_per_year))
