"""A strategy on forecasts as a policy: judged, ranked and guarded like any other."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlx.backtest.joined import join
from rlx.backtest.settings import StrategySettings
from rlx.backtest.strategies import STRATEGIES, Held, chosen
from rlx.data.market import Market
from rlx.decisions.observation import Observation
from rlx.errors import ConfigError
from rlx.forecast.features import SEED, ForecastOutlook
from rlx.forecast.rows import forecast_rows
from rlx.types import FloatArray


class StrategyPolicy:
    """Holds the positions of a strategy that trades from close to close, 1/A of the account for each of A symbols.

    A symbol without a forecast is not held. Raises ConfigError for an unknown strategy, for one whose orders are flat
    at every close, and, in ``bind``, without a forecaster.
    """

    feature_names: tuple[str, ...] = ()
    window_steps = 0
    reads_account = False
    reads_forecasts = True

    def __init__(self, strategy: str = "simple", ci_multiplier: float = 1.0) -> None:
        one = chosen([strategy], "policy.strategy")[strategy]
        if not isinstance(one, Held):
            held = [name for name, other in STRATEGIES.items() if isinstance(other, Held)]
            raise ConfigError(
                f"policy.strategy={strategy}: it is flat at every close, which target weights cannot express. Use rlx "
                f"backtest strategies=[{strategy}], or choose one of {', '.join(held)}."
            )
        self.name = strategy
        self._strategy, self._settings = one, StrategySettings(ci_multiplier=ci_multiplier)
        self._weights: FloatArray = np.zeros((0, 0))
        self._missing = 0

    def bind(self, market: Market) -> None:
        """Forecast every bar of the market."""
        outlook = market.outlook
        if not isinstance(outlook, ForecastOutlook):
            raise ConfigError(
                f"policy.strategy={self.name}: needs a forecaster. Choose one, for example "
                "forecaster=filtered_bootstrap."
            )
        bars = np.arange(market.n_bars, dtype=np.int64)
        rows = forecast_rows(outlook.forecaster, market, bars, seed=SEED, cached=outlook.cached)
        joined = join(rows, market.panel, closes_only=True)
        self._weights = self._strategy.positions(joined, self._settings) / market.n_assets
        self._missing = int(self._strategy.missing(joined).sum())

    def reset(self, batch: int) -> None:
        """There is no state."""

    def act(self, observation: Observation) -> FloatArray:
        """Return the strategy's positions as weights, (B, A)."""
        return self._weights[observation.bar]

    def describe(self) -> dict[str, Any]:
        """Return the strategy, its settings and how many forecasts it lacked."""
        return {
            "kind": "strategy",
            "strategy": self.name,
            "ci_multiplier": self._settings.ci_multiplier,
            "forecast_missing": self._missing,
        }
