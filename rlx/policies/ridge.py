"""A baseline that learns: one ridge regression for all assets, used for trading only if it gains out of fold."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlx.data.features import chosen_features
from rlx.data.market import Market
from rlx.data.outlook import is_outlook
from rlx.decisions.observation import Observation
from rlx.decisions.trade_off import best_trades
from rlx.errors import ConfigError, RlxError
from rlx.policies.config import RidgeConfig
from rlx.policies.ridge_fit import FEWEST_STEPS, RidgeFit, fit_ridge
from rlx.sim.rule_numbers import rule_numbers
from rlx.sim.rules import Costs, Rules
from rlx.types import FloatArray


class Ridge:
    """Trades on a pooled ridge regression of next-step returns, and holds equal weights if it has no proven gain.

    Features and forecast returns are relative to the cross-section, and returns are in units of each asset's
    volatility. Weights maximise expected growth less a share of the trading costs. The mean returns are those for which
    equal weights are optimal (Black and Litterman 1992) plus the forecast. ``fit_ridge`` describes the rest.

    Refits are counted from the market's first bar, so that a decision depends only on its bar and its account. Before
    there are enough steps to fit, and while the gate is closed, the target is equal weights. ``bind`` raises
    ConfigError for a market that is too short.
    """

    name = "ridge"
    feature_names: tuple[str, ...] = ()
    window_steps = 0
    _market: Market | None = None

    def __init__(self, **options: Any) -> None:
        self.config = RidgeConfig(**options)
        self._costs: Costs | None = None
        self._fits: dict[int, RidgeFit | None] = {}

    @property
    def reads_forecasts(self) -> bool:
        """Whether forecasts are among its features."""
        return any(map(is_outlook, self.config.features or ()))

    def charge(self, costs: Costs) -> None:
        """Set the trading costs: the higher they are, the less the rule trades."""
        self._costs = costs

    def bind(self, market: Market) -> None:
        """Use the market and its features; ConfigError if no refit has enough steps before it."""
        if self._costs is None:
            raise RlxError("policy 'ridge': call charge(costs) before binding it.")
        self._names = chosen_features(self.config.features, market.panel)
        self._first = market.first_bar(self._names, 1)
        last = (market.n_bars - 2) // self.config.refit_steps * self.config.refit_steps
        if last - self._first < FEWEST_STEPS:
            raise ConfigError(
                f"policy.refit_steps={self.config.refit_steps}: the last refit is at bar {last} of {market.n_bars}, "
                f"with {max(last - self._first, 0)} steps to learn from; it needs {FEWEST_STEPS}. Use a longer history."
            )
        self._rates = rule_numbers(
            Rules(costs=self._costs), market.n_assets, market.periods_per_year, symbols=market.symbols
        ).cost_rate
        self._market = market
        self._fits.clear()

    def reset(self, batch: int) -> None:
        """Do nothing: the policy has no state per account; its weights are in the observation."""

    def act(self, observation: Observation) -> FloatArray:
        """Return target weights (B, A)."""
        if self._market is None:
            raise RlxError("policy 'ridge': bind it to a market before acting.")
        n_assets = observation.weights.shape[1]
        targets = np.full(observation.weights.shape, 1.0 / n_assets)
        refits = observation.bar - observation.bar % self.config.refit_steps
        for refit in np.unique(refits).tolist():
            fit = self._fit(self._market, refit)
            if fit is not None and fit.acts:
                rows = np.flatnonzero(refits == refit)
                targets[rows] = self._traded(fit, self._market, observation.select(rows))
        return targets

    def _traded(self, fit: RidgeFit, market: Market, observation: Observation) -> FloatArray:
        features = market.features(self._names)[observation.bar]
        return best_trades(
            fit.means(features),
            fit.covariance,
            observation.weights,
            fit.rule.cost_share * self._rates,
            long_only=self.config.long_only,
            invested=self.config.long_only,
        )

    def _fit(self, market: Market, refit: int) -> RidgeFit | None:
        """Return the fit on the data known at a refit's bar; None while there is too little data."""
        if refit not in self._fits:
            enough = refit - self._first >= FEWEST_STEPS
            self._fits[refit] = self._fitted(market, refit) if enough else None
        return self._fits[refit]

    def _fitted(self, market: Market, refit: int) -> RidgeFit:
        known = slice(self._first, refit)  # the last of these steps ends at the close of the refit's bar
        features, returns = market.features(self._names)[known], market.returns[known]
        return fit_ridge(self._names, features, returns, self._rates, self.config)

    def describe(self) -> dict[str, Any]:
        """Return kind, settings, and the evidence and chosen rule of every fit that was used."""
        settings = {name: value for name, value in vars(self.config).items() if name != "_target_"}
        if self._market is None:
            return {"kind": self.name, **settings}
        stamps = self._market.timestamps
        fits = {str(stamps[bar])[:19]: fit.describe() for bar, fit in sorted(self._fits.items()) if fit is not None}
        return {"kind": self.name, **settings, "features": list(self._names), "fits": fits}
