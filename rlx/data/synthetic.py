"""Generated markets whose best policy is known, for tests and demonstrations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rlx.data.panel import MarketPanel
from rlx.errors import DataError, did_you_mean
from rlx.types import FloatArray, TimeArray


def synthetic(kind: str = "one_winner", n_assets: int = 4, n_bars: int = 600, seed: int = 0) -> MarketPanel:
    """Generate a daily panel of ``n_assets`` symbols ``S0``, ``S1``, ... with full OHLCV.

    Kinds and their best long-only answer:

    - ``one_winner``: S0 rises by 0.5% to 1.5% on every bar, the others lose 0.4% per bar on average, with noise. Best:
      everything in S0, always.
    - ``flat``: no price ever changes. Best: do not trade; every policy earns minus its costs.
    - ``mean_reverting``: each price swings around 100; the next return has the sign opposite to the distance from
      100. Best: hold what is below 100.
    - ``trending``: the sign of each asset's return changes with probability 5% a bar only. Best: hold what rose on
      the last bar.
    - ``random_walk``: independent returns without drift. Best: cash; no policy has an edge.

    Raises DataError for an unknown kind or sizes too small for a market.
    """
    if kind not in KINDS:
        raise DataError(f"data.kind={kind!r}: unknown.{did_you_mean(kind, KINDS)} Allowed: {', '.join(KINDS)}.")
    if n_assets < 1 or n_bars < 2:
        raise DataError(f"data.n_assets={n_assets}, data.n_bars={n_bars}: need at least 1 asset and 2 bars.")
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(KINDS[kind](random, n_bars, n_assets))  # (N, A)
    if kind == "flat":
        return _panel(kind, close, close.copy(), close.copy(), close.copy(), np.full_like(close, 1e6))
    opens = np.vstack([close[:1], close[:-1]])
    wick = 1.0 + 0.002 * random.random((2, n_bars, n_assets))
    high, low = np.maximum(opens, close) * wick[0], np.minimum(opens, close) / wick[1]
    volume = np.floor(1e6 * random.lognormal(0.0, 0.3, (n_bars, n_assets)))
    return _panel(kind, opens, high, low, close, volume)


def _panel(
    kind: str, opens: FloatArray, high: FloatArray, low: FloatArray, close: FloatArray, volume: FloatArray
) -> MarketPanel:
    symbols = tuple(f"S{i}" for i in range(close.shape[1]))
    return MarketPanel(
        symbols, _business_days(len(close)), close, opens, high, low, volume, source=f"synthetic market '{kind}'"
    )


def _business_days(count: int) -> TimeArray:
    days = np.busday_offset("2010-01-04", np.arange(count), roll="forward")
    return np.asarray(days.astype("datetime64[ns]"))


def _one_winner(random: np.random.Generator, bars: int, assets: int) -> FloatArray:
    returns = random.normal(-0.004, 0.01, (bars, assets))
    returns[:, 0] = random.uniform(0.005, 0.015, bars)
    return _log_price(returns)


def _flat(random: np.random.Generator, bars: int, assets: int) -> FloatArray:
    return np.zeros((bars, assets))


def _mean_reverting(random: np.random.Generator, bars: int, assets: int) -> FloatArray:
    """Alternate between above and below 100 by 0.5% to 1.5%, each asset with its own phase."""
    side = np.where((np.arange(bars)[:, None] + random.integers(0, 2, assets)) % 2 == 0, 1.0, -1.0)
    return np.asarray(side * random.uniform(0.005, 0.015, (bars, assets)))


def _trending(random: np.random.Generator, bars: int, assets: int) -> FloatArray:
    flips = np.where(random.random((bars, assets)) < 0.05, -1.0, 1.0)
    return _log_price(np.cumprod(flips, axis=0) * random.uniform(0.002, 0.01, (bars, assets)))


def _random_walk(random: np.random.Generator, bars: int, assets: int) -> FloatArray:
    volatility = 0.01
    return _log_price(random.normal(-0.5 * volatility**2, volatility, (bars, assets)))


def _log_price(log_returns: FloatArray) -> FloatArray:
    return np.asarray(np.cumsum(log_returns, axis=0) - log_returns[:1])


KINDS: dict[str, Callable[[np.random.Generator, int, int], FloatArray]] = {
    "one_winner": _one_winner,
    "flat": _flat,
    "mean_reverting": _mean_reverting,
    "trending": _trending,
    "random_walk": _random_walk,
}
