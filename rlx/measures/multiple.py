"""Summaries of several seeds, and corrections for several tests."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rlx.types import FloatArray


def interquartile_mean(scores: FloatArray) -> float:
    """Return the mean of the middle half of all scores, of any shape: runs, or runs of several markets.

    A quarter, rounded down, is dropped at either end, so that for three scores or fewer it is the mean (Agarwal et al.
    2021). Raises ValueError without scores or when one is not finite: a failed seed is not an absent one.
    """
    from scipy.stats import trim_mean

    values = np.asarray(scores, dtype=np.float64).ravel()
    if values.size == 0 or not np.isfinite(values).all():
        raise ValueError(f"scores has {values.size} values, {np.isfinite(values).sum()} of them finite: all must be.")
    return float(trim_mean(values, 0.25))


def holm_correction(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return the p-value of each test adjusted for their number, by name (Holm 1979).

    Rejecting what is at or below a level keeps the chance of one false rejection among all of them below that level,
    regardless of their dependence. Raises ValueError for a value outside [0, 1].
    """
    from statsmodels.stats.multitest import multipletests

    wrong = {name: p for name, p in p_values.items() if not 0.0 <= p <= 1.0}
    if wrong:
        raise ValueError(f"p-values outside [0, 1]: {', '.join(f'{name}={p}' for name, p in wrong.items())}.")
    if not p_values:
        return {}
    adjusted = multipletests(list(p_values.values()), method="holm")[1]
    return dict(zip(p_values, map(float, adjusted), strict=True))
