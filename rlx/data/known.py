"""Daily markets with known conditional moments, so that what a learner finds can be compared with what exists.

The prices come with each step's mean return and covariance, given the closes and volumes before it. Volatility is that
of liquid stocks, 13% to 24% a year, and signals explain about a percent of the next day's variance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rlx.data.features import KINDS
from rlx.types import FloatArray

BURN_IN = 300
"""Bars generated and dropped, so that the first bar kept has a history."""

DRIFT = 4e-4  # mean return a day, 10% a year
PAIR_DRIFT = 2e-4
CORRELATION = 0.3
MONTH = 21


class Path(NamedTuple):
    """N bars of A assets: ``returns`` (N, A) of the step from each close, their conditional ``mean`` (N, A) and
    ``covariance`` (N, A, A), and ``volume`` (N, A)."""

    returns: FloatArray
    mean: FloatArray
    covariance: FloatArray
    volume: FloatArray

    def after(self, bars: int) -> Path:
        """Return the path without its first bars."""
        return Path(*(series[bars:] for series in self))


@dataclass(frozen=True)
class Known:
    """One kind of market, drawn by ``draw(noise, volume, random)``.

    ``noise`` (T, A) are the standard normal innovations of returns. ``volume`` (T, A) is drawn first; its logarithm has
    the autocorrelation ``volume_memory``. ``typical`` is the mean return without a signal, or zero if the signal
    concerns the whole market. ``long_only`` says whether the edge can be earned without shorting, and ``resizable``
    whether there may be other than ``n_assets``.
    """

    draw: Callable[[FloatArray, FloatArray, np.random.Generator], Path]
    n_assets: int = 4
    typical: float = DRIFT
    volume_memory: float = 0.5
    long_only: bool = True
    resizable: bool = True


def known_path(kind: Known, n_assets: int, n_bars: int, random: np.random.Generator) -> Path:
    """Draw ``n_bars`` bars of a kind of market."""
    shape = (n_bars + BURN_IN, n_assets)
    log_volume = _autoregressive(random.standard_normal(shape), kind.volume_memory)
    volume = np.floor(1e6 * np.exp(0.4 * log_volume))
    return kind.draw(random.standard_normal(shape), volume, random).after(BURN_IN)


def _autoregressive(noise: FloatArray, memory: float) -> FloatArray:
    """Return a standard normal AR(1) process that starts at zero, (T, A)."""
    out = np.zeros_like(noise)
    for t in range(1, len(noise)):
        out[t] = memory * out[t - 1] + np.sqrt(1.0 - memory**2) * noise[t]
    return out


def _covariance(volatility: float, n_assets: int) -> FloatArray:
    correlations: FloatArray = CORRELATION + (1.0 - CORRELATION) * np.eye(n_assets)
    return volatility**2 * correlations


def _constant(covariance: FloatArray, n_bars: int) -> FloatArray:
    return np.broadcast_to(covariance, (n_bars, *covariance.shape))


def _noise(noise: FloatArray, volume: FloatArray, random: np.random.Generator) -> Path:
    covariance = _covariance(0.015, noise.shape[1])
    mean = np.full_like(noise, DRIFT)
    returns = mean + noise @ np.linalg.cholesky(covariance).T
    return Path(returns, mean, _constant(covariance, len(noise)), volume)


def _recursive(
    noise: FloatArray, volume: FloatArray, volatility: float, mean_of: Callable[[FloatArray], FloatArray]
) -> Path:
    """Return a market in which ``mean_of`` the past returns (t, A) is the mean of the next."""
    covariance = _covariance(volatility, noise.shape[1])
    factor = np.linalg.cholesky(covariance)
    returns, mean = np.zeros_like(noise), np.zeros_like(noise)
    for t in range(len(noise)):
        mean[t] = mean_of(returns[:t])
        returns[t] = mean[t] + factor @ noise[t]
    return Path(returns, mean, _constant(covariance, len(noise)), volume)


def _momentum(strength: float) -> Callable[[FloatArray, FloatArray, np.random.Generator], Path]:
    """Return a market in which the trailing month's return, in units of its own spread, persists."""
    volatility = 0.015
    spread = volatility * np.sqrt(MONTH) / (1.0 - 0.5 * strength * np.sqrt(MONTH))  # momentum itself increases it

    def mean_of(past: FloatArray) -> FloatArray:
        if len(past) < MONTH:
            return np.full(past.shape[1], DRIFT)
        score = (past[-MONTH:].sum(axis=0) - MONTH * DRIFT) / spread
        return np.asarray(DRIFT + strength * volatility * score.clip(-3.0, 3.0))

    return lambda noise, volume, random: _recursive(noise, volume, volatility, mean_of)


