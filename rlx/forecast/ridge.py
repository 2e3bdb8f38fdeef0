"""A linear forecaster: one ridge regression of the next move on the features of rlx, pooled over all assets."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any, NamedTuple

import numpy as np

from rlx.data.features import chosen_features
from rlx.data.market import Market
from rlx.data.normalizer import Normalizer
from rlx.fields import Coefficient, Samples
from rlx.forecast.forecaster import Forecast
from rlx.forecast.garch import WEIGHTED, variances
from rlx.forecast.linear import solve_ridge
from rlx.forecast.paths import LEVELS, bar_moves, prices_of, random_at, require_history, rounded
from rlx.ranges import ListOf, Text, Whole, check_fields
from rlx.types import FloatArray, IntArray

START = 20
"""Returns whose mean square starts the volatility."""

REMEDY = "Lower forecaster.min_bars, or use a longer history or features of fewer bars."


@dataclass
class RidgeForecasterConfig:
    """A regression on ``features``, refitted every ``refit_bars`` bars on at most ``lookback_bars`` bars.

    The first fit is ``min_bars`` bars after the first with all features. ``penalty`` is a multiple of the number of
    observations. ``features`` of None are the default features.
    """

    _target_: str = "rlx.forecast.ridge.RidgeForecaster"
    features: Annotated[list[str] | None, ListOf(Text(100), fewest=1)] = None
    n_samples: Samples = 256
    penalty: Coefficient = 0.3
    refit_bars: Annotated[int, Whole(1, 100_000)] = 63
    min_bars: Annotated[int, Whole(100, 100_000)] = 252
    lookback_bars: Annotated[int, Whole(100, 100_000)] = 1000

    def __post_init__(self) -> None:
        check_fields(self, "forecaster")


class _Known(NamedTuple):
    """The moves of a market and what its regression reads, each row known at the close of its bar.

    ``inputs``: (N, A, F). ``volatility``: (N, A), of the return after the bar. ``moves``: (N - 1, A, P), logarithmic,
    those of the bar after.
    """

    names: tuple[str, ...]
    inputs: FloatArray
    volatility: FloatArray
    moves: FloatArray


class RidgeForecaster:
    """Forecasts the mean of the next move; its distribution around the mean is that of past residuals.

    Moves are logarithmic and in units of an exponentially weighted volatility. Residuals of close, high and low are
    drawn by date, so that they are joint over assets. One bar ahead.
    """

    name = "ridge"
    horizon_steps = 1
    last_seen: np.datetime64 | None = None

    def __init__(self, **options: Any) -> None:
        self.config = RidgeForecasterConfig(**options)

    def first_bar(self, market: Market) -> int:
        """Return the bar of the first fit; DataError for a market that ends before it."""
        return require_history(self.name, market, self._warm_bar(market) + self.config.min_bars, REMEDY)

    def forecast(self, market: Market, bars: IntArray, seed: int) -> Forecast:
        """Return sample paths (B, S, A, 1, P), joint over symbols and prices."""
        bars, known, first = np.asarray(bars), self._known(market), self.first_bar(market)
        refits = bars - (bars - first) % self.config.refit_bars
        paths = np.empty((len(bars), self.config.n_samples, *known.moves.shape[1:]), dtype=np.float32)
        for refit in np.unique(refits).tolist():
            start = max(self._warm_bar(market), refit - self.config.lookback_bars)
            chosen = np.flatnonzero(refits == refit)
            mean = self._means(known, start, refit, int(bars[chosen].max()))  # (T, A)
            past = slice(start, start + len(mean) - 1)
            residuals = known.moves[past] / known.volatility[past, :, None] - mean[:-1, :, None]
            for row in chosen:
                n_known = int(bars[row]) - start
                uniform = random_at(seed, market.timestamps[bars[row]]).random(self.config.n_samples)
                drawn = residuals[np.floor(uniform * n_known).astype(np.int64)]  # (S, A, P)
                scaled = known.volatility[bars[row], :, None] * (mean[n_known, :, None] + drawn)
                paths[row] = rounded(np.expm1(scaled))
        return Forecast.of_paths(paths[:, :, :, None], LEVELS, prices_of(market.panel))

    def identity(self) -> dict[str, Any]:
        """Return the options: they decide the forecasts of a market."""
        return asdict(self.config)

    def _warm_bar(self, market: Market) -> int:
        return max(START, market.first_bar(chosen_features(self.config.features, market.panel), 1))

    def _known(self, market: Market) -> _Known:
        names = chosen_features(self.config.features, market.panel)
        moves = np.log1p(bar_moves(market.panel))
        variance = variances(moves[..., 0], [WEIGHTED] * market.n_assets, START)
        return _Known(names, market.features(names), np.sqrt(variance), moves)

    def _means(self, known: _Known, start: int, refit: int, last: int) -> FloatArray:
        """Return the means (T, A) of the moves after bars ``start`` to ``last``, in units of their volatility.

        The regression is that of the moves known at ``refit``.
        """
        fitted = slice(start, refit)
        scaler = Normalizer.fit(known.names, known.inputs, fitted)
        inputs = np.asarray(scaler.apply(known.inputs[start : last + 1]), dtype=np.float64)
        outcome = known.moves[fitted, :, 0] / known.volatility[fitted]
        drift, n_fitted = outcome.mean(), refit - start
        return np.asarray(drift + inputs @ solve_ridge(inputs[:n_fitted], outcome - drift, self.config.penalty))
