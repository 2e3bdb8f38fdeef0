"""The linear forecaster finds a signal that is there, and claims none where there is none."""

from __future__ import annotations

import numpy as np

from rlx.data.market import Market
from rlx.data.panel import MarketPanel
from rlx.forecast.ridge import RidgeForecaster
from tests.forecast.markets import daily


def momentum(n_bars: int = 900, n_assets: int = 4) -> Market:
    """Return a market whose moves follow those of the bar before."""
    random = np.random.default_rng(0)
    moves = random.normal(0.0, 0.01, (n_bars, n_assets))
    for bar in range(1, n_bars):
        moves[bar] += 0.5 * moves[bar - 1]
    days = np.busday_offset("2010-01-04", np.arange(n_bars), roll="forward").astype("datetime64[ns]")
    return Market(MarketPanel(tuple("ABCD"), days, 100 * np.exp(np.cumsum(moves, axis=0))))


def test_it_finds_momentum_and_keeps_its_size() -> None:
    market, bars = momentum(), np.arange(600, 899)
    forecast = RidgeForecaster(features=["return_1"], penalty=0.01).forecast(market, bars, 0)
    assert forecast.paths is not None
    mean = forecast.paths[..., 0, 0].mean(axis=1)
    slope, _ = np.polyfit(mean.ravel(), market.returns[bars].ravel(), 1)
    assert np.corrcoef(mean.ravel(), market.returns[bars].ravel())[0, 1] > 0.35 and 0.7 < slope < 1.4


def test_it_forecasts_hardly_anything_of_a_random_walk() -> None:
    market, bars = daily(3, 900), np.arange(600, 899)
    paths = RidgeForecaster().forecast(market, bars, 0).paths
    assert paths is not None
    close = paths[..., 0, 0]
    assert np.median(close, axis=1).std() < 0.25 * close.std()
