"""What a whole sweep proves: its trials on the same dates, and how much of the best result is selection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rlx.errors import RlxError
from rlx.measures import metrics
from rlx.measures.overfitting import Overfitting, backtest_overfitting
from rlx.measures.significance import Significance, at_the_bar_of, measure_significance
from rlx.measures.trials import Sweep, count_trials
from rlx.types import FloatArray

MIN_COMPARED = 4
"""With fewer trials, a rank below the median means little: the median is one of them or the mean of two."""


@dataclass(frozen=True)
class SweepTrial:
    """One trial of a sweep: net returns (T,) of its hold-out, its settings, and its objective if known.

    ``seen_steps``: how many of those steps lie in spans it was fitted on and so are no test of it.
    """

    name: str
    returns: FloatArray
    settings: Mapping[str, str] = field(default_factory=dict)
    objective: float | None = None
    seen_steps: int = 0


@dataclass(frozen=True)
class EqualWeightResult:
    """Equal weight over the same steps: its metrics, and the moments of its returns if the scorecards have them."""

    sharpe: float | None
    cumulative_return: float | None
    moments: Mapping[str, float] | None = None


def measure_sweep(
    trials: Sequence[SweepTrial],
    count: int,
    periods_per_year: float,
    *,
    blocks: int = 16,
    confidence: float = 0.95,
    equal_weight: EqualWeightResult | None = None,
) -> dict[str, Any]:
    """Return rows of the trials, best first, and how much selection among them explains, as plain values.

    All returns are of the same steps. ``count`` trials were run in total, including those without comparable results.
    ``overfitting`` is computed from the trials that differ (``backtest_overfitting``); ``ranks`` is the distribution
    of its logits, from rank 1, the best. ``equal_weight`` is tested against the bar of the best trial. Raises RlxError
    for fewer than four different trials, and for blocks that do not fit.
    """
    different = _different(trials)
    if len(different) < MIN_COMPARED:
        copies = f", only {len(different)} of them different" if len(different) < len(trials) else ""
        raise RlxError(
            f"{len(trials)} comparable trials{copies}: the probability of overfitting needs at least {MIN_COMPARED}."
        )
    try:
        found = backtest_overfitting(np.stack([trial.returns for trial in different], axis=1), blocks)
    except ValueError as error:
        raise RlxError(f"--blocks={blocks}: {str(error).removeprefix(f'blocks={blocks}: ')}") from error
    rows = _rows(trials, count, confidence, periods_per_year)
    return {
        "trials": {"count": count, "compared": len(trials), "different": len(different)},
        "overfitting": _describe(found, len(different), blocks, periods_per_year),
        "rows": rows,
        "equal_weight": _describe_equal_weight(equal_weight, rows[0]["significance"], periods_per_year),
    }


def _different(trials: Sequence[SweepTrial]) -> list[SweepTrial]:
    """Return the first trial of each group with bit-identical returns: a copy is not another choice."""
    return list({trial.returns.tobytes(): trial for trial in reversed(trials)}.values())[::-1]


def _rows(trials: Sequence[SweepTrial], count: int, confidence: float, periods_per_year: float) -> list[dict[str, Any]]:
    """Return a row per trial, the highest Sharpe ratio first; an undefined ratio counts as 0."""
    sharpes = [float(metrics.sharpe(trial.returns, periods_per_year)) for trial in trials]
    rows: list[dict[str, Any]] = []
    for trial, sharpe in zip(trials, sharpes, strict=True):
        others = [other for one, other in zip(trials, sharpes, strict=True) if one is not trial and np.isfinite(other)]
        counted = count_trials(None, Sweep(count, {"": others}), "", sharpe, periods_per_year)
        rows.append(
            {
                "trial": trial.name,
                "settings": dict(trial.settings),
                "objective": trial.objective,
                "seen_steps": trial.seen_steps,
                "sharpe": sharpe if np.isfinite(sharpe) else None,
                "cumulative_return": float(metrics.cumulative_return(trial.returns)),
                "significance": measure_significance(trial.returns, counted, confidence, periods_per_year).to_dict(),
            }
        )
    rows.sort(key=lambda row: -(row["sharpe"] or 0.0))
    return rows


def _describe_equal_weight(
    equal_weight: EqualWeightResult | None, best: Mapping[str, Any], periods_per_year: float
) -> dict[str, Any] | None:
    if equal_weight is None:
        return None
    significance = None
    if equal_weight.moments is not None:
        significance = at_the_bar_of(Significance(**best), equal_weight.moments, periods_per_year).to_dict()
    return {
        "sharpe": equal_weight.sharpe,
        "cumulative_return": equal_weight.cumulative_return,
        "significance": significance,
    }


def _describe(found: Overfitting, n: int, blocks: int, periods_per_year: float) -> dict[str, Any]:
    year = float(np.sqrt(periods_per_year))
    values, counts = np.unique(np.round(found.logits, 9), return_counts=True)
    values, counts = values[::-1], counts[::-1]  # a high logit is a good rank
    ranks = (n + 1) / (1.0 + np.exp(values))
    return {
        "pbo": found.pbo,
        "probability_of_loss": found.probability_of_loss,
        "blocks": blocks,
        "choices": len(found.logits),
        "median_sharpe_inside": float(np.median(found.inside)) * year,
        "median_sharpe_outside": float(np.median(found.outside)) * year,
        "ranks": [
            {"rank": round(float(rank), 6), "logit": float(logit), "share": float(number / len(found.logits))}
            for rank, logit, number in zip(ranks, values, counts, strict=True)
        ],
    }
