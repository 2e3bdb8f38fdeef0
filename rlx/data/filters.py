"""Causal linear filters of the log close: local Taylor polynomials and Haar wavelet coefficients.

A filter is its weights (n,) on the last n log closes, oldest first. All weights here add up to zero, so that the unit
of a price does not matter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from rlx.types import FloatArray

if TYPE_CHECKING:
    import pandas as pd

TAYLOR_DEGREE = 2
"""Degree of the local polynomial: the lowest with a slope and a curvature."""


def log_close_filter(weights: Callable[[int], FloatArray]) -> Callable[[dict[str, pd.DataFrame], int], pd.DataFrame]:
    """Return the feature (N, A) that applies ``weights(n)`` to the last n log closes; NaN on the first n - 1 bars."""

    def compute(bars: dict[str, pd.DataFrame], n: int) -> pd.DataFrame:
        return bars["close"].transform(lambda close: _filter(np.log(close.to_numpy()), weights(n)))

    return compute


def _filter(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the weighted sums (N,) of the last n of ``values`` (N,), computed from their differences.

    The weights of differences are sums of the weights from the newest value back, and a constant series gives exactly
    0.
    """
    moves, on_moves = np.diff(values), np.cumsum(weights[:0:-1])[::-1]  # (N - 1,), (n - 1,) oldest first
    filtered = np.full(len(values), np.nan)
    known = filtered[len(on_moves) :]
    known[:] = 0.0
    for lag, weight in enumerate(on_moves):  # one by one: a matrix product may round differently in a longer history
        known += weight * moves[lag : lag + len(known)]
    return filtered


def taylor_weights(order: int) -> Callable[[int], FloatArray]:
    """Return the weights of the derivative of ``order`` of the parabola fitted to the last n log closes, at the last.

    The fit is least squares with equal weights (Savitzky and Golay 1964, evaluated at the end of its window): slope
    per bar for order 1, curvature per bar^2 for order 2, and for order 0 the fitted log close less the actual one. So
    the expansion around bar t is log C[t+h] ~ log C[t] + level + slope h + curvature h^2 / 2.
    """

    def weights(n: int) -> FloatArray:
        from scipy.signal import savgol_coeffs  # not at the top: it takes a second that other features do not need

        fitted: FloatArray = savgol_coeffs(n, TAYLOR_DEGREE, deriv=order, pos=n - 1, use="dot")
        if order == 0:
            fitted[-1] -= 1.0
        return fitted

    return weights


def haar_detail_weights(n: int) -> FloatArray:
    """Return the weights of half the mean of the latest n/2 values less half the mean of the n/2 before them.

    This is the Haar wavelet (Haar 1910) in the maximal-overlap normalisation of Percival and Walden (2000, ch. 5): the
    coefficient of level j, where n = 2^j. It needs no bar after t, and with ``haar_smooth_weights`` decomposes a series
    without remainder: X[t] = mean of the last n + the details of 2, 4, ..., n.
    """
    return np.repeat([-1.0, 1.0], n // 2) / n


def haar_smooth_weights(n: int) -> FloatArray:
    """Return the weights of the mean of the last n values, the Haar scaling coefficient, less the latest value."""
    weights = np.full(n, 1.0 / n)
    weights[-1] -= 1.0
    return weights
