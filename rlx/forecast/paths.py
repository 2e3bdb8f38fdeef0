"""What forecasters of sample paths share: past moves of prices, their compounding, and random numbers by bar."""

from __future__ import annotations

import hashlib

import numpy as np

from rlx.data.market import Market
from rlx.data.panel import MarketPanel
from rlx.errors import DataError
from rlx.forecast.forecaster import PRICES
from rlx.types import FloatArray

LEVELS = (0.01, 0.05, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 0.95, 0.99)
"""The levels of the quantiles of sample paths."""

LARGEST = float(np.finfo(np.float32).max)


def prices_of(panel: MarketPanel) -> tuple[str, ...]:
    """Return the names of the prices that can be forecast: only the close if highs or lows are unknown."""
    return PRICES[:1] if panel.high is None or panel.low is None else PRICES


def bar_moves(panel: MarketPanel) -> FloatArray:
    """Return the moves (N-1, A, P) of each bar from the second on: its prices / the close before it - 1."""
    prices = np.stack([getattr(panel, name)[1:] for name in prices_of(panel)], axis=-1)
    return np.asarray(prices / panel.close[:-1, :, None] - 1.0)


def compounded(moves: FloatArray) -> FloatArray:
    """Return paths (B, S, A, H, P) from the moves of each step relative to the close before it, same shape, float32.

    The result is relative to the close before the first step. The order of prices within a step is kept.
    """
    if moves.shape[3] > 1:
        growth = np.cumprod(1.0 + moves[..., :1], axis=3)
        before = np.concatenate([np.ones_like(growth[..., :1, :]), growth[..., :-1, :]], axis=3)
        moves = before * (1.0 + moves) - 1.0
    return rounded(moves)


def rounded(moves: FloatArray) -> FloatArray:
    """Return moves as float32; a price that would round to zero or to infinity is the nearest one that does not."""
    return np.asarray(np.clip(moves, np.nextafter(np.float32(-1), np.float32(0)), LARGEST), dtype=np.float32)


def random_at(seed: int, stamp: np.datetime64, symbol: str = "") -> np.random.Generator:
    """Return the random numbers of one bar, and of one symbol if they are not joint; they depend on nothing else."""
    series = int.from_bytes(hashlib.blake2b(symbol.encode(), digest_size=8).digest(), "little") if symbol else 0
    bar = int(stamp.astype("datetime64[ns]").astype(np.int64)) % 2**64
    return np.random.Generator(np.random.Philox(counter=[0, 0, 0, series], key=[seed, bar]))


def require_history(name: str, market: Market, first: int, remedy: str) -> int:
    """Return ``first``, the first bar with a forecast; DataError if the market ends before it."""
    if first > market.n_bars - 1:
        raise DataError(
            f"forecaster={name}: needs {first + 1} bars before its first forecast, and "
            f"{market.panel.source or 'the panel'} has {market.n_bars}. {remedy}"
        )
    return first
