"""Every measure of a book, declared once: name, unit and meaning, which direction is better, and where it is shown."""

from __future__ import annotations

import logging
from functools import cache

import numpy as np

from rlx import registry
from rlx.measures import metrics
from rlx.measures.metric import SHOWN, Metric, highest, in_order, mean, of_returns, shown
from rlx.sim.ledger import Ledger
from rlx.types import FloatArray

log = logging.getLogger(__name__)

EVERYWHERE = ("terminal", "figure", "board", "windows")
"""Tags of the most important measures."""

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        of_returns(
            "cumulative_return",
            "fraction",
            "prod(1 + net return) - 1",
            "higher",
            lambda returns, _: metrics.cumulative_return(returns),
            "return",
            shown("terminal", "panel", "windows", interval=4, headline=2, aggregate=2),
        ),
        of_returns(
            "annual_return",
            "fraction/year",
            "Geometric: prod(1 + net return)^(periods per year / steps) - 1",
            "higher",
            metrics.annual_return,
            "a year",
            shown("terminal", "figure", interval=3, aggregate=1),
        ),
        of_returns(
            "volatility",
            "fraction/year",
            "Standard deviation of net returns (ddof 1) x sqrt(periods per year)",
            "lower",
            metrics.volatility,
        ),
        of_returns(
            "sharpe",
            "ratio/year",
            "Mean / standard deviation of net returns x sqrt(periods per year), rate 0",
            "higher",
            metrics.sharpe,
            "Sharpe",
            shown(*EVERYWHERE, "board_terminal", "panel", "progress", interval=1, headline=1, aggregate=3),
        ),
        of_returns(
            "sortino",
            "ratio/year",
            "Mean / sqrt(mean(min(net return, 0)^2)) x sqrt(periods per year)",
            "higher",
            metrics.sortino,
            "Sortino",
            shown("terminal", interval=2, aggregate=4),
        ),
        Metric(
            "calmar",
            "ratio",
            "Annual return / max drawdown",
            "higher",
            lambda ledger, year: metrics.calmar(ledger.net_return, ledger.value, year),
            "Calmar",
        ),
        Metric(
            "max_drawdown",
            "fraction",
            "Deepest fall of the value below its running peak, positive",
            "lower",
            lambda ledger, _: metrics.max_drawdown(ledger.value),
            "max drawdown",
            shown(*EVERYWHERE, "board_terminal", "panel", "aggregate"),
        ),
        of_returns(
            "hit_rate",
            "share",
            "Steps that gained, of the steps with a net return other than 0",
            "higher",
            lambda returns, _: metrics.hit_rate(returns),
        ),
        of_returns(
            "var_95",
            "fraction/step",
            "Loss that 5% of the steps exceed: -quantile(net return, 0.05)",
            "lower",
            lambda returns, _: metrics.value_at_risk(returns),
        ),
        of_returns(
            "cvar_95",
            "fraction/step",
            "Mean loss of the steps at or beyond var_95",
            "lower",
            lambda returns, _: metrics.conditional_value_at_risk(returns),
        ),
        Metric(
            "turnover",
            "fraction/step",
            "Mean sum of absolute weight changes traded, both sides",
            "lower",
            lambda ledger, _: mean(ledger.turnover),
            "turnover/step",
            shown(*EVERYWHERE, "aggregate"),
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
            "Mean trading cost per step x periods per year",
            "lower",
            lambda ledger, year: metrics.per_year(ledger.trading_cost, year),
            "cost/year",
            shown("terminal"),
        ),
        Metric(
            "financing_drag",
            "fraction/year",
            "Mean margin interest and short borrow per step x periods per year",
            "lower",
            lambda ledger, year: metrics.per_year(ledger.financing_cost, year),
        ),
        Metric(
            "mean_gross_exposure",
            "x equity",
            "Mean sum of absolute weights after the trade",
            "",
            lambda ledger, _: mean(ledger.gross_exposure),
            "gross",
            shown("terminal"),
        ),
        Metric(
            "max_gross_exposure",
            "x equity",
            "Largest sum of absolute weights after a trade",
            "",
            lambda ledger, _: highest(ledger.gross_exposure),
        ),
        Metric(
            "mean_closing_gross_exposure",
            "x equity",
            "Mean sum of absolute weights carried out of a step",
            "",
            lambda ledger, _: mean(ledger.closing_gross_exposure),
        ),
        Metric(
            "max_closing_gross_exposure",
            "x equity",
            "Largest sum of absolute weights carried out of a step",
            "",
            lambda ledger, _: highest(ledger.closing_gross_exposure),
        ),
        Metric(
            "limit_clipped",
            "fraction/step",
            "Mean absolute weight that the limits removed from the targets",
            "lower",
            lambda ledger, _: mean(ledger.limit_clipped),
        ),
        Metric(
            "mean_reward",
            "per step",
            "Mean shaped reward",
            "higher",
            lambda ledger, _: mean(ledger.reward),
        ),
        Metric(
            "ruined",
            "0 or 1",
            "Whether the account fell to the minimum value and stopped trading",
            "lower",
            lambda ledger, _: highest(ledger.ruined),
        ),
    )
}
"""Performance, by bare name: ``eval/`` and ``val/`` in logs."""


def others() -> dict[str, Metric]:
    """Return the metrics of other installed packages, by name."""
    return {name: metric for name, metric in registry.loaded("metric").items() if name not in METRICS}


def tagged(tag: str) -> dict[str, Metric]:
    """Return the metrics with a tag, by name, in order; for tags of files, only built-in ones."""
    known = (*METRICS.values(), *(others().values() if tag in SHOWN else ()))
    return {metric.name: metric for metric in in_order(known, tag)}


def performance_metrics(ledger: Ledger, periods_per_year: float) -> dict[str, FloatArray]:
    """Return every measure of performance, each with the ledger's leading shape ((T,) -> (), (B, T) -> (B,)).

    A metric of another package that fails, or returns another shape, is NaN with a warning, so that a run keeps its
    result.
    """
    ours = {name: metric.compute(ledger, periods_per_year) for name, metric in METRICS.items()}
    return ours | {name: _guarded(name, metric, ledger, periods_per_year) for name, metric in others().items()}


def _guarded(name: str, metric: Metric, ledger: Ledger, periods_per_year: float) -> FloatArray:
    shape = np.shape(ledger.net_return)[:-1]
    try:
        values = np.asarray(metric.compute(ledger, periods_per_year), float)
        reason = None if values.shape == shape else f"it returned the shape {values.shape} instead of {shape}"
    except Exception as error:  # any exception from another package's code
        reason = f"{type(error).__name__}: {error}"
    if reason is None:
        return values
    _warn_once(name, reason)
    return np.full(shape, np.nan)


@cache
def _warn_once(name: str, reason: str) -> None:
    """Log why a metric is skipped, once and not at every validation of a training."""
    log.warning("metric %s of package %s is skipped: %s.", name, registry.components("metric")[name].package, reason)
