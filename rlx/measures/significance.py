"""The significance of a Sharpe ratio: with fat tails, in a short record, and as the best of several trials.

All Sharpe ratios here are per step, none is annualised: the formulas hold for the observed frequency only. They assume
serially independent returns; the intervals of ``rlx.measures.statistics`` do not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np

from rlx.measures.statistics import no_statistics
from rlx.measures.trials import Trials
from rlx.ranges import Number, OneOf, Whole
from rlx.types import FloatArray
from rlx.untrusted.plain_types import Count, Measure, Words

MOMENTS = ("sharpe_per_step", "skewness", "kurtosis")
"""The moments of returns that ``at_the_bar_of`` needs besides their number."""


@dataclass(frozen=True)
class Significance:
    """A scorecard's ``significance``; numbers are None where undefined, and ``reason`` says why.

    ``psr`` is the probabilistic Sharpe ratio against zero and ``dsr`` the deflated one, both probabilities; one may be
    claimed when it reaches ``confidence``. ``min_track_record_steps`` is the length at which ``psr`` would, None for a
    Sharpe ratio of zero or less. ``kurtosis`` is 3 for a normal distribution. ``trials_from`` and
    ``trial_variance_from`` give their sources: ``declared``, ``sweep`` or ``none``, and ``sweep``, ``null`` (the spread
    of worthless trials, because theirs is unknown) or ``floor`` (the same, because theirs is less).
    ``expected_max_sharpe`` is in units of the metric ``sharpe``.
    """

    confidence: Annotated[float, Number(0, 1)]
    steps: Count
    trials: Annotated[int, Whole(1, 2**53)]
    trials_from: Annotated[str, OneOf(("declared", "sweep", "none"))]
    psr: Measure = None
    dsr: Measure = None
    min_track_record_steps: Measure = None
    expected_max_sharpe: Measure = None
    trial_variance_per_step: Measure = None
    trial_variance_from: Annotated[str, OneOf(("sweep", "null", "floor"))] | None = None
    sharpe_per_step: Measure = None
    skewness: Measure = None
    kurtosis: Measure = None
    reason: Words | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)


def measure_significance(
    returns: FloatArray, trials: Trials, confidence: float, periods_per_year: float
) -> Significance:
    """Measure the significance of the Sharpe ratio of returns (T,), selected from a number of trials."""
    from purgedcv import deflated_sharpe_ratio_full

    returns = np.asarray(returns, dtype=np.float64)
    common: dict[str, Any] = {
        "confidence": confidence,
        "steps": len(returns),
        "trials": trials.count,
        "trials_from": trials.source,
    }
    if (reason := no_statistics(returns)) is not None:
        return Significance(**common, reason=reason)
    variance, variance_from = _trial_variance(trials, len(returns))
    try:
        found = deflated_sharpe_ratio_full(returns, trials.count, variance)
        needed = min_track_record_steps(returns, confidence)
    except ValueError as error:  # the library's exception for moments outside its approximation
        return Significance(**common, reason=str(error))
    return Significance(
        **common,
        psr=probabilistic_sharpe_ratio(returns),
        dsr=found.dsr,
        min_track_record_steps=int(needed) if math.isfinite(needed) else None,
        expected_max_sharpe=expected_max_sharpe(trials.count, variance) * math.sqrt(periods_per_year),
        trial_variance_per_step=variance,
        trial_variance_from=variance_from,
        sharpe_per_step=found.observed_sr,
        skewness=found.skew,
        kurtosis=found.kurt,
    )


def at_the_bar_of(bar: Significance, moments: Mapping[str, float], periods_per_year: float) -> Significance:
    """Return the significance of other returns over the same steps, with as many trials as ``bar``.

    They are given by ``moments`` alone: ``sharpe_per_step``, ``skewness`` and ``kurtosis`` as of ``Significance``.
    Numbers are None where those of ``bar`` are, and where the moments are outside the approximation.
    """
    luckiest = None if bar.expected_max_sharpe is None else bar.expected_max_sharpe / math.sqrt(periods_per_year)
    psr, dsr = (None if bar.psr is None else _of_moments(moments, bar.steps, level) for level in (0.0, luckiest))
    return Significance(bar.confidence, bar.steps, bar.trials, bar.trials_from, psr=psr, dsr=dsr)


def _of_moments(moments: Mapping[str, float], steps: int, benchmark_per_step: float | None) -> float | None:
    """Return the probabilistic Sharpe ratio of ``steps`` returns with these moments; None where undefined."""
    from scipy.stats import norm

    sharpe, skewness, kurtosis = (moments[name] for name in MOMENTS)
    variance = 1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2
    if benchmark_per_step is None or not 0.0 < variance < math.inf:
        return None
    return float(norm.cdf((sharpe - benchmark_per_step) * math.sqrt(steps - 1) / math.sqrt(variance)))


def _trial_variance(trials: Trials, steps: int) -> tuple[float, str]:
    """Return the variance of the trials' Sharpe ratios per step, never below that of noise, and its source.

    Trials that hold nearly the same book have almost no spread. This means that few different things were tried, not
    that any ratio is known better than its length allows.
    """
    noise = null_variance(steps)
    if trials.variance is None:
        return noise, "null"
    return (trials.variance, "sweep") if trials.variance >= noise else (noise, "floor")


def probabilistic_sharpe_ratio(returns: FloatArray, benchmark_per_step: float = 0.0) -> float:
    """Return the confidence that the true Sharpe ratio per step of returns (T,) is above a benchmark.

    Phi((SR - SR*) sqrt(T - 1) / sqrt(1 - skewness SR + (kurtosis - 1) SR^2 / 4)), Bailey and Lopez de Prado (2012).
    Raises ValueError for fewer than three returns, without variance, and where the root is undefined.
    """
    import purgedcv

    return purgedcv.probabilistic_sharpe_ratio(returns, benchmark_per_step)


def min_track_record_steps(returns: FloatArray, confidence: float, benchmark_per_step: float = 0.0) -> float:
    """Return the number of steps with the moments of returns (T,) needed to claim a Sharpe ratio above a benchmark.

    The length at which the probabilistic Sharpe ratio reaches ``confidence`` (Bailey and Lopez de Prado 2012);
    infinite where the Sharpe ratio is not above the benchmark. Raises ValueError as above.
    """
    from purgedcv import deflated_sharpe_ratio_full, min_track_record_length

    found = deflated_sharpe_ratio_full(returns, 1, 0.0)
    return min_track_record_length(found.observed_sr, benchmark_per_step, 1.0 - confidence, found.skew, found.kurt)


def deflated_sharpe_ratio(returns: FloatArray, trials: int, variance_per_step: float) -> float:
    """Return the confidence that the true Sharpe ratio is above the chance result of the best of several trials.

    The probabilistic Sharpe ratio against ``expected_max_sharpe`` (Bailey and Lopez de Prado 2014).
    """
    return probabilistic_sharpe_ratio(returns, expected_max_sharpe(trials, variance_per_step))


def expected_max_sharpe(trials: int, variance_per_step: float) -> float:
    """Return the expected largest Sharpe ratio per step of independent trials whose true ratios are all zero.

    sqrt(V) ((1 - g) Phi^-1(1 - 1/N) + g Phi^-1(1 - 1/(N e))) with Euler's constant g, and 0 for one trial; V is the
    variance of the trials' Sharpe ratios per step (Bailey and Lopez de Prado 2014).
    """
    from scipy.stats import norm

    if trials == 1:
        return 0.0
    tails = norm.isf([1.0 / trials, 1.0 / (trials * math.e)])
    return math.sqrt(variance_per_step) * float((1.0 - np.euler_gamma) * tails[0] + np.euler_gamma * tails[1])


def null_variance(steps: int) -> float:
    """Return the variance of the Sharpe ratio per step of a worthless trial, 1 / (T - 1): the formula's at SR = 0.

    It is used where the trials' own variance is unknown or less. Similar trials have less spread, so it errs on the
    side of caution.
    """
    return 1.0 / (steps - 1)