def _trap(noise: FloatArray, volume: FloatArray, random: np.random.Generator) -> Path:
    """Return a market in which 6% of a day's return reverses on the next day: less than trading on it costs."""

    def mean_of(past: FloatArray) -> FloatArray:
        last = past[-1] - DRIFT if len(past) else np.zeros(noise.shape[1])
        return np.asarray(DRIFT - 0.06 * last)

    return _recursive(noise, volume, 0.01, mean_of)


def _volume_signal(strength: float) -> Callable[[FloatArray, FloatArray, np.random.Generator], Path]:
    """Return a market in which unusual volume, the feature ``volume_zscore_21``, precedes higher returns."""

    def draw(noise: FloatArray, volume: FloatArray, random: np.random.Generator) -> Path:
        import pandas as pd

        volatility = 0.015
        covariance = _covariance(volatility, noise.shape[1])
        unusual = KINDS["volume_zscore"].compute({"volume": pd.DataFrame(volume)}, MONTH)
        score = unusual.fillna(0.0).to_numpy()
        score = (score / score[100:].std()).clip(-2.5, 2.5)
        mean = DRIFT + strength * volatility * score
        returns = mean + noise @ np.linalg.cholesky(covariance).T
        return Path(returns, mean, _constant(covariance, len(noise)), volume)

    return draw


def _pair(noise: FloatArray, volume: FloatArray, random: np.random.Generator) -> Path:
    """Return two assets that share a factor, and whose spread reverts by a tenth a day: to trade long and short."""
    memory, spread_deviation, common = 0.9, 0.015, 0.01
    shock = spread_deviation * np.sqrt(1.0 - memory**2)
    loadings = np.array([[common, 0.5 * shock], [common, -0.5 * shock]])
    spread, sides = 0.0, np.array([0.5, -0.5])
    mean = np.zeros_like(noise)
    for t in range(len(noise)):
        mean[t] = PAIR_DRIFT - (1.0 - memory) * spread * sides
        spread = memory * spread + shock * noise[t, 1]
    covariance = loadings @ loadings.T
    return Path(mean + noise @ loadings.T, mean, _constant(covariance, len(noise)), volume)


def _regimes(noise: FloatArray, volume: FloatArray, random: np.random.Generator) -> Path:
    """Return a market with a calm, rising and a wild, falling regime; their odds depend on the last bar's regime."""
    n_bars, n_assets = noise.shape
    drifts = np.array([8e-4, -15e-4])
    covariances: FloatArray = np.stack([_covariance(0.008, n_assets), _covariance(0.025, n_assets)])
    factors: FloatArray = np.linalg.cholesky(covariances)
    to_wild: FloatArray = np.array([1.0 / 60.0, 1.0 - 1.0 / 25.0])  # by the regime of the last bar
    draws = np.asarray(random.random(n_bars))
    wild = np.zeros(n_bars)
    regime = np.zeros(n_bars, dtype=np.int64)
    now = 0
    for t in range(n_bars):
        wild[t] = to_wild[now]
        now = int(draws[t] < wild[t])
        regime[t] = now
    returns = drifts[regime][:, None] + np.einsum("tab,tb->ta", factors[regime], noise)
    mean = np.repeat((drifts[0] + wild * (drifts[1] - drifts[0]))[:, None], n_assets, axis=1)
    between = wild * (1.0 - wild) * (drifts[1] - drifts[0]) ** 2  # uncertainty about the regime is a common risk
    covariance = between[:, None, None] + np.tensordot(np.stack([1.0 - wild, wild], axis=1), covariances, axes=1)
    return Path(returns, mean, covariance, volume)


KNOWN: dict[str, Known] = {
    "noise": Known(_noise),
    "trap": Known(_trap),
    "mom1": Known(_momentum(0.10)),
    "mom03": Known(_momentum(0.055)),
    "vol1": Known(_volume_signal(0.10), n_assets=6, volume_memory=0.9),
    "volS": Known(_volume_signal(0.22), n_assets=6, volume_memory=0.9),
    "pair": Known(_pair, n_assets=2, typical=PAIR_DRIFT, long_only=False, resizable=False),
    "volreg": Known(_regimes, typical=0.0),
}
"""Kinds by name. The signal is 21-day momentum (``mom``), unusual volume (``vol``), a spread, a regime, or none."""
