"""One row of forecast prices per bar and symbol: what strategies read, made once and stored."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from rlx.data.market import Market
from rlx.forecast.aggregate import Aggregate, aggregated, quantile_at
from rlx.forecast.chunks import forecasts
from rlx.forecast.forecaster import PRICES, Forecaster
from rlx.types import BoolArray, FloatArray, IntArray

BAND = (0.4, 0.6)
"""The two levels of the quantiles whose distance is a row's ``band``."""

log = logging.getLogger(__name__)


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


def forecast_rows(
    forecaster: Forecaster,
    market: Market,
    bars: IntArray,
    aggregate: Aggregate | None = None,
    seed: int = 0,
    band: tuple[float, float] = BAND,
    cached: bool = True,
) -> ForecastRows:
    """Return the rows of the ascending ``bars`` (T,), by default with the medians of the forecasts.

    Rows before the forecaster's first bar, and those whose numbers are not finite, are missing. Missing and invalid
    rows are counted in one log line and not changed. Raises what the forecaster's ``first_bar`` raises, and ConfigError
    for an aggregate or a ``band`` that it cannot give.
    """
    bars, settings = np.asarray(bars, dtype=np.int64), aggregate or Aggregate()
    numbers = np.full((len(PRICES) + 1, len(bars), market.n_assets), np.nan)
    unknown = int(np.searchsorted(bars, forecaster.first_bar(market)))
    for part, made in forecasts(forecaster, market, bars[unknown:], seed, cached=cached):
        place = slice(unknown + part.start, unknown + part.stop)
        next_bar = aggregated(made, settings)[:, :, 0]
        for number, name in enumerate(made.prices):
            numbers[PRICES.index(name), place] = next_bar[..., number]
        lower, upper = (quantile_at(made, level)[:, :, 0, 0] for level in band)
        numbers[-1, place] = upper - lower
    numbers[~np.isfinite(numbers)] = np.nan
    rows = ForecastRows(tuple(market.symbols), bars, *numbers)
    _report(forecaster, rows, unknown)
    return rows


def _report(forecaster: Forecaster, rows: ForecastRows, unknown: int) -> None:
    """Log how many rows are missing or invalid, except those before the first forecast."""
    missing, invalid = int(rows.missing[unknown:].sum()), int(rows.invalid.sum())
    if missing or invalid:
        log.warning(
            "forecaster=%s: of %d forecasts %d are missing and %d have a high below their low; they are not traded.",
            forecaster.name,
            rows.close[unknown:].size,
            missing,
            invalid,
        )
