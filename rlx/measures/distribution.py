"""The distribution over a set of windows: quantiles of their measures, and how many gained or beat a baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlx.measures import metrics
from rlx.measures.evaluation import Evaluation
from rlx.measures.performance import performance_metrics, tagged
from rlx.types import BoolArray, FloatArray


def describe_windows(evaluation: Evaluation, baselines: Mapping[str, Evaluation], name: str) -> dict[str, Any]:
    """Return number, length, quantiles and shares of a window set; windows overlap, so ``n`` is not a sample size."""
    measured = window_metrics(evaluation, name)
    return {
        "n": len(evaluation.sets[name]),
        "steps": evaluation.sets[name].steps,
        **{measure: _quantiles(measured[measure]) for measure in tagged("windows")},
        **window_shares(evaluation, baselines, name),
    }


def window_shares(
    evaluation: Evaluation, baselines: Mapping[str, Evaluation], name: str, among: BoolArray | None = None
) -> dict[str, float | None]:
    """Return the share of windows that gained and that beat each baseline; None without windows.

    ``among`` (B,) picks the windows that count, all by default.
    """
    picked = np.ones(len(evaluation.sets[name]), dtype=np.bool_) if among is None else among
    earned = window_returns(evaluation, name)
    shares = {"share_positive": _share(earned[picked] > 0)}
    for baseline, other in baselines.items():
        shares[f"share_beating_{baseline}"] = _share(earned[picked] > window_returns(other, name)[picked])
    return shares


def window_metrics(evaluation: Evaluation, name: str) -> dict[str, FloatArray]:
    """Return every measure of ``eval/`` by bare name, (B,), one number per window of the set."""
    return performance_metrics(evaluation.sets[name].ledger, evaluation.periods_per_year)


def window_returns(evaluation: Evaluation, name: str) -> FloatArray:
    """Return the cumulative return of each window of the set, (B,), without the other measures."""
    return metrics.cumulative_return(evaluation.sets[name].ledger.net_return)


def _share(hits: BoolArray) -> float | None:
    return float(np.mean(hits)) if hits.size else None


def _quantiles(values: FloatArray) -> dict[str, Any]:
    """Return median and 5th/95th percentile over the windows where the number is defined, and their count."""
    finite = values[np.isfinite(values)]
    levels = {"p05": 0.05, "median": 0.5, "p95": 0.95}
    quantiles = {name: float(np.quantile(finite, q)) if finite.size else None for name, q in levels.items()}
    return {**quantiles, "n": int(finite.size)}
