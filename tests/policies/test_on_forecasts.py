"""Policies on forecasts: what they hold follows from the sample paths, and from past errors of the forecasts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from rlx.audit.perturbations import KINDS, perturbed
from rlx.data.market import Market
from rlx.data.panel import MarketPanel
from rlx.data.sources import sample
from rlx.data.splits import Span
from rlx.errors import ConfigError, DataError
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.windows import HOLDOUT, holdout_windows
from rlx.forecast.block_bootstrap import BlockBootstrapConfig
from rlx.forecast.features import ForecastOutlook
from rlx.forecast.filtered_bootstrap import FilteredBootstrapConfig
from rlx.policies.optimal import Kelly, MinimumVariance, shrunk
from rlx.policies.volatility_target import VolatilityTarget
from rlx.sim.rules import Rules
from rlx.testing import check_policy
from rlx.types import FloatArray, IntArray
from tests.forecast.markets import daily
from tests.policies.acting import observe

OUTLOOK = ForecastOutlook.of(BlockBootstrapConfig(lookback_bars=100))


def decide(policy: Any, market: Market, bar: int) -> FloatArray:
    """Return the weights (A,) of a policy at one bar."""
    policy.bind(market)
    policy.reset(1)
    return np.asarray(policy.act(observe(market, [bar]))[0])


class Given:
    """An outlook with given sample paths (S, A), the same at every bar."""

    facts: Mapping[str, Any] = {"given": True}
    test_only = None

    def __init__(self, paths: FloatArray, horizon_steps: int = 1) -> None:
        self.given, self.horizon_steps = paths, horizon_steps

    def first_bar(self, market: Market) -> int:
        return 10

    def paths(self, market: Market, bars: IntArray) -> FloatArray:
        return np.broadcast_to(self.given, (len(bars), *self.given.shape))

    def features(self, market: Market) -> Mapping[str, FloatArray]:
        return {}

    def unsaved(self) -> Given:
        return self


def market(outlook: Any, close: FloatArray | None = None) -> Market:
    panel = daily(2, 60).panel
    return Market(panel if close is None else MarketPanel(panel.symbols, panel.timestamps, close), outlook)


PATHS = np.array([[0.01, 0.0], [-0.01, 0.0], [0.01, 0.02], [-0.01, -0.02]])
PORTFOLIO = np.sqrt((0.005**2 + 0.005**2 + 0.015**2 + 0.015**2) / 4)  # of equal weights: 0.005 -0.005 0.015 -0.015


@pytest.mark.parametrize("horizon", [1, 4])
def test_the_volatility_target_by_hand(horizon: int) -> None:
    policy = VolatilityTarget(target_annual=0.05, rebalance_steps=1)
    given = market(Given(PATHS, horizon))
    annual = PORTFOLIO * np.sqrt(given.periods_per_year / horizon)
    np.testing.assert_allclose(decide(policy, given, 20), min(1.0, 0.05 / annual) / 2)


def test_the_volatility_target_by_inverse_volatility_and_its_cap() -> None:
    given = market(Given(PATHS))
    policy = VolatilityTarget(target_annual=9.0, base="inverse_volatility", max_gross=1.5, rebalance_steps=1)
    ratio = np.sqrt(2)  # of their volatilities, 0.01 and 0.01414
    np.testing.assert_allclose(decide(policy, given, 20), [1.5 * ratio / (1 + ratio), 1.5 / (1 + ratio)])


def test_before_the_first_forecast_weights_are_equal() -> None:
    policy = VolatilityTarget(target_annual=0.01, rebalance_steps=4)
    given = market(Given(PATHS))
    np.testing.assert_allclose(decide(policy, given, 8), 0.5)
    assert decide(policy, given, 12).sum() < 0.2
    assert policy.describe()["forecaster"] == {"given": True}


def test_a_forecast_that_is_missing_leaves_equal_weights(caplog: pytest.LogCaptureFixture) -> None:
    policy = VolatilityTarget(target_annual=0.01, rebalance_steps=1)
    np.testing.assert_allclose(decide(policy, market(Given(np.full((4, 2), np.nan))), 20), 0.5)
    assert "forecasts are not finite" in caplog.text


def test_means_are_shrunk_by_hand() -> None:
    paths = np.array([[0.02, 0.001], [0.04, -0.001], [0.03, 0.0], [0.03, -0.004]])
    errors = np.array([[0.01, 0.01], [-0.01, -0.01], [0.01, 0.01], [-0.01, -0.01]])
    # asset 0: mean 0.03, variance of the samples 0.5e-4 / 4, of the errors 4e-4 / 3 / 4
    expected = 0.03 - np.sqrt(0.5e-4 / 4 + 4e-4 / 3 / 4)
    np.testing.assert_allclose(shrunk(paths.mean(axis=0), errors, paths), [expected, 0.0])
    np.testing.assert_array_equal(shrunk(paths.mean(axis=0), errors[:1], paths), 0.0)


def test_kelly_holds_a_share_of_mean_over_variance() -> None:
    close = np.full((60, 2), 100.0)
    close[:, 0] *= 1.01 ** np.arange(60)  # what is forecast comes true, so errors are 0
    spread = np.random.default_rng(0).normal(0.0, 1.0, 400)
    spread = (spread - spread.mean()) / spread.std()
    paths = np.stack([0.01 + 0.15 * spread, np.zeros(400)], axis=1)
    policy = Kelly(rebalance_steps=1, forecast_fraction=0.25, cap=1.0)
    mean = 0.01 - 0.15 / np.sqrt(400)
    expected = 0.25 * mean / 0.15**2
    assert decide(policy, market(Given(paths), close), 30)[0] == pytest.approx(expected, rel=0.03)
    assert decide(Kelly(rebalance_steps=1, cap=0.01), market(Given(paths), close), 30)[0] == pytest.approx(0.01)


def test_kelly_trusts_no_forecast_that_was_wrong() -> None:
    close = np.full((60, 2), 100.0)
    close[::2, 0] = 103.0  # errors of three percent
    spread = np.random.default_rng(0).normal(0.0, 0.05, (4_000, 2))
    paths = spread - spread.mean(axis=0) + [0.004, 0.0]
    policy = Kelly(rebalance_steps=1)
    assert decide(policy, market(Given(paths), close), 30)[0] == pytest.approx(0.0, abs=1e-3)
    flat = np.full((60, 2), 100.0)
    flat[:, 0] *= 1.004 ** np.arange(60)
    assert decide(policy, market(Given(paths), flat), 30)[0] > 0.1


def test_a_forecast_that_was_missing_leaves_kelly_the_others() -> None:
    class Gapped(Given):
        def paths(self, market: Market, bars: IntArray) -> FloatArray:
            return np.where((bars == 15)[:, None, None], np.nan, super().paths(market, bars))

    close = np.full((60, 2), 100.0)
    close[:, 0] *= 1.02 ** np.arange(60)
    paths = 0.02 + np.random.default_rng(0).normal(0.0, 0.1, (4_000, 2))
    whole, gapped = (decide(Kelly(rebalance_steps=1), market(kind(paths), close), 30) for kind in (Given, Gapped))
    np.testing.assert_allclose(gapped, whole, atol=0.01)
    assert gapped[0] > 0.05


def test_minimum_variance_takes_the_forecast_and_not_the_past() -> None:
    random = np.random.default_rng(0)
    paths = random.normal(0.0, [0.01, 0.05], (5_000, 2))
    weights = decide(MinimumVariance(rebalance_steps=1), market(Given(paths)), 30)
    assert weights[0] == pytest.approx(25 / 26, abs=0.01)


@pytest.mark.parametrize("policy", [VolatilityTarget, Kelly, MinimumVariance])
def test_policies_on_forecasts_meet_the_requirements(policy: Any) -> None:
    check_policy(policy(rebalance_steps=50), Market(daily().panel, OUTLOOK))


@pytest.mark.parametrize("kind", KINDS)
def test_no_decision_changes_with_the_future(kind: str) -> None:
    real = Market(daily().panel, OUTLOOK)
    other = real.with_panel(perturbed(real.panel, 300, kind, np.random.default_rng(0)))
    policy = VolatilityTarget(rebalance_steps=20, target_annual=0.05)
    before = decide(policy, real, 300)
    np.testing.assert_array_equal(before, decide(policy, other, 300))


@pytest.mark.parametrize("kind", KINDS)
def test_kelly_learns_of_no_error_before_it_is_known(kind: str) -> None:
    paths = 0.02 + np.random.default_rng(0).normal(0.0, 0.1, (4_000, 2))
    real = market(Given(paths))
    other = real.with_panel(perturbed(real.panel, 30, kind, np.random.default_rng(0)))
    policy = Kelly(rebalance_steps=1, cap=1.0)
    before = decide(policy, real, 30)
    assert before.sum() > 0.1
    np.testing.assert_array_equal(before, decide(policy, other, 30))


def test_it_holds_cash_in_a_crash() -> None:
    prices = Market(sample("daily9", ["SPY", "IWM"]), ForecastOutlook.of(FilteredBootstrapConfig()))
    policy = VolatilityTarget(target_annual=0.10)
    calm, crash = (int(np.searchsorted(prices.timestamps, np.datetime64(day))) for day in ("2019-12-27", "2020-03-24"))
    assert decide(policy, prices, calm).sum() > 0.9 and decide(policy, prices, crash).sum() < 0.25


def test_the_volatility_is_nearer_to_the_target_than_without_it() -> None:
    prices = Market(sample("daily9", ["SPY", "AIG"]), ForecastOutlook.of(FilteredBootstrapConfig(n_samples=64)))
    span = Span(1000, prices.n_bars - 1)
    book = evaluate(VolatilityTarget(target_annual=0.10), prices, (holdout_windows(span),), Rules()).sets[HOLDOUT]
    volatility = book.ledger.net_return[0].std() * np.sqrt(prices.periods_per_year)
    assert volatility == pytest.approx(0.10, abs=0.015)


def test_a_market_that_is_too_short_is_refused() -> None:
    with pytest.raises(ConfigError, match="forecaster: no weights would ever be estimated"):
        VolatilityTarget(rebalance_steps=100).bind(Market(daily(2, 60).panel, Given(PATHS)))
    with pytest.raises(DataError, match="forecaster=block_bootstrap: needs 101 bars"):
        VolatilityTarget().bind(Market(daily(2, 60).panel, OUTLOOK))
