"""Generated markets with known best policies, for tests and demonstrations."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rlx.data.known import KNOWN, Known, Path, known_path
from rlx.data.panel import MarketPanel
from rlx.errors import DataError, did_you_mean
from rlx.types import FloatArray, TimeArray

N_ASSETS, N_BARS = 4, 600
KNOWN_BARS = 6_081  # 80 to warm up the features, 2,500 to train, 500 to validate, 3,000 to test, and a last close
MOST_MOMENTS = 100_000_000  # in all covariances together, 0.8 GB


class KnownMarket(NamedTuple):
    """A generated panel of N bars and the true moments of its steps.

    ``mean`` (N-1, A) and ``covariance`` (N-1, A, A) are those of simple returns given the bars up to the decision.
    """

    name: str
    panel: MarketPanel
    mean: FloatArray
    covariance: FloatArray

    @property
    def kind(self) -> Known:
        """The kind of market that this is a path of."""
        return KNOWN[self.name]


def synthetic(
    kind: str = "one_winner", n_assets: int | None = None, n_bars: int | None = None, seed: int = 0
) -> MarketPanel:
    """Generate a daily panel of ``n_assets`` symbols ``S0``, ``S1``, ... with full OHLCV.

    Kinds and their best long-only policy:

    - ``one_winner``: S0 rises by 0.5% to 1.5% on every bar, the others lose 0.4% per bar on average, with noise. Best:
      always hold only S0.
    - ``flat``: no price ever changes. Best: do not trade; every policy loses its costs.
    - ``mean_reverting``: each price swings around 100; the next return has the sign opposite to the distance from
      100. Best: hold what is below 100.
    - ``trending``: the sign of each asset's return changes with a probability of only 5% a bar. Best: hold what rose on
      the last bar.
    - ``random_walk``: independent returns without drift. Best: cash; no policy has an edge.

    The kinds of ``rlx.data.known`` are as noisy as real markets, and ``known_market`` also returns their moments. Each
    kind has its own default sizes.

    Raises DataError for an unknown kind or impossible sizes.
    """
    if kind in KNOWN:
        return known_market(kind, n_assets, n_bars, seed).panel
    n_assets, n_bars = _sizes(kind, n_assets, n_bars)
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(KINDS[kind](random, n_bars, n_assets))  # (N, A)
    if kind == "flat":
        return _panel(kind, close, np.ones((2, n_bars, n_assets)), np.full_like(close, 1e6))
    wick = 1.0 + 0.002 * random.random((2, n_bars, n_assets))
    volume = np.floor(1e6 * random.lognormal(0.0, 0.3, (n_bars, n_assets)))
    return _panel(kind, close, wick, volume)


def known_market(kind: str, n_assets: int | None = None, n_bars: int | None = None, seed: int = 0) -> KnownMarket:
    """Generate a market of one of the kinds of ``rlx.data.known``, with its conditional moments.

    Raises DataError for an unknown kind or impossible sizes.
    """
    n_assets, n_bars = _sizes(kind, n_assets, n_bars, tuple(KNOWN))
    random = np.random.default_rng(seed)
    path = known_path(KNOWN[kind], n_assets, n_bars, random)
    close = 100.0 * np.vstack([np.ones(n_assets), np.cumprod(1.0 + path.returns[:-1], axis=0)])
    wick = 1.0 + 0.3 * _deviation(path) * random.random((2, n_bars, n_assets))
    panel = _panel(kind, close, wick, path.volume, first="1995-01-02")
    return KnownMarket(kind, panel, path.mean[:-1], path.covariance[:-1])


def _deviation(path: Path) -> FloatArray:
    """Return the standard deviation of the step that led to each bar, (N, A)."""
    deviation = np.sqrt(np.einsum("taa->ta", path.covariance))
    return np.vstack([deviation[:1], deviation[:-1]])


def _sizes(
    kind: str, n_assets: int | None, n_bars: int | None, among: tuple[str, ...] | None = None
) -> tuple[int, int]:
    """Return how many assets and bars a market has; DataError for an unknown kind or impossible sizes."""
    kinds = (*KINDS, *KNOWN) if among is None else among
    if kind not in kinds:
        raise DataError(f"data.kind={kind!r}: unknown.{did_you_mean(kind, kinds)} Allowed: {', '.join(kinds)}.")
    usual = KNOWN[kind].n_assets if kind in KNOWN else N_ASSETS
    n_assets = usual if n_assets is None else n_assets
    n_bars = (KNOWN_BARS if kind in KNOWN else N_BARS) if n_bars is None else n_bars
    if n_assets < 1 or n_bars < 2:
        raise DataError(f"data.n_assets={n_assets}, data.n_bars={n_bars}: need at least 1 asset and 2 bars.")
    if kind in KNOWN and n_assets != usual and not KNOWN[kind].resizable:
        raise DataError(f"data.n_assets={n_assets}: a {kind} has {usual} assets. Omit it, or choose another kind.")
    if kind in KNOWN and n_bars * n_assets**2 > MOST_MOMENTS:
        most = MOST_MOMENTS // n_assets**2
        raise DataError(f"data.n_bars={n_bars}: at most {most:,} bars with {n_assets} assets (one covariance per bar).")
    return n_assets, n_bars


def _panel(
    kind: str, close: FloatArray, wick: FloatArray, volume: FloatArray, first: str = "2010-01-04"
) -> MarketPanel:
    """Return bars that open at the last close; highs and lows are the factors ``wick`` (2, N, A) beyond the bodies."""
    opens = np.vstack([close[:1], close[:-1]])
    high, low = np.maximum(opens, close) * wick[0], np.minimum(opens, close) / wick[1]
    symbols = tuple(f"S{i}" for i in range(close.shape[1]))
    days = _business_days(first, len(close))
    return MarketPanel(symbols, days, close, opens, high, low, volume, source=f"synthetic market '{kind}'")


def _business_days(first: str, count: int) -> TimeArray:
    days = np.busday_offset(first, np.arange(count), roll="forward")
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
