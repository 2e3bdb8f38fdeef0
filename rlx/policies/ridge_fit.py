"""One fit of the ridge baseline: the regression, the rule that trades on it, and the evidence for both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from rlx.data.folds import folds
from rlx.data.normalizer import Normalizer
from rlx.decisions.trade_off import TradingRule, follow
from rlx.forecast.linear import solve_ridge
from rlx.measures.evidence import Evidence, weigh
from rlx.sim import simulate
from rlx.sim.rules import Costs, Limits
from rlx.types import FloatArray

if TYPE_CHECKING:
    from rlx.policies.config import RidgeConfig

FEWEST_STEPS = 252
SHRINKAGE = 0.1
"""Share of the covariance that is replaced by its diagonal: sample covariances overstate how well assets hedge."""


RULES = tuple(TradingRule(*numbers) for numbers in product((0.5, 1.0, 2.0), (0.1, 0.3, 1.0)))


@dataclass(frozen=True, eq=False)
class RidgeFit:
    """Regression, rule and evidence on the data known at one bar.

    scaler: of the features (A, F). coefficients: (F,). volatility: (A,). covariance: (A, A). spread: (F,)
    standard deviation of the relative features. ``t_needed``: the t from which on the rule trades, None for always.
    """

    scaler: Normalizer
    spread: FloatArray
    coefficients: FloatArray
    volatility: FloatArray
    covariance: FloatArray
    rule: TradingRule
    evidence: Evidence
    t_needed: float | None

    @property
    def acts(self) -> bool:
        """Whether the rule trades; it does not if its gain never varies (t is NaN), as with a single asset."""
        return self.t_needed is None or self.evidence.t > self.t_needed

    def means(self, features: FloatArray) -> FloatArray:
        """Return the mean returns (B, A) expected from features (B, A, F)."""
        forecast = _relative(self.scaler, features, self.spread) @ self.coefficients * self.volatility
        return np.asarray(_neutral(self.covariance) + self.rule.signal * forecast)

    def describe(self) -> dict[str, Any]:
        """Return the evidence and the rule as plain values."""
        return {
            "acts": self.acts,
            "t": self.evidence.t,
            "t_needed": self.t_needed,
            "attempts": self.evidence.attempts,
            **self.rule._asdict(),
        }


def fit_ridge(
    names: Sequence[str], features: FloatArray, returns: FloatArray, cost_rate: FloatArray, config: RidgeConfig
) -> RidgeFit:
    """Fit regression and rule on T steps: features (T, A, F) of each decision and the returns (T, A) after it.

    Each fold is forecast by a regression on the other folds. Every rule trades on these forecasts, and the rule with
    the highest mean net log growth over equal weights is chosen. It acts if that mean is above zero beyond chance,
    corrected for the number of rules.
    """
    n_steps = len(features)
    scaler = Normalizer.fit(names, features, slice(0, n_steps))
    spread = _spread(scaler, features)
    inputs = _relative(scaler, features, spread)
    volatility = np.maximum(returns.std(axis=0), 1e-12)
    outcome = (returns - returns.mean(axis=1, keepdims=True)) / volatility
    covariance = _covariance(returns)
    forecasts = np.empty_like(returns)
    for fold in folds(n_steps, config.n_folds, config.purge_steps):
        solved = solve_ridge(inputs[fold.fitted], outcome[fold.fitted], config.penalty)
        forecasts[fold.held_out] = inputs[fold.held_out] @ solved * volatility
    excess = np.stack([_excess(rule, forecasts, covariance, returns, cost_rate, config.long_only) for rule in RULES])
    evidence = weigh(excess, config.gate_lags)
    return RidgeFit(
        scaler,
        spread,
        solve_ridge(inputs, outcome, config.penalty),
        volatility,
        covariance,
        RULES[evidence.best],
        evidence,
        None if config.gate_level is None else evidence.needed(config.gate_level),
    )


def _relative(scaler: Normalizer, features: FloatArray, spread: FloatArray) -> FloatArray:
    """Return standardised features (..., A, F) less their mean over the assets, in units of ``spread`` (F,)."""
    scaled = np.asarray(scaler.apply(features), dtype=np.float64)
    return np.asarray((scaled - scaled.mean(axis=-2, keepdims=True)) / spread)


def _spread(scaler: Normalizer, features: FloatArray) -> FloatArray:
    relative = _relative(scaler, features, np.ones(features.shape[-1]))
    return np.asarray(np.maximum(relative.std(axis=(0, 1)), 1e-6))


def _covariance(returns: FloatArray) -> FloatArray:
    sample = np.cov(returns.T).reshape(returns.shape[1], -1)
    return np.asarray((1.0 - SHRINKAGE) * sample + SHRINKAGE * np.diag(np.diag(sample)))


def _neutral(covariance: FloatArray) -> FloatArray:
    """Return the mean returns (A,) for which equal weights grow fastest."""
    return np.asarray(covariance.mean(axis=1))


def _excess(
    rule: TradingRule,
    forecasts: FloatArray,
    covariance: FloatArray,
    returns: FloatArray,
    cost_rate: FloatArray,
    long_only: bool,
) -> FloatArray:
    """Return the net log growth (T,) of a rule less that of equal weights, both after trading costs."""
    n_assets = returns.shape[1]
    equal = np.full(n_assets, 1.0 / n_assets)
    weights = follow(
        _neutral(covariance) + rule.signal * forecasts,
        covariance,
        returns,
        equal,
        rule.cost_share * cost_rate,
        long_only=long_only,
        invested=long_only,
    )
    costs, limits = Costs(per_asset_bps=(cost_rate * 1e4).tolist()), Limits(long_only=long_only)
    both = np.stack([weights, np.broadcast_to(equal, weights.shape)])
    growth = np.log1p(simulate(returns, both, costs=costs, limits=limits, weights=False).net_return)
    return np.asarray(growth[0] - growth[1])
