"""One row of forecast prices per bar and symbol: what strategies read, made once and stored."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlx.types import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class ForecastRows:
    """Forecasts made at the close of each of T bars for the bar after it, aggregated to one number per price.

    ``bars`` (T,) are ascending bars of the market, and the row of bar t is traded during bar t + 1. ``close``, ``high``
    and ``low`` (T, A) are moves relative to the close of bar t, price / close - 1. ``band`` (T, A) is the distance
    between two quantiles of the close, in the same unit. NaN marks a missing number; high and low are NaN throughout
    for a forecaster of closes only.
    """

    symbols: tuple[str, ...]
    bars: IntArray
    close: FloatArray
    high: FloatArray
    low: FloatArray
    band: FloatArray

    @property
    def missing(self) -> BoolArray:
        """Whether there is no forecast of the close, (T, A)."""
        return np.asarray(~np.isfinite(self.close))

    @property
    def invalid(self) -> BoolArray:
        """Whether the forecast high is below the forecast low, (T, A)."""
        return np.asarray(self.high < self.low)
