"""A ledger in numbers: every ``eval/``, ``guard/`` and ``cooldown/`` measure under its bare name."""

from __future__ import annotations

import numpy as np

from rlx.evaluate import metrics
from rlx.sim.ledger import Ledger
from rlx.types import FloatArray


def performance_metrics(ledger: Ledger, periods_per_year: float) -> dict[str, FloatArray]:
    """Return the measures of ``eval/``, each with the ledger's leading shape ((T,) -> (), (B, T) -> (B,))."""
    returns, value, ppy = ledger.net_return, ledger.value, periods_per_year
    return {
        "pnl": metrics.pnl(value),
        "cumulative_return": metrics.cumulative_return(returns),
        "annual_return": metrics.annual_return(returns, ppy),
        "volatility": metrics.volatility(returns, ppy),
        "sharpe": metrics.sharpe(returns, ppy),
        "sortino": metrics.sortino(returns, ppy),
        "calmar": metrics.calmar(returns, value, ppy),
        "max_drawdown": metrics.max_drawdown(value),
        "hit_rate": metrics.hit_rate(returns),
        "var_95": metrics.value_at_risk(returns),
        "cvar_95": metrics.conditional_value_at_risk(returns),
        "turnover": _mean(ledger.turnover),
        "annual_turnover": metrics.per_year(ledger.turnover, ppy),
        "cost_drag": metrics.per_year(ledger.trading_cost, ppy),
        "financing_drag": metrics.per_year(ledger.financing_cost, ppy),
        "mean_gross_exposure": _mean(ledger.gross_exposure),
        "max_gross_exposure": _max(ledger.gross_exposure),
        "mean_closing_gross_exposure": _mean(ledger.closing_gross_exposure),
        "max_closing_gross_exposure": _max(ledger.closing_gross_exposure),
        "limit_clipped": _mean(ledger.limit_clipped),
        "mean_reward": _mean(ledger.reward),
        "ruined": _max(ledger.ruined),
    }


def guard_metrics(ledger: Ledger) -> dict[str, FloatArray]:
    """Return the measures of ``guard/``, and those of ``cooldown/`` prefixed ``cooldown_``, shaped as above."""
    return {
        "drawdown_hit_rate": _mean(ledger.drawdown_guard),
        "negative_return_hit_rate": _mean(ledger.negative_return_guard),
        "turnover_hit_rate": _mean(ledger.turnover_guard),
        "mean_leverage_scale": _mean(ledger.leverage_scale),
        "min_leverage_scale": _min(ledger.leverage_scale),
        "mean_turnover_penalty": _mean(ledger.turnover_penalty),
        "cooldown_mean_long": _mean(ledger.cooldown_long),
        "cooldown_mean_short": _mean(ledger.cooldown_short),
        "cooldown_clipped": _mean(ledger.cooldown_clipped),
        "cooldown_penalty": _mean(ledger.cooldown_penalty),
    }


def _mean(values: FloatArray) -> FloatArray:
    return np.asarray(np.asarray(values, float).mean(axis=-1))


def _max(values: FloatArray) -> FloatArray:
    return np.asarray(np.asarray(values, float).max(axis=-1))


def _min(values: FloatArray) -> FloatArray:
    return np.asarray(np.asarray(values, float).min(axis=-1))
