"""The default forecaster: volatility that follows the market, joint shocks, and fits that fail without being hidden."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

from rlx.data.market import Market
from rlx.data.panel import MarketPanel
from rlx.data.sources import sample
from rlx.forecast import garch
from rlx.forecast.filtered_bootstrap import FilteredBootstrap
from rlx.forecast.garch import Garch, fit, fit_all, variances
from tests.forecast.markets import daily

TRUE = Garch(0.0, 2e-6, 0.03, 0.10, 0.90)


def simulated(n_bars: int, model: Garch = TRUE, seed: int = 0) -> np.ndarray:
    """Return returns of a GJR-GARCH model with t(8) shocks."""
    random = np.random.default_rng(seed)
    shocks = random.standard_t(8, n_bars) * np.sqrt(6 / 8)
    returns, variance = np.empty(n_bars), model.omega / (1 - model.alpha - model.gamma / 2 - model.beta)
    for bar in range(n_bars):
        returns[bar] = model.mu + np.sqrt(variance) * shocks[bar]
        shock = returns[bar] - model.mu
        variance = model.omega + (model.alpha + model.gamma * (shock < 0)) * shock**2 + model.beta * variance
    return returns


def test_a_fit_finds_the_model_that_made_the_returns() -> None:
    found = fit(simulated(4_000))
    assert found.converged and found.mu == pytest.approx(0.0, abs=5e-4)
    assert found.alpha == pytest.approx(TRUE.alpha, abs=0.02) and found.gamma == pytest.approx(TRUE.gamma, abs=0.04)
    assert found.beta == pytest.approx(TRUE.beta, abs=0.03) and found.omega == pytest.approx(TRUE.omega, rel=0.6)


def test_the_filter_by_hand() -> None:
    model = Garch(0.01, 1e-4, 0.1, 0.2, 0.5)
    returns = np.array([[0.03], [-0.01]])  # shocks 0.02 and -0.02, squares 4e-4
    first = 4e-4
    second = 1e-4 + 0.1 * 4e-4 + 0.5 * first
    third = 1e-4 + (0.1 + 0.2) * 4e-4 + 0.5 * second
    np.testing.assert_allclose(variances(returns, [model], 2)[:, 0], [first, second, third])


def test_the_filter_is_that_of_arch() -> None:
    from arch import arch_model

    returns = simulated(1_500)
    found = fit(returns)
    scale = returns.std()
    model = arch_model(returns / scale, mean="Constant", vol="GARCH", p=1, o=1, q=1, dist="t", rescale=False)
    volatility = model.fit(disp="off").conditional_volatility * scale
    ours = np.sqrt(variances(returns[:, None], [found], len(returns))[:-1, 0])
    np.testing.assert_allclose(ours[200:], volatility[200:], rtol=1e-3)  # the start is another


@pytest.mark.slow  # the processes import arch
def test_processes_give_the_same_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    series = [simulated(300, seed=seed) for seed in range(3)]
    alone = fit_all(series)
    monkeypatch.setattr(garch, "FEWEST_FOR_PROCESSES", 2)
    assert fit_all(series) == alone


def test_a_constant_price_has_a_forecast_and_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    walk = daily(2, 300)
    close = walk.panel.close.copy()
    close[:, 1] = 7.0
    market = Market(MarketPanel(walk.symbols, walk.timestamps, close))
    forecaster = FilteredBootstrap()
    with caplog.at_level(logging.WARNING):
        forecast = forecaster.forecast(market, np.array([280]), 0)
    assert "1 of 2 fits have no result" in caplog.text and forecaster.fallbacks == 1
    np.testing.assert_array_equal(forecast.quantiles[:, 1], 0.0)
    forecaster.forecast(market, np.array([290]), 0)
    assert len(caplog.records) == 1  # the fits are known


def test_a_fit_that_does_not_converge_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    from arch.univariate.base import ARCHModelResult

    monkeypatch.setattr(ARCHModelResult, "convergence_flag", property(lambda self: 9))
    found = fit(simulated(300))
    assert not found.converged and (found.alpha, found.gamma, found.beta) == (pytest.approx(0.06), 0.0, 0.94)


def spread(forecast: Any) -> np.ndarray:
    return np.asarray(forecast.paths[..., 0].std(axis=1))  # (B, A, H)


def test_it_follows_volatility_and_the_null_model_does_not() -> None:
    market = Market(sample("daily9", ["SPY"], end="2021-01-01"))
    calm, crash = (int(np.searchsorted(market.timestamps, np.datetime64(day))) for day in ("2019-12-27", "2020-03-20"))
    widths = spread(FilteredBootstrap().forecast(market, np.array([calm, crash]), 0))[:, 0, 0]
    assert widths[1] > 5 * widths[0] and 0.003 < widths[0] < 0.012


def test_paths_of_many_steps_return_to_the_usual_volatility() -> None:
    market = Market(sample("daily9", ["SPY"], end="2021-01-01"))
    crash = np.searchsorted(market.timestamps, np.datetime64("2020-03-20"))
    widths = spread(FilteredBootstrap(horizon_steps=60, n_samples=1000).forecast(market, np.array([crash]), 0))[0, 0]
    growth = widths[-1] / widths[0]
    assert 3.0 < growth < 0.95 * np.sqrt(60)


def test_assets_that_move_together_do_so_in_every_path() -> None:
    market = Market(sample("daily9", ["SPY", "AIG", "IBM"]))
    paths = FilteredBootstrap(n_samples=1000).forecast(market, np.array([1500]), 0).paths
    assert paths is not None
    forecast = np.corrcoef(paths[0, :, :, 0, 0].T)
    past = np.corrcoef(market.returns[500:1500].T)
    np.testing.assert_allclose(forecast, past, atol=0.2)
    assert forecast[0, 1] > 0.4


def test_the_quantiles_are_calibrated_on_real_prices() -> None:
    market = Market(sample("daily9", ["SPY", "IWM"]))
    bars = np.arange(1000, 2000, 4)
    forecast = FilteredBootstrap().forecast(market, bars, 0)
    for low, high, tolerance in ((0.05, 0.95, 0.05), (0.25, 0.75, 0.08)):
        lower, upper = (forecast.quantiles[:, :, 0, 0, forecast.levels.index(level)] for level in (low, high))
        actual = market.returns[bars]
        assert ((actual >= lower) & (actual <= upper)).mean() == pytest.approx(high - low, abs=tolerance)


def test_between_refits_the_volatility_is_updated_and_the_model_is_not() -> None:
    market = daily(1, 400)
    forecaster = FilteredBootstrap()
    forecaster.forecast(market, np.arange(252, 315), 0)
    assert len(forecaster._models) == 1
    forecaster.forecast(market, np.arange(300, 320), 0)
    assert len(forecaster._models) == 2


def test_a_price_stays_above_zero_however_wild_the_volatility() -> None:
    walk = daily(1, 300)
    close = walk.panel.close.copy()
    close[290:] /= 1e6
    market = Market(MarketPanel(walk.symbols, walk.timestamps, close))
    for horizon in (1, 20):
        paths = FilteredBootstrap(horizon_steps=horizon).forecast(market, np.array([290]), 0).paths
        assert paths is not None and np.isfinite(paths).all() and paths.min() > -1.0
