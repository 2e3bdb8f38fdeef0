"""Measures of a finished ledger: pure functions over the last axis, time, with any leading shape.

Returns are simple net returns per step, values start at 1 before the first step. Where a measure is undefined (no
variance, no loss, no trade, too few steps) it is NaN, never infinite and never a made-up zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rlx.sim.rule_numbers import RUIN
from rlx.types import FloatArray

ROUNDING = 1e-10
"""Standard deviations below this fraction of the mean, or below ``ROUNDING_FLOOR``, are noise of a constant series."""

ROUNDING_FLOOR = 1e-14


def _ratio(numerator: Any, denominator: Any) -> FloatArray:
    """Divide where the denominator is positive and the result finite; NaN elsewhere."""
    numerator, denominator = np.broadcast_arrays(np.asarray(numerator, float), np.asarray(denominator, float))
    out = np.full(numerator.shape, np.nan)
    with np.errstate(over="ignore"):
        np.divide(numerator, denominator, out=out, where=denominator > 0)
    return _finite(out)


def _finite(values: Any) -> FloatArray:
    return np.where(np.isfinite(values), values, np.nan)


def _spread(returns: FloatArray) -> FloatArray:
    """Sample standard deviation (ddof=1); NaN for one step, exactly 0 for a constant series."""
    if returns.shape[-1] < 2:
        return np.full(returns.shape[:-1], np.nan)
    spread = returns.std(axis=-1, ddof=1)
    noise = np.maximum(ROUNDING * np.abs(returns.mean(axis=-1)), ROUNDING_FLOOR)
    return np.where(spread <= noise, 0.0, spread)


def cumulative_return(returns: FloatArray) -> FloatArray:
    """Compound the returns: prod(1 + r) - 1, each step's growth at least ``RUIN``. (..., T) -> (...)."""
    return np.asarray(np.prod(np.maximum(1.0 + returns, RUIN), axis=-1) - 1.0)


def annual_return(returns: FloatArray, periods_per_year: float) -> FloatArray:
    """Geometric annual return: prod(1 + r)^(periods_per_year / T) - 1; NaN where that overflows."""
    log_growth = np.log(np.maximum(1.0 + returns, RUIN)).mean(axis=-1)
    with np.errstate(over="ignore"):
        return _finite(np.expm1(log_growth * periods_per_year))


def volatility(returns: FloatArray, periods_per_year: float) -> FloatArray:
    """Annualised standard deviation: std(r, ddof=1) sqrt(periods_per_year); NaN for a single step."""
    return np.asarray(_spread(returns) * np.sqrt(periods_per_year))


def sharpe(returns: FloatArray, periods_per_year: float) -> FloatArray:
    """Annualised Sharpe ratio, risk-free rate 0: mean / std(ddof=1) sqrt(periods_per_year) (Sharpe 1994).

    NaN for a constant series (cash) and for a single step.
    """
    return _ratio(returns.mean(axis=-1) * np.sqrt(periods_per_year), _spread(returns))


def sortino(returns: FloatArray, periods_per_year: float) -> FloatArray:
    """Annualised Sortino ratio with target 0: mean / sqrt(mean(min(r, 0)^2)) sqrt(periods_per_year).

    The downside deviation divides by all T steps (Sortino and Price 1994); NaN without a losing step.
    """
    downside = np.sqrt(np.mean(np.minimum(returns, 0.0) ** 2, axis=-1))
    return _ratio(returns.mean(axis=-1) * np.sqrt(periods_per_year), downside)


def drawdowns(value: FloatArray) -> FloatArray:
    """Fraction below the running peak, the starting value of 1 included. (..., T) -> (..., T)."""
    peak = np.maximum(np.maximum.accumulate(value, axis=-1), 1.0)
    return np.asarray(1.0 - value / peak)


def max_drawdown(value: FloatArray) -> FloatArray:
    """Deepest fall from a peak, as a positive fraction. (..., T) -> (...)."""
    return np.asarray(drawdowns(value).max(axis=-1))


def calmar(returns: FloatArray, value: FloatArray, periods_per_year: float) -> FloatArray:
    """Annual return over max drawdown (Young 1991); NaN without a drawdown."""
    return _ratio(annual_return(returns, periods_per_year), max_drawdown(value))


def hit_rate(returns: FloatArray) -> FloatArray:
    """Share of steps that gained among those with a nonzero return; NaN without any."""
    return _ratio((returns > 0).sum(axis=-1), (returns != 0).sum(axis=-1))


def value_at_risk(returns: FloatArray, level: float = 0.95) -> FloatArray:
    """Historical value at risk of one step, a loss as a positive number: -quantile(r, 1 - level), linear."""
    return np.asarray(0.0 - np.quantile(returns, 1.0 - level, axis=-1))


def conditional_value_at_risk(returns: FloatArray, level: float = 0.95) -> FloatArray:
    """Mean loss of the steps at or beyond the value at risk (expected shortfall), as a positive number."""
    tail = returns <= -value_at_risk(returns, level)[..., None]
    tail |= returns == returns.min(axis=-1, keepdims=True)  # rounding of the quantile must not empty the tail
    return _ratio(0.0 - np.where(tail, returns, 0.0).sum(axis=-1), tail.sum(axis=-1))


def per_year(rates: FloatArray, periods_per_year: float) -> FloatArray:
    """Arithmetic yearly sum of a per-step rate (turnover, cost, financing): mean x periods_per_year."""
    return np.asarray(rates.mean(axis=-1) * periods_per_year)
