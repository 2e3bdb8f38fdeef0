"""What learners see of forecasts: a few numbers per asset and bar, from the last step of the forecast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from rlx.data.market import Market
from rlx.data.outlook import PREFIX
from rlx.errors import ConfigError
from rlx.files import to_json
from rlx.forecast.aggregate import quantile_at
from rlx.forecast.chunks import forecasts
from rlx.forecast.forecaster import Forecast, Forecaster, ForTests, built
from rlx.types import FloatArray, IntArray

SEED = 0
TAIL = 0.05
"""The share of the samples whose mean is the CVaR."""

QUANTILES = {"q10": 0.1, "q50": 0.5, "q90": 0.9}


@dataclass(frozen=True, eq=False)
class ForecastOutlook:
    """The outlook of a forecaster with the options ``facts``; its random numbers are always the same."""

    forecaster: Forecaster
    facts: Mapping[str, Any]
    cached: bool = True

    @classmethod
    def of(cls, config: Any) -> ForecastOutlook:
        """Return the outlook of a forecaster's options."""
        return cls(built(config), to_json(asdict(config)))

    @property
    def name(self) -> str:
        """The forecaster's name."""
        return self.forecaster.name

    @property
    def test_only(self) -> str | None:
        """Why the forecaster is for tests only, None for any other."""
        return self.forecaster.test_only if isinstance(self.forecaster, ForTests) else None

    @property
    def horizon_steps(self) -> int:
        """The forecaster's horizon."""
        return self.forecaster.horizon_steps

    def paths(self, market: Market, bars: IntArray) -> FloatArray:
        """Return the moves (B, S, A) of the close until the last step; ConfigError for one without joint paths."""
        parts = []
        for _, made in forecasts(self.forecaster, market, bars, SEED, cached=self.cached):
            if made.paths is None:
                raise ConfigError(
                    f"forecaster={self.forecaster.name}: has only quantiles, and this policy needs sample paths. "
                    "Choose another one, for example forecaster=filtered_bootstrap."
                )
            if not made.joint:
                raise ConfigError(
                    f"forecaster={self.forecaster.name}: forecasts each symbol on its own, and this policy needs paths "
                    "that are joint over symbols. Choose another one, for example forecaster=filtered_bootstrap."
                )
            parts.append(made.paths[:, :, :, -1, 0])
        return np.concatenate(parts)

    def first_bar(self, market: Market) -> int:
        """Return the forecaster's first bar."""
        return self.forecaster.first_bar(market)

    def features(self, market: Market) -> Mapping[str, FloatArray]:
        """Return the features of the market's bars by name, (N, A) float32 each."""
        bars, found = np.arange(self.first_bar(market), market.n_bars), dict[str, FloatArray]()
        for part, made in forecasts(self.forecaster, market, bars, SEED, cached=self.cached):
            for name, values in summary(made).items():
                known = found.setdefault(PREFIX + name, np.full((market.n_bars, market.n_assets), np.nan, np.float32))
                known[bars[part]] = values
        return found

    def unsaved(self) -> ForecastOutlook:
        """Return the same outlook without the cache."""
        return replace(self, cached=False)


def summary(forecast: Forecast) -> dict[str, FloatArray]:
    """Return the numbers (B, A) that describe the close at the last step of a forecast.

    Means, quantiles and CVaR are simple moves; ``volatility`` and ``skew`` are the standard deviation and skewness of
    log moves over the samples. ``p_up`` is the share of samples above zero, ``cvar`` the mean of the samples at or
    below their 5% quantile, and ``uncertainty`` the distance between ``q10`` and ``q90``. Without samples there are
    only quantiles and ``uncertainty``, where the levels allow them.
    """
    quantiles = {name: quantile_at(forecast, level)[:, :, -1, 0] for name, level in _levels(forecast).items()}
    spread = {"uncertainty": quantiles["q90"] - quantiles["q10"]} if {"q10", "q90"} <= quantiles.keys() else {}
    return {**({} if forecast.paths is None else moments(forecast.paths[:, :, :, -1, 0])), **quantiles, **spread}


def _levels(forecast: Forecast) -> dict[str, float]:
    lowest, highest = (0.0, 1.0) if forecast.paths is not None else (forecast.levels[0], forecast.levels[-1])
    return {name: level for name, level in QUANTILES.items() if lowest <= level <= highest}


def moments(moves: FloatArray) -> dict[str, FloatArray]:
    """Return what needs the samples themselves: moves (B, S, A) -> (B, A) each."""
    moves = np.asarray(moves, dtype=np.float64)
    logs = np.log1p(moves)
    volatility = logs.std(axis=1)
    centred = logs - logs.mean(axis=1, keepdims=True)
    unit = np.where(volatility > 0.0, volatility, 1.0)
    missing = np.isnan(volatility)
    tail = moves <= np.quantile(moves, TAIL, axis=1, keepdims=True)
    found = {
        "mean": moves.mean(axis=1),
        "volatility": volatility,
        "p_up": (moves > 0.0).mean(axis=1),
        "cvar": np.where(tail, moves, 0.0).sum(axis=1) / np.maximum(tail.sum(axis=1), 1),
        "skew": (centred**3).mean(axis=1) / unit**3,
    }
    return {name: np.where(missing, np.nan, values) for name, values in found.items()}
