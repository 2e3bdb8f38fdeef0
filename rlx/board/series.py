"""The series behind a run's report on the scoreboard, thinned to the resolution of a screen."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rlx.evaluate.judge import Judgement
from rlx.evaluate.windows import HOLDOUT, WINDOWS
from rlx.files import to_json
from rlx.measures import metrics
from rlx.measures.days import daily_growth, evenly_spaced
from rlx.measures.distribution import window_returns
from rlx.measures.evaluation import Evaluation, WindowLedger
from rlx.sim.ledger import Ledger
from rlx.sim.rules import GUARDS
from rlx.types import FloatArray, IntArray

POINTS = 400
SPARK_POINTS = 48
ROLLING_DAYS = 63
BINS = 31
DIGITS = 6


def report_series(judgement: Judgement) -> dict[str, Any]:
    """Return the data of the report's pictures, as plain values with six significant digits.

    ``dates`` (D,) are the days on which a step of the hold-out closed, at most 400 evenly spaced, and with them
    ``value`` and ``drawdown`` by policy name, ``rolling_sharpe`` over 63 days, ``weights`` by symbol (carried out of
    the day), ``turnover``, ``leverage_scale`` and ``guards`` (share of the steps since the previous date on which each
    fired). ``monthly`` has [year, month, return], ``costs`` the yearly mean return before costs, trading costs,
    financing and the remainder, and ``windows`` a histogram of the cumulative returns of all start indices.
    """
    evaluations = {judgement.evaluation.policy: judgement.evaluation, **judgement.baselines}
    holdout = judgement.evaluation.sets[HOLDOUT]
    lasts = _last_steps(holdout)
    shown = lasts[evenly_spaced(len(lasts), POINTS)]
    growth = {name: daily_growth(other.sets[HOLDOUT]) for name, other in evaluations.items()}
    value = {name: np.cumprod(days) for name, days in growth.items()}
    picked = np.searchsorted(lasts, shown)
    series: dict[str, Any] = _rounded(
        {
            "policy": judgement.evaluation.policy,
            "symbols": list(judgement.evaluation.symbols),
            "dates": holdout.end_timestamps[0][shown].astype("datetime64[D]").astype(str).tolist(),
            "value": {name: daily[picked] for name, daily in value.items()},
            "drawdown": {name: 0.0 - metrics.drawdowns(daily)[picked] for name, daily in value.items()},
            "rolling_sharpe": {
                name: _rolling_sharpe(days - 1.0, judgement.evaluation, lasts)[picked] for name, days in growth.items()
            },
            "weights": _weights(holdout.ledger, judgement.evaluation.symbols, shown),
            "turnover": _mean_since(holdout.ledger.turnover[0], shown),
            "leverage_scale": _mean_since(holdout.ledger.leverage_scale[0], shown),
            "guards": _guards(holdout.ledger, shown),
            "monthly": _monthly(holdout, growth[judgement.evaluation.policy], lasts),
            "costs": _costs(holdout.ledger, judgement.evaluation.periods_per_year),
            "windows": _histograms(evaluations),
        }
    )
    return series


def spark_line(judgement: Judgement) -> list[float]:
    """Return the hold-out's account value in 48 points, the first one 1."""
    value = np.concatenate(([1.0], judgement.evaluation.sets[HOLDOUT].ledger.value[0]))
    points: list[float] = _rounded(value[evenly_spaced(len(value), SPARK_POINTS)])
    return points


def _last_steps(holdout: WindowLedger) -> IntArray:
    """Return the last step of each calendar day, (D,)."""
    days = holdout.end_timestamps[0].astype("datetime64[D]")
    return np.append(np.flatnonzero(days[1:] != days[:-1]), len(days) - 1)


def _rolling_sharpe(returns: FloatArray, evaluation: Evaluation, lasts: IntArray) -> FloatArray:
    """Return the annualised Sharpe ratio of the last 63 daily returns, NaN for the first 62, (D,)."""
    rolling = np.full(len(returns), math.nan)
    if len(returns) >= ROLLING_DAYS:
        days_per_year = evaluation.periods_per_year * len(lasts) / (lasts[-1] + 1)
        windows = np.lib.stride_tricks.sliding_window_view(returns, ROLLING_DAYS)
        rolling[ROLLING_DAYS - 1 :] = metrics.sharpe(windows, days_per_year)
    return rolling


def _mean_since(quantity: FloatArray, shown: IntArray) -> FloatArray:
    """Return the mean over the steps since the previous date, for each date shown."""
    firsts = np.concatenate(([0], shown[:-1] + 1))
    return np.add.reduceat(np.asarray(quantity, dtype=np.float64), firsts) / np.diff(np.append(firsts, shown[-1] + 1))


def _weights(ledger: Ledger, symbols: tuple[str, ...], shown: IntArray) -> dict[str, FloatArray]:
    weights = ledger.closing_weights[0][shown]
    return {symbol: weights[:, column] for column, symbol in enumerate(symbols)}


def _guards(ledger: Ledger, shown: IntArray) -> dict[str, FloatArray]:
    return {rule.flag: _mean_since(getattr(ledger, rule.flag)[0], shown) for rule in GUARDS}


def _monthly(holdout: WindowLedger, growth: FloatArray, lasts: IntArray) -> list[list[Any]]:
    months = holdout.end_timestamps[0][lasts].astype("datetime64[M]")
    firsts = np.flatnonzero(np.diff(months, prepend=months[:1] - 1).astype(int))
    compounded = np.multiply.reduceat(growth, firsts) - 1.0
    return [
        [int(str(month)[:4]), int(str(month)[5:7]), change]
        for month, change in zip(months[firsts], compounded.tolist(), strict=True)
    ]


def _costs(ledger: Ledger, periods_per_year: float) -> dict[str, float]:
    """Return mean yearly returns; they add up with additive accounting, and up to products with exact accounting."""
    before, net, trading, financing = (
        float(metrics.per_year(getattr(ledger, name)[0], periods_per_year))
        for name in ("gross_return", "net_return", "trading_cost", "financing_cost")
    )
    return {"before_costs": before, "trading": trading, "financing": financing, "net": net}


def _histograms(evaluations: dict[str, Evaluation]) -> dict[str, Any]:
    """Return the number of start indices in each bin of cumulative return, by policy; bins have equal width."""
    earned = {name: window_returns(evaluation, WINDOWS) for name, evaluation in evaluations.items()}
    everything = np.concatenate(list(earned.values()))
    edges = np.histogram_bin_edges(everything, BINS)
    return {"edges": edges, "counts": {name: np.histogram(values, edges)[0] for name, values in earned.items()}}


def _rounded(value: Any) -> Any:
    """Return plain values with floats cut to six significant digits: no picture shows more."""
    value = to_json(value)
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value
