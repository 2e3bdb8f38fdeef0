"""Baselines from the mean and covariance of past returns, with skfolio's optimiser, imported on demand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from rlx.data.market import Market
from rlx.policies.from_returns import FromReturns, FromReturnsConfig
from rlx.policies.trailing import STILL
from rlx.ranges import Number, Whole
from rlx.types import FloatArray

Covariance = Annotated[int, Whole(3, 100_000)]
"""Minimum number of returns: two are symmetric around their mean, so the shrinkage of their covariance is undefined."""


@dataclass
class MinimumVarianceConfig(FromReturnsConfig):
    """The long-only weights with the smallest variance."""

    _target_: str = "rlx.policies.optimal.MinimumVariance"
    lookback_steps: Covariance = 252


class MinimumVariance(FromReturns):
    """The long-only, fully invested weights with the smallest variance (Markowitz 1952).

    The covariance is that of simple returns, shrunk to a multiple of the identity by the optimal amount of Ledoit and
    Wolf (2004). Where no asset has moved at all, weights are equal.
    """

    name = "minimum_variance"
    config_type = MinimumVarianceConfig

    def of_returns(self, returns: FloatArray) -> FloatArray:
        """Return weights (A,) that add up to one."""
        scale = _scale(returns)
        if scale < STILL:
            return np.full(returns.shape[1], 1.0 / returns.shape[1])
        weights = _solve(returns / scale).clip(0.0)
        return np.asarray(weights / weights.sum())


@dataclass
class KellyConfig(FromReturnsConfig):
    """The long-only weights with the highest expected growth, none above ``cap`` when they are estimated.

    With a forecaster they are the share ``forecast_fraction`` of these weights.
    """

    _target_: str = "rlx.policies.optimal.Kelly"
    lookback_steps: Covariance = 252
    cap: Annotated[float, Number(1e-6, 1)] = 0.25
    forecast_fraction: Annotated[float, Number(1e-3, 1)] = 0.25


class Kelly(FromReturns):
    """The long-only weights with the highest expected growth, at most ``cap`` in an asset and one in total.

    They maximise w'm - w'Sw/2, the growth rate of equity under continuous rebalancing, where m is the mean of past
    simple returns and S their covariance, shrunk as in ``MinimumVariance`` (Thorp 2006, The Kelly criterion in
    blackjack, sports betting and the stock market, section 7; Merton 1969). Cash earns nothing here, so m is not
    reduced by a riskless rate, and the rest is held in cash. The mean is not adjusted and is mostly noise; the caps
    limit its effect. Where no return has varied, the highest positive means are filled up.

    Of forecasts, the means are shrunk: each is moved towards zero by its standard error, not beyond zero. That is of
    the mean of the samples, and of the mean error of the forecasts before, made at earlier rebalancing bars: sqrt(v/S +
    u/n) with the variances v of the S samples and u of the n errors. The risk is weighted so much higher that one asset
    gets ``forecast_fraction`` x mean / variance.
    """

    name = "kelly"
    config_type = KellyConfig
    config: KellyConfig

    def of_returns(self, returns: FloatArray) -> FloatArray:
        """Return weights (A,) within [0, cap] that add up to at most one."""
        return self._growing(returns, 1.0)

    def of_forecast(self, paths: FloatArray, bar: int) -> FloatArray:
        """Return such weights from sample paths (S, A) with shrunk means."""
        mean = paths.mean(axis=0)
        return self._growing(paths - mean + shrunk(mean, self._errors(bar), paths), self.config.forecast_fraction)

    def _errors(self, bar: int) -> FloatArray:
        """Return the errors (n, A) of the means of earlier finite forecasts whose last step is known at a bar."""
        market: Market | None = self._market
        assert market is not None
        known = self._bars[self._bars + self.steps <= bar]
        close, forecast = market.panel.close, self._paths[: len(known)].mean(axis=1, dtype=np.float64)
        errors = close[known + self.steps] / close[known] - 1.0 - forecast
        return np.asarray(errors[np.isfinite(errors).all(axis=1)])

    def _growing(self, returns: FloatArray, fraction: float) -> FloatArray:
        from skfolio.optimization import ObjectiveFunction

        scale = _scale(returns)
        if scale < STILL:
            return _filled(returns.mean(axis=0), self.config.cap)
        weights = _solve(  # w'm - w'Sw/2 of r, divided by the scale, is w'm - scale w'Sw/2 of r/scale
            returns / scale,
            objective_function=ObjectiveFunction.MAXIMIZE_UTILITY,
            risk_aversion=0.5 * scale / fraction,
            budget=None,
            min_budget=0.0,
            max_budget=1.0,
            max_weights=self.config.cap,
        ).clip(0.0, self.config.cap)
        return np.asarray(weights / max(1.0, weights.sum()))

    def describe(self) -> dict[str, Any]:
        """Return kind and settings."""
        facts = {**super().describe(), "cap": self.config.cap}
        return {**facts, "forecast_fraction": self.config.forecast_fraction} if "forecaster" in facts else facts


def shrunk(mean: FloatArray, errors: FloatArray, paths: FloatArray) -> FloatArray:
    """Return means (A,) of paths (S, A) moved towards zero by their standard error; zero with fewer than two errors."""
    if len(errors) < 2:
        return np.zeros_like(mean)
    error = np.sqrt(paths.var(axis=0) / len(paths) + errors.var(axis=0, ddof=1) / len(errors))
    return np.asarray(np.sign(mean) * np.maximum(np.abs(mean) - error, 0.0))


def _scale(returns: FloatArray) -> float:
    """Return the assets' mean volatility: the solver's tolerances suit numbers near one, not variances of 1e-4."""
    return float(returns.std(axis=0).mean())


def _solve(returns: FloatArray, **options: Any) -> FloatArray:
    """Return long-only optimal weights (A,) up to the solver's tolerance; by default with the smallest variance."""
    from skfolio.moments import LedoitWolf
    from skfolio.optimization import MeanRisk
    from skfolio.prior import EmpiricalPrior

    prior = EmpiricalPrior(covariance_estimator=LedoitWolf())
    return np.asarray(MeanRisk(prior_estimator=prior, min_weights=0.0, **options).fit(returns).weights_)


def _filled(mean: FloatArray, cap: float) -> FloatArray:
    """Return ``cap`` in the assets with the highest means, one after the other until everything is invested, (A,)."""
    rank = np.argsort(np.argsort(-mean, kind="stable"), kind="stable")
    return np.asarray(np.where(mean > 0.0, (1.0 - cap * rank).clip(0.0, cap), 0.0))
