"""A strategy on forecasts as a policy: judged, ranked and guarded like any other."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from rlx.backtest.joined import Joined, join
from rlx.backtest.outcome import Outcome, Trading, play
from rlx.backtest.settings import StrategySettings
from rlx.backtest.strategies import Held, Limit, chosen
from rlx.data.market import Market
from rlx.decisions.observation import Observation
from rlx.errors import ConfigError
from rlx.forecast.features import SEED, ForecastOutlook
from rlx.forecast.rows import forecast_rows
from rlx.policies.base import Trips
from rlx.policies.config import StrategyConfig
from rlx.sim.rules import Costs
from rlx.types import FloatArray


class StrategyPolicy:
    """Gives each of A symbols 1/A of the account to trade a strategy with; one without a forecast is not traded.

    Raises ConfigError, in ``bind``, without a forecaster.
    """

    feature_names: tuple[str, ...] = ()
    window_steps = 0
    reads_account = False
    reads_forecasts = True
    needs_forecaster = True
    closes_only = False

    def __init__(self, strategy: Held | Limit, settings: StrategySettings) -> None:
        self.name, self.settings = strategy.name, settings
        self._missing: int | None = None
        self._weights: FloatArray = np.zeros((0, 0))

    def bind(self, market: Market) -> None:
        """Forecast every bar of the market, and decide on it."""
        outlook = market.outlook
        if not isinstance(outlook, ForecastOutlook):
            raise ConfigError(
                f"policy.strategy={self.name}: needs a forecaster. Choose one, for example "
                "forecaster=filtered_bootstrap."
            )
        bars = np.arange(market.n_bars, dtype=np.int64)
        rows = forecast_rows(outlook.forecaster, market, bars, seed=SEED, cached=outlook.cached)
        joined = join(rows, market.panel, closes_only=self.closes_only)
        self._weights = self._decide(joined, market) / market.n_assets

    def _decide(self, joined: Joined, market: Market) -> FloatArray:
        raise NotImplementedError

    def reset(self, batch: int) -> None:
        """There is no state."""

    def act(self, observation: Observation) -> FloatArray:
        """Return what the strategy trades on the next bar as weights, (B, A)."""
        return self._weights[observation.bar]

    def describe(self) -> dict[str, Any]:
        """Return the strategy, its settings and how many forecasts it lacked."""
        return {
            "kind": "strategy",
            "strategy": self.name,
            **asdict(self.settings),
            "forecast_missing": self._missing,
        }


class HeldPolicy(StrategyPolicy):
    """Holds the positions of a strategy that trades from close to close."""

    closes_only = True

    def __init__(self, strategy: Held, settings: StrategySettings) -> None:
        super().__init__(strategy, settings)
        self._strategy = strategy

    def _decide(self, joined: Joined, market: Market) -> FloatArray:
        self._missing = int(self._strategy.missing(joined).sum())
        return self._strategy.positions(joined, self.settings)


class OrderPolicy(StrategyPolicy):
    """Places a strategy's orders for the next bar, in which what is filled is also closed.

    Its weights are the orders, with the sign of their side. Raises ConfigError for a strategy that trades both sides of
    a symbol in a bar.
    """

    def __init__(self, strategy: Limit, settings: StrategySettings) -> None:
        if strategy.both_sides:
            raise ConfigError(
                f"policy.strategy={strategy.name}: it trades both sides of a symbol in one bar, and a policy has only "
                f"one weight for it. Use rlx backtest strategies=[{strategy.name}]."
            )
        super().__init__(strategy, settings)
        self._strategy = strategy
        self._costs = Costs()
        self._outcome: Outcome | None = None

    def charge(self, costs: Costs) -> None:
        """Use the costs of the evaluation for tuning; the simulator charges them."""
        self._costs = costs

    def _decide(self, joined: Joined, market: Market) -> FloatArray:
        trading = Trading(joined, self.settings, self._costs, market.periods_per_year)
        self._outcome = play(self._strategy, trading)
        self._missing = int(self._outcome.counts["forecast_missing"].sum())
        return self._outcome.orders[0].side

    def trips(self) -> Trips:
        """Return what the orders earned, and which were filled."""
        assert self._outcome is not None, "bind it first"
        (fills,) = self._outcome.fills
        filled = ~np.isnan(fills.entry)
        moves = np.where(filled, fills.exit, 1.0) / np.where(filled, fills.entry, 1.0) - 1.0
        return Trips(moves, filled.astype(np.float64))


def make_strategy(strategy: str = StrategyConfig.strategy, **options: Any) -> StrategyPolicy:
    """Return the policy of a strategy, with the options of ``StrategyConfig``.

    ConfigError for an unknown strategy, and for what a policy cannot trade.
    """
    config = StrategyConfig(strategy=strategy, **options)
    names = ("both_touch", "ci_multiplier", "pctdiff_target", "tune")
    settings = StrategySettings(**{name: getattr(config, name) for name in names})
    one = chosen([strategy], "policy.strategy")[strategy]
    return HeldPolicy(one, settings) if isinstance(one, Held) else OrderPolicy(one, settings)
