"""Every measure of a ledger, declared once: its name, unit and meaning, which way is better, and how it is computed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rlx import registry
from rlx.evaluate import metrics
from rlx.sim.ledger import Ledger
from rlx.types import FloatArray

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Metric:
    """One measure of a finished ledger, of one account or of a batch of them.

    ``compute`` is given the ledger and the periods per year, and returns float64 of the ledger's leading shape: () for
    quantities of shape (T,), (B,) for (B, T); NaN where the measure does not exist. ``better`` is ``higher``, ``lower``
    or an empty string where neither is.
    """

    name: str
    unit: str
    meaning: str
    better: str
    compute: Callable[[Ledger, float], FloatArray]


def _mean(values: FloatArray) -> FloatArray:
    return np.asarray(np.asarray(values, float).mean(axis=-1))


def _max(values: FloatArray) -> FloatArray:
    return np.asarray(np.asarray(values, float).max(axis=-1))


def _min(values: FloatArray) -> FloatArray:
    return np.asarray(np.asarray(values, float).min(axis=-1))


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "pnl",
            "fraction",
            "Profit of an account that starts with 1: last value - 1",
            "higher",
            lambda ledger, _: metrics.pnl(ledger.value),
        ),
        Metric(
            "cumulative_return",
            "fraction",
            "prod(1 + net return) - 1",
            "higher",
            lambda ledger, _: metrics.cumulative_return(ledger.net_return),
        ),
        Metric(
            "annual_return",
            "fraction/year",
            "Geometric: prod(1 + net return)^(periods per year / steps) - 1",
            "higher",
            lambda ledger, year: metrics.annual_return(ledger.net_return, year),
        ),
        Metric(
            "volatility",
            "fraction/year",
            "Standard deviation of net returns (ddof 1) x sqrt(periods per year)",
            "lower",
            lambda ledger, year: metrics.volatility(ledger.net_return, year),
        ),
        Metric(
            "sharpe",
            "ratio/year",
            "Mean / standard deviation of net returns x sqrt(periods per year), rate 0",
            "higher",
            lambda ledger, year: metrics.sharpe(ledger.net_return, year),
        ),
        Metric(
            "sortino",
            "ratio/year",
            "Mean / sqrt(mean(min(net return, 0)^2)) x sqrt(periods per year)",
            "higher",
            lambda ledger, year: metrics.sortino(ledger.net_return, year),
        ),
        Metric(
            "calmar",
            "ratio",
            "Annual return / max drawdown",
            "higher",
            lambda ledger, year: metrics.calmar(ledger.net_return, ledger.value, year),
        ),
        Metric(
            "max_drawdown",
            "fraction",
            "Deepest fall of the value below its running peak, positive",
            "lower",
            lambda ledger, _: metrics.max_drawdown(ledger.value),
        ),
        Metric(
            "hit_rate",
            "share",
            "Steps that gained, of the steps with a net return other than 0",
            "higher",
            lambda ledger, _: metrics.hit_rate(ledger.net_return),
        ),
        Metric(
            "var_95",
            "fraction/step",
            "Loss that 5% of the steps exceed: -quantile(net return, 0.05)",
            "lower",
            lambda ledger, _: metrics.value_at_risk(ledger.net_return),
        ),
        Metric(
            "cvar_95",
            "fraction/step",
            "Mean loss of the steps at or beyond var_95",
            "lower",
            lambda ledger, _: metrics.conditional_value_at_risk(ledger.net_return),
        ),
        Metric(
            "turnover",
            "fraction/step",
            "Mean sum of absolute weight changes traded, both sides",
            "lower",
            lambda ledger, _: _mean(ledger.turnover),
        ),
        Metric(
            "annual_turnover",
            "x equity/year",
            "turnover x periods per year",
            "lower",
            lambda ledger, year: metrics.per_year(ledger.turnover, year),
        ),
        Metric(
            "cost_drag",
            "fraction/year",
            "Mean trading cost a step x periods per year",
            "lower",
            lambda ledger, year: metrics.per_year(ledger.trading_cost, year),
        ),
        Metric(
            "financing_drag",
            "fraction/year",
            "Mean margin interest and short borrow a step x periods per year",
            "lower",
            lambda ledger, year: metrics.per_year(ledger.financing_cost, year),
        ),
        Metric(
            "mean_gross_exposure",
            "x equity",
            "Mean sum of absolute weights after the trade",
            "",
            lambda ledger, _: _mean(ledger.gross_exposure),
        ),
        Metric(
            "max_gross_exposure",
            "x equity",
            "Largest sum of absolute weights after a trade",
            "",
            lambda ledger, _: _max(ledger.gross_exposure),
        ),
        Metric(
            "mean_closing_gross_exposure",
            "x equity",
            "Mean sum of absolute weights carried out of a step",
            "",
            lambda ledger, _: _mean(ledger.closing_gross_exposure),
        ),
        Metric(
            "max_closing_gross_exposure",
            "x equity",
            "Largest sum of absolute weights carried out of a step",
            "",
            lambda ledger, _: _max(ledger.closing_gross_exposure),
        ),
        Metric(
            "limit_clipped",
            "fraction/step",
            "Mean absolute weight that the limits took from the targets",
            "lower",
            lambda ledger, _: _mean(ledger.limit_clipped),
        ),
        Metric(
            "mean_reward",
            "per step",
            "Mean shaped reward",
            "higher",
            lambda ledger, _: _mean(ledger.reward),
        ),
        Metric(
            "ruined",
            "0 or 1",
            "Whether the account fell to the floor and stopped trading",
            "lower",
            lambda ledger, _: _max(ledger.ruined),
        ),
    )
}
"""Performance, by bare name: ``eval/`` and ``val/`` in logs."""

TELEMETRY: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "drawdown_hit_rate",
            "share",
            "Steps on which the drawdown guard fired",
            "",
            lambda ledger, _: _mean(ledger.drawdown_guard),
        ),
        Metric(
            "negative_return_hit_rate",
            "share",
            "Steps on which the negative-return guard fired",
            "",
            lambda ledger, _: _mean(ledger.negative_return_guard),
        ),
        Metric(
            "turnover_hit_rate",
            "share",
            "Steps on which the turnover guard fired",
            "",
            lambda ledger, _: _mean(ledger.turnover_guard),
        ),
        Metric(
            "mean_leverage_scale",
            "factor",
            "Mean factor on executed weights, 1 while the guard is quiet",
            "",
            lambda ledger, _: _mean(ledger.leverage_scale),
        ),
        Metric(
            "min_leverage_scale",
            "factor",
            "Smallest factor on executed weights",
            "",
            lambda ledger, _: _min(ledger.leverage_scale),
        ),
        Metric(
            "mean_turnover_penalty",
            "per turnover",
            "Mean turnover penalty in force in the reward",
            "",
            lambda ledger, _: _mean(ledger.turnover_penalty),
        ),
        Metric(
            "cooldown_mean_long",
            "assets",
            "Mean number of assets whose long side is in cooldown",
            "",
            lambda ledger, _: _mean(ledger.cooldown_long),
        ),
        Metric(
            "cooldown_mean_short",
            "assets",
            "Mean number of assets whose short side is in cooldown",
            "",
            lambda ledger, _: _mean(ledger.cooldown_short),
        ),
        Metric(
            "cooldown_clipped",
            "fraction/step",
            "Mean absolute weight removed by a step's last cooldown clip",
            "",
            lambda ledger, _: _mean(ledger.cooldown_clipped),
        ),
        Metric(
            "cooldown_penalty",
            "per step",
            "Mean reward penalty for weight still held in cooldown",
            "",
            lambda ledger, _: _mean(ledger.cooldown_penalty),
        ),
    )
}
"""Guards and cooldowns, by the name that a scorecard's ``guard`` has; ``telemetry_key`` is their key in logs."""


