"""How sure is it that a mean is above zero, when neighbouring values depend on each other?"""

from __future__ import annotations

import numpy as np

from rlx.types import FloatArray


def mean_t(values: FloatArray, lags: int) -> float:
    """Return the t statistic of the mean of ``values`` (T,), robust to autocorrelation; NaN without any variation.

    The variance of the mean is that of Newey and West (1987) with Bartlett weights over ``lags`` lags.
    """
    n = len(values)
    deviations = np.asarray(values, dtype=np.float64) - np.mean(values)
    lags = min(lags, n - 1)
    products = [deviations[lag:] @ deviations[: n - lag] for lag in range(lags + 1)]
    weights = 1.0 - np.arange(1, lags + 1) / (lags + 1.0)
    variance = (products[0] + 2.0 * weights @ products[1:]) / n
    return float(np.mean(values) / np.sqrt(variance / n)) if variance > 0.0 else float("nan")
