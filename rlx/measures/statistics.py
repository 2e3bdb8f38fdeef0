"""The uncertainty of a number: stationary block-bootstrap intervals of a return series."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from rlx.measures import metrics
from rlx.measures.performance import tagged
from rlx.types import FloatArray

MIN_STEPS = 20
"""Shorter series get no interval: their serial dependence cannot be estimated."""

REPLICATIONS = 2000
"""Resamples that are drawn unless a number is given."""

CHUNK_VALUES = 2_000_000
"""Resampled returns held in memory at a time (16 MB)."""

SAME = "the two series are the same"
"""Why a difference has no interval."""

EXCESS = "annual_excess_over_equal_weight"
"""Name of the interval of ``paired_excess`` over equal weight, on scorecards and boards."""

Statistic = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class Interval:
    """A bootstrap interval; ``low`` and ``high`` are None when it is undefined, and ``reason`` says why.

    ``block_steps`` is the mean block length drawn, ``replications`` how many resamples gave a finite value. ``p_value``
    tests that the statistic is not above zero: (1 + resamples at or below zero) / (1 + resamples), one-sided.
    """

    estimate: float | None
    low: float | None
    high: float | None
    confidence: float
    replications: int
    block_steps: int | None
    reason: str | None = None
    p_value: float | None = None

    @property
    def covers_zero(self) -> bool | None:
        """Whether zero is inside; None without an interval."""
        if self.low is None or self.high is None:
            return None
        return self.low <= 0.0 <= self.high

    def to_dict(self) -> dict[str, Any]:
        """Return the fields and ``covers_zero`` as plain values."""
        return {**asdict(self), "covers_zero": self.covers_zero}


def bootstrap_intervals(
    returns: FloatArray,
    statistics: Mapping[str, Statistic],
    *,
    replications: int = REPLICATIONS,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Interval]:
    """Return a percentile interval for each statistic of a return series (T,).

    The series is resampled by the stationary bootstrap (Politis and Romano 1994) with the mean block length of Politis
    and White (2004, corrected 2009), both from ``arch``. All statistics see the same resamples; each maps (R, T) to
    (R,). For a series shorter than 20 steps or without variance there is a reason instead of an interval.
    """
    returns = np.ascontiguousarray(returns, dtype=np.float64)
    return _intervals(returns, returns, statistics, no_statistics(returns), replications, confidence, seed)


def _intervals(
    resampled: FloatArray,
    dependence: FloatArray,
    statistics: Mapping[str, Statistic],
    reason: str | None,
    replications: int,
    confidence: float,
    seed: int,
) -> dict[str, Interval]:
    """Resample ``resampled`` (T, ...) in blocks as long as the ``dependence`` (T,) of its steps needs.

    With a ``reason`` why there can be no interval, there are estimates only.
    """
    estimates = {name: float(statistic(resampled[None])[0]) for name, statistic in statistics.items()}
    if reason is not None:
        return {name: _without(estimate, confidence, reason) for name, estimate in estimates.items()}
    block = block_length(dependence)
    samples = _resample(resampled, statistics, block, replications, seed)
    return {name: _percentile(estimates[name], samples[name], confidence, block) for name in statistics}


def block_length(returns: FloatArray) -> int:
    """Return the mean block length in steps: Politis and White's optimum, rounded up.

    The larger of the optima of r and r^2: returns are barely autocorrelated, but their volatility clusters, and a
    Sharpe ratio depends on both moments. Where an optimum is undefined (0/0 in a mostly constant series) it is T^(1/3),
    the rate at which the optimum grows.
    """
    from arch.bootstrap import optimal_block_length

    moments = np.empty((len(returns), 2))
    moments[:, 0], moments[:, 1] = returns, returns**2
    with np.errstate(divide="ignore", invalid="ignore"):
        optima = optimal_block_length(moments)["stationary"].to_numpy(dtype=float)
    optima = np.where(np.isfinite(optima), optima, len(returns) ** (1 / 3))
    return max(1, math.ceil(float(optima.max())))


def return_statistics(periods_per_year: float) -> dict[str, Statistic]:
    """Return the statistics with an interval on every scorecard, by the bare name of their metric."""
    formulas = {name: metric.of_returns for name, metric in tagged("interval").items()}
    return {
        name: partial(_yearly, formula, periods_per_year) for name, formula in formulas.items() if formula is not None
    }


def _yearly(formula: Callable[[FloatArray, float], FloatArray], periods_per_year: float, r: FloatArray) -> FloatArray:
    return formula(r, periods_per_year)


def paired_excess(returns: FloatArray, baseline: FloatArray, periods_per_year: float, **options: Any) -> Interval:
    """Return the interval of the annual mean return above a baseline over the same steps.

    The two series are resampled together, as one series of differences, so common moves cancel. ``options`` are those
    of ``bootstrap_intervals``.
    """
    statistic: dict[str, Statistic] = {"excess": lambda r: metrics.per_year(r, periods_per_year)}
    return bootstrap_intervals(returns - baseline, statistic, **options)["excess"]


def paired_intervals(
    returns: FloatArray,
    baseline: FloatArray,
    statistics: Mapping[str, Statistic],
    *,
    replications: int = REPLICATIONS,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Interval]:
    """Return the interval of each statistic's difference from that of a baseline over the same steps, both (T,).

    Pairs of steps are resampled together, in blocks whose length is that of the series of differences. Without a
    difference, there is a reason instead of an interval.
    """
    differences = {name: partial(_difference, statistic) for name, statistic in statistics.items()}
    pairs, gaps = np.stack([returns, baseline], axis=-1), returns - baseline
    reason = no_statistics(gaps) if gaps.any() else SAME
    return _intervals(pairs, gaps, differences, reason, replications, confidence, seed)


def _difference(statistic: Statistic, pairs: FloatArray) -> FloatArray:
    return statistic(pairs[..., 0]) - statistic(pairs[..., 1])


def no_statistics(returns: FloatArray) -> str | None:
    """Return why a return series (T,) allows no statement about chance; None where it does."""
    if len(returns) < MIN_STEPS:
        return f"an interval needs at least {MIN_STEPS} steps, this has {len(returns)}"
    if not np.isfinite(returns).all():
        return "some returns are not finite"
    if not metrics.volatility(returns, 1.0) > 0.0:
        return "the returns do not vary"
    return None


def _resample(
    returns: FloatArray, statistics: Mapping[str, Statistic], block: int, replications: int, seed: int
) -> dict[str, FloatArray]:
    from arch.bootstrap import StationaryBootstrap

    steps = len(returns)
    draws = StationaryBootstrap(block, returns, seed=np.random.default_rng(seed)).bootstrap(replications)
    chunk = max(1, CHUNK_VALUES // steps)
    out: dict[str, list[FloatArray]] = {name: [] for name in statistics}
    for first in range(0, replications, chunk):
        count = min(chunk, replications - first)
        resamples = np.stack([next(draws)[0][0] for _ in range(count)])  # (R, T)
        for name, statistic in statistics.items():
            out[name].append(statistic(resamples))
    return {name: np.concatenate(parts) for name, parts in out.items()}


def _without(estimate: float, confidence: float, reason: str) -> Interval:
    return Interval(_none_if_nan(estimate), None, None, confidence, 0, None, reason)


def _percentile(estimate: float, samples: FloatArray, confidence: float, block: int) -> Interval:
    finite = samples[np.isfinite(samples)]
    if finite.size < samples.size / 2:
        return _without(estimate, confidence, "most resamples have no finite value")
    tail = (1.0 - confidence) / 2.0
    low, high = (float(bound) for bound in np.quantile(finite, (tail, 1.0 - tail)))
    p_value = (1 + int((finite <= 0.0).sum())) / (1 + int(finite.size))
    return Interval(_none_if_nan(estimate), low, high, confidence, int(finite.size), block, p_value=p_value)


def _none_if_nan(value: float) -> float | None:
    return value if math.isfinite(value) else None