def telemetry_key(name: str) -> str:
    """Return the logged key of a measure of guards and cooldowns, which a scorecard's ``guard`` has as ``name``."""
    return f"cooldown/{name.removeprefix('cooldown_')}" if name.startswith("cooldown_") else f"guard/{name}"


def performance_metrics(ledger: Ledger, periods_per_year: float) -> dict[str, FloatArray]:
    """Return every measure of performance, each with the ledger's leading shape ((T,) -> (), (B, T) -> (B,)).

    Another package's that fails, or returns another shape, is NaN with a warning: it must not cost a run its result.
    """
    ours = {name: metric.compute(ledger, periods_per_year) for name, metric in METRICS.items()}
    others = {name: metric for name, metric in registry.loaded("metric").items() if name not in METRICS}
    return ours | {name: _guarded(name, metric, ledger, periods_per_year) for name, metric in others.items()}


def _guarded(name: str, metric: Metric, ledger: Ledger, periods_per_year: float) -> FloatArray:
    shape = np.shape(ledger.net_return)[:-1]
    try:
        values = np.asarray(metric.compute(ledger, periods_per_year), float)
        reason = None if values.shape == shape else f"it returned the shape {values.shape} instead of {shape}"
    except Exception as error:  # whatever another package's code raises
        reason = f"{type(error).__name__}: {error}"
    if reason is None:
        return values
    log.warning("metric %s of package %s is left out: %s.", name, registry.components("metric")[name].package, reason)
    return np.full(shape, np.nan)


def guard_metrics(ledger: Ledger) -> dict[str, FloatArray]:
    """Return the measures of guards and cooldowns, shaped as above."""
    return {name: metric.compute(ledger, np.nan) for name, metric in TELEMETRY.items()}
