"""Whether a mean is above zero beyond chance, given dependent neighbouring values and several attempts."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from rlx.types import FloatArray


@dataclass(frozen=True)
class Evidence:
    """The best of several attempts: its ``mean``, and the ``t`` of that mean.

    ``attempts`` is their effective number: correlated attempts count as fewer.
    """

    best: int
    mean: float
    t: float
    attempts: float

    def needed(self, level: float) -> float:
        """Return the t beyond chance at a one-sided ``level``, divided by the number of attempts (Bonferroni)."""
        return NormalDist().inv_cdf(1.0 - level / self.attempts)


def weigh(attempts: FloatArray, lags: int) -> Evidence:
    """Return the evidence for the best mean of ``attempts`` (K, T)."""
    best = int(np.argmax(attempts.mean(axis=1)))
    return Evidence(best, float(attempts[best].mean()), mean_t(attempts[best], lags), effective_number(attempts))


def mean_t(values: FloatArray, lags: int) -> float:
    """Return the t statistic of the mean of ``values`` (T,), robust to autocorrelation; NaN without variation.

    The variance of the mean is from Newey and West (1987) with Bartlett weights over ``lags`` lags.
    """
    n = len(values)
    deviations = np.asarray(values, dtype=np.float64) - np.mean(values)
    if np.abs(deviations).max() <= 1e-12 * np.abs(values).max():  # only rounding
        return float("nan")
    lags = min(lags, n - 1)
    products = np.array([deviations[lag:] @ deviations[: n - lag] for lag in range(lags + 1)])
    weights = 1.0 - np.arange(1, lags + 1) / (lags + 1.0)
    variance = (products[0] + 2.0 * weights @ products[1:]) / n
    return float(np.mean(values) / np.sqrt(variance / n)) if variance > 0.0 else float("nan")


def effective_number(attempts: FloatArray) -> float:
    """Return how many independent series the rows of ``attempts`` (K, T) amount to, from 1 to K.

    It is (sum of the square roots of the eigenvalues of their correlation)^2 / (sum of the eigenvalues), by Galwey
    (2009), A new measure of the effective number of tests. Rows that do not vary are not counted.
    """
    varying = attempts[attempts.std(axis=1) > 0.0]
    if len(varying) < 2:
        return 1.0
    eigenvalues = np.linalg.eigvalsh(np.corrcoef(varying)).clip(0.0)
    return float(np.sqrt(eigenvalues).sum() ** 2 / eigenvalues.sum())
