"""Rows of forecasts: one number per price, the same for any parts, and missing or invalid ones counted."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from rlx.data.market import Market
from rlx.errors import DataError
from rlx.forecast.aggregate import Aggregate
from rlx.forecast.chunks import forecasts
from rlx.forecast.forecaster import PRICES, Forecast, make_forecaster
from rlx.forecast.paths import bar_moves
from rlx.forecast.rows import forecast_rows
from rlx.types import IntArray
from tests.forecast.markets import closes, daily

MARKET = daily()
BARS = np.arange(MARKET.n_bars)


class Fixed:
    """Forecasts given moves, the same at every bar."""

    name, horizon_steps, last_seen = "fixed", 1, None

    def __init__(self, close: float, high: float, low: float) -> None:
        self.moves = np.array([close, high, low])

    def first_bar(self, market: Market) -> int:
        return 5

    def forecast(self, market: Market, bars: IntArray, seed: int) -> Forecast:
        paths = np.broadcast_to(self.moves, (len(bars), 2, market.n_assets, 1, 3))
        return Forecast.of_paths(paths, (0.5,), PRICES)


def test_the_rows_of_the_oracle_are_the_next_bars() -> None:
    rows = forecast_rows(make_forecaster("oracle"), MARKET, BARS)
    moves = bar_moves(MARKET.panel)
    np.testing.assert_allclose(np.stack([rows.close, rows.high, rows.low], -1)[:-1], moves, rtol=1e-6, atol=1e-7)
    assert rows.missing[-1].all() and not rows.missing[:-1].any() and not rows.invalid.any()
    np.testing.assert_array_equal(rows.band[:-1], 0.0)


def test_rows_before_the_first_forecast_are_missing_and_not_reported(caplog: pytest.LogCaptureFixture) -> None:
    rows = forecast_rows(make_forecaster("block_bootstrap", lookback_bars=100), MARKET, BARS)
    assert rows.missing[:100].all() and not rows.missing[100:].any() and not caplog.records
    assert (rows.band[100:] > 0.0).all() and (rows.low[100:] <= rows.high[100:]).all()


def test_missing_and_invalid_rows_are_counted_and_unchanged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        rows = forecast_rows(Fixed(0.0, -0.02, 0.01), MARKET, BARS[:7])
    assert "of 6 forecasts 0 are missing and 6 have a high below their low" in caplog.text
    assert rows.invalid.sum() == 6 and rows.high[5, 0] == -0.02
    with caplog.at_level(logging.WARNING):
        rows = forecast_rows(Fixed(np.nan, 0.1, 0.0), MARKET, BARS[:7])
    assert "of 6 forecasts 6 are missing" in caplog.text and np.isnan(rows.close).all()


def test_a_market_of_closes_has_only_closes() -> None:
    rows = forecast_rows(make_forecaster("block_bootstrap"), closes(MARKET), BARS[300:])
    assert np.isfinite(rows.close).all() and np.isnan(rows.high).all() and np.isnan(rows.low).all()
    assert not rows.invalid.any()


def test_the_parts_do_not_change_the_forecasts() -> None:
    forecaster, bars = make_forecaster("block_bootstrap", n_samples=8), BARS[260:300]
    sizes = {}
    for limit in (1, 5_000, 2**26):
        parts = list(forecasts(forecaster, MARKET, bars, 3, limit))
        sizes[limit] = len(parts)
        paths = np.concatenate([made.paths for _, made in parts if made.paths is not None])
        np.testing.assert_array_equal(paths, forecaster.forecast(MARKET, bars, 3).paths)
        assert [part.start for part, _ in parts] == [0, *(part.stop for part, _ in parts)][:-1]
    assert sizes[1] == 40 and sizes[2**26] == 2 and 2 < sizes[5_000] < 40


def test_the_aggregate_is_used() -> None:
    forecaster = make_forecaster("block_bootstrap")
    low = forecast_rows(forecaster, MARKET, BARS[300:310], Aggregate("quantile", 0.1))
    median = forecast_rows(forecaster, MARKET, BARS[300:310])
    assert (low.close < median.close).all()
    np.testing.assert_array_equal(low.band, median.band)
    wide = forecast_rows(forecaster, MARKET, BARS[300:310], band=(0.1, 0.9))
    assert (wide.band > median.band).all()


def test_a_market_that_is_too_short_is_refused() -> None:
    with pytest.raises(DataError, match=r"forecaster=block_bootstrap: needs 401 bars .* has 400. Lower"):
        forecast_rows(make_forecaster("block_bootstrap", lookback_bars=400), MARKET, BARS)
