"""The default forecaster: each asset's volatility by GARCH, and shocks of past dates drawn for all assets at once."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, NamedTuple

import numpy as np

from rlx.data.market import Market
from rlx.fields import HorizonSteps, Samples
from rlx.forecast.forecaster import Forecast
from rlx.forecast.garch import Garch, fit_all, variances
from rlx.forecast.paths import LEVELS, bar_moves, prices_of, random_at, require_history, rounded
from rlx.ranges import Whole, check_fields
from rlx.types import FloatArray, IntArray

REMEDY = "Lower forecaster.min_bars, or use a longer history."
LONGEST = 700.0  # log move whose exponential is still a number
log = logging.getLogger(__name__)


@dataclass
class FilteredBootstrapConfig:
    """Paths from GARCH volatilities that are fitted every ``refit_bars`` bars on the last ``lookback_bars`` returns.

    The first fit is at bar ``min_bars``.
    """

    _target_: str = "rlx.forecast.filtered_bootstrap.FilteredBootstrap"
    horizon_steps: HorizonSteps = 1
    n_samples: Samples = 256
    refit_bars: Annotated[int, Whole(1, 100_000)] = 63
    min_bars: Annotated[int, Whole(100, 100_000)] = 252
    lookback_bars: Annotated[int, Whole(100, 100_000)] = 1000

    def __post_init__(self) -> None:
        check_fields(self, "forecaster")


class _Fitted(NamedTuple):
    """What is known from one refit until the next: the models, and past moves in units of their volatility.

    ``first``: number of the first return used. ``shocks``: (T, A, P). ``variance``: (T + 1, A), that of the next return
    included.
    """

    models: Sequence[Garch]
    first: int
    shocks: FloatArray
    variance: FloatArray


class FilteredBootstrap:
    """Filtered historical simulation (Barone-Adesi, Giannopoulos and Vosper 1999), joint over assets.

    The log return of each asset has a GJR-GARCH(1,1) volatility with Student-t shocks. Past log moves of close, high
    and low less the mean return, in units of the volatility of their own day, are drawn by date: an asset's high and
    low stay with its close, and assets that fell together fall together. Each path continues its own volatility.
    Parameters are those of the last refit; between refits only the volatilities are updated.
    """

    name = "filtered_bootstrap"
    last_seen: np.datetime64 | None = None

    def __init__(self, **options: Any) -> None:
        self.config = FilteredBootstrapConfig(**options)
        self.horizon_steps = self.config.horizon_steps
        self._models: dict[bytes, Garch] = {}

    @property
    def fallbacks(self) -> int:
        """The number of fits so far without a result, which have an exponentially weighted variance instead."""
        return sum(not model.converged for model in self._models.values())

    def first_bar(self, market: Market) -> int:
        """Return the bar of the first fit; DataError for a market that ends before it."""
        return require_history(self.name, market, self.config.min_bars, REMEDY)

    def forecast(self, market: Market, bars: IntArray, seed: int) -> Forecast:
        """Return sample paths (B, S, A, H, P), joint over symbols, bars and prices."""
        bars, moves = np.asarray(bars), np.log1p(bar_moves(market.panel))
        refits = bars - (bars - self.config.min_bars) % self.config.refit_bars
        self._fit(moves[..., 0], np.unique(refits))
        shape = (len(bars), self.config.n_samples, market.n_assets, self.horizon_steps, moves.shape[2])
        paths = np.empty(shape, dtype=np.float32)
        for refit in np.unique(refits).tolist():
            chosen = np.flatnonzero(refits == refit)
            fitted = self._filtered(moves, refit, int(bars[chosen].max()))
            for row in chosen:
                paths[row] = self._simulated(fitted, market.timestamps[bars[row]], int(bars[row]), seed)
        return Forecast.of_paths(paths, LEVELS, prices_of(market.panel))

    def identity(self) -> dict[str, Any]:
        """Return the options: they decide the forecasts of a market."""
        return asdict(self.config)

    def _fit(self, returns: FloatArray, refits: IntArray) -> None:
        """Fit every asset at every refit, unless the same returns have been fitted before."""
        wanted = [series for refit in refits for series in returns[self._first(refit) : refit].T]
        new = {_key(series): series for series in wanted if _key(series) not in self._models}
        found = dict(zip(new, fit_all(list(new.values())), strict=True))
        self._models |= found
        if failed := sum(not model.converged for model in found.values()):
            log.warning(
                "forecaster=%s: %d of %d fits have no result; their volatility is exponentially weighted (%d so far).",
                self.name,
                failed,
                len(found),
                self.fallbacks,
            )

    def _first(self, refit: int) -> int:
        return max(0, int(refit) - self.config.lookback_bars)

    def _filtered(self, moves: FloatArray, refit: int, bar: int) -> _Fitted:
        """Return the volatilities up to the return after ``bar``, by the models fitted at ``refit``."""
        first = self._first(refit)
        past = moves[first:bar]  # the last of these returns ends at the close of the bar
        models = [self._models[_key(series)] for series in past[: refit - first, :, 0].T]
        variance = variances(past[..., 0], models, refit - first)
        mean = np.array([model.mu for model in models])[:, None]
        return _Fitted(models, first, (past - mean) / np.sqrt(variance[:-1, :, None]), variance)

    def _simulated(self, fitted: _Fitted, stamp: np.datetime64, bar: int, seed: int) -> FloatArray:
        """Return the paths (S, A, H, P) from one bar as moves relative to its close."""
        known = bar - fitted.first
        uniform = random_at(seed, stamp).random((self.config.n_samples, self.horizon_steps))
        shocks = fitted.shocks[np.floor(uniform * known).astype(np.int64)]  # (S, H, A, P)
        mu, omega, alpha, gamma, beta = np.array([model[:5] for model in fitted.models]).T
        variance = np.broadcast_to(fitted.variance[known], shocks[:, 0, :, 0].shape)
        close, steps = np.zeros(variance.shape), []
        for step in range(self.horizon_steps):
            scaled = np.sqrt(variance)[..., None] * shocks[:, step]
            steps.append(close[..., None] + mu[:, None] + scaled)
            close = steps[-1][..., 0]
            shock = scaled[..., 0]
            variance = omega + (alpha + gamma * (shock < 0.0)) * shock**2 + beta * variance
        return rounded(np.expm1(np.minimum(np.stack(steps, axis=2), LONGEST)))


def _key(returns: FloatArray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(returns).tobytes(), digest_size=16).digest()
