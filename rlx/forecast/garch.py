"""GJR-GARCH(1,1) with Student-t shocks: fits of many series, and the variances that follow from one."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rlx.types import FloatArray

FEWEST_FOR_PROCESSES = 300
"""Fits in one call from which on processes are worth their start: each takes seconds to import, a fit 0.05 seconds."""

STILL = 1e-9
"""Standard deviation of returns below which a price counts as constant; no variance falls below its square."""

DECAY = 0.94
"""Of the exponentially weighted variance (RiskMetrics 1996) that replaces a fit without a result."""


class Garch(NamedTuple):
    """v' = omega + (alpha + gamma [e < 0]) e^2 + beta v, where e = r - mu; in units of the returns."""

    mu: float
    omega: float
    alpha: float
    gamma: float
    beta: float
    converged: bool = True


WEIGHTED = Garch(0.0, 0.0, 1.0 - DECAY, 0.0, DECAY)
"""The exponentially weighted variance around zero."""


def fit_all(series: Sequence[FloatArray]) -> list[Garch]:
    """Return the fit of each series of returns (T,); many are fitted on all cores, with the same result."""
    if len(series) < FEWEST_FOR_PROCESSES:
        return [fit(returns) for returns in series]
    from joblib import Parallel, cpu_count, delayed

    jobs = Parallel(n_jobs=cpu_count())
    return list(jobs(delayed(fit)(returns) for returns in series))


def fit(returns: FloatArray) -> Garch:
    """Return the model of Glosten, Jagannathan and Runkle (1993) with the highest likelihood.

    Where prices are constant or the optimiser finds no maximum, ``converged`` is False and the variance is an
    exponentially weighted one around the mean of the returns.
    """
    scale = float(returns.std())
    if scale < STILL:
        return _weighted(returns)
    from arch import arch_model

    model = arch_model(returns / scale, mean="Constant", vol="GARCH", p=1, o=1, q=1, dist="t", rescale=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of steps of the optimiser; its result is checked below
        found = model.fit(disp="off", show_warning=False)
    mu, omega, alpha, gamma, beta = (float(found.params.iloc[number]) for number in range(5))
    stable = alpha + gamma / 2.0 + beta < 1.0 + 1e-6 and omega > 0.0
    if found.convergence_flag != 0 or not stable:  # a NaN is not stable either
        return _weighted(returns)
    return Garch(mu * scale, omega * scale**2, alpha, gamma, beta)


def _weighted(returns: FloatArray) -> Garch:
    return WEIGHTED._replace(mu=float(returns.mean()), converged=False)


def variances(returns: FloatArray, models: Sequence[Garch], n_fitted: int) -> FloatArray:
    """Return the variance (T + 1, A) of each of the ``returns`` (T, A) and of the next one, given those before it.

    It starts at the mean square of the first ``n_fitted`` returns, those that the models were fitted on.
    """
    mu, omega, alpha, gamma, beta = np.array([model[:5] for model in models]).T
    shocks = returns - mu
    squares = shocks**2
    added = omega + (alpha + gamma * (shocks < 0.0)) * squares
    result = np.empty((len(returns) + 1, returns.shape[1]))
    result[0] = np.maximum(squares[:n_fitted].mean(axis=0), STILL**2)
    for step in range(len(returns)):
        result[step + 1] = np.maximum(added[step] + beta * result[step], STILL**2)
    return result
