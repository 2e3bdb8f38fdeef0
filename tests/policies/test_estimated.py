"""Baselines that estimate their weights from past closes, and let them drift."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.errors import ConfigError, RlxError
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.windows import holdout_windows, start_index_windows
from rlx.policies.base import Oracle, Policy
from rlx.policies.baselines import BuyAndHold, EqualWeight
from rlx.policies.drift import drifted
from rlx.policies.hindsight import Hindsight
from rlx.policies.optimal import Kelly, MinimumVariance
from rlx.policies.rebalanced import Rebalanced
from rlx.policies.trailing import InverseVolatility, Momentum
from rlx.sim.rules import Costs, Limits, Rules
from rlx.types import FloatArray
from tests.evaluate.players import FREE, make_market, random_market
from tests.policies.acting import closes, observe

LOOKBACK, REBALANCE = 20, 10
ESTIMATED: dict[str, Callable[[], Rebalanced]] = {
    "inverse_volatility": lambda: InverseVolatility(lookback_steps=LOOKBACK, rebalance_steps=REBALANCE),
    "momentum": lambda: Momentum(lookback_steps=LOOKBACK, rebalance_steps=REBALANCE, top_k=2),
    "minimum_variance": lambda: MinimumVariance(lookback_steps=LOOKBACK, rebalance_steps=REBALANCE),
    "kelly": lambda: Kelly(lookback_steps=LOOKBACK, rebalance_steps=REBALANCE, cap=0.4),
}
every_policy = pytest.mark.parametrize("name", ESTIMATED)


def uneven_market(n_bars: int = 60, seed: int = 0) -> Market:
    """Return a market of four assets, each more volatile than the one before."""
    steps = np.random.default_rng(seed).normal(0.001, [0.01, 0.02, 0.03, 0.05], (n_bars, 4))
    return make_market(100.0 * np.exp(np.cumsum(steps, axis=0)))


def targets(policy: Policy, market: Market) -> FloatArray:
    """Return the decision at every bar, (N, A)."""
    policy.bind(market)
    return policy.act(observe(market, list(range(market.n_bars))))


# Hand-worked numbers


def test_inverse_volatility_by_hand() -> None:
    # +-1% and +-3%: volatilities 1 : 3, so weights 3/4 and 1/4
    close = closes([0.01, -0.01, 0.01, -0.01], [0.03, -0.03, 0.03, -0.03])
    np.testing.assert_allclose(InverseVolatility(lookback_steps=4).estimate(close), [0.75, 0.25], rtol=1e-12)


def test_momentum_by_hand() -> None:
    close = np.array([[100.0, 50.0, 10.0, 1.0], [999.0, 1.0, 999.0, 999.0], [110.0, 60.0, 9.0, 1.3]])
    # +10%, +20%, -10%, +30%; what lies in between does not matter
    np.testing.assert_array_equal(Momentum(lookback_steps=2, top_k=1).estimate(close), [0.0, 0.0, 0.0, 1.0])
    np.testing.assert_array_equal(Momentum(lookback_steps=2, top_k=2).estimate(close), [0.0, 0.5, 0.0, 0.5])
    np.testing.assert_array_equal(Momentum(lookback_steps=2, top_k=4).estimate(close), np.full(4, 0.25))


def test_momentum_ties_share_the_last_places() -> None:
    close = np.array([[100.0] * 4, [120.0, 110.0, 110.0, 90.0]])
    # the best has one of two places, the two tied at +10% half a place each
    np.testing.assert_allclose(Momentum(lookback_steps=2, top_k=2).estimate(close), [0.5, 0.25, 0.25, 0.0])


# Laws


@every_policy
def test_nothing_after_the_decision_bar_is_seen(name: str) -> None:
    market = uneven_market()
    before = targets(ESTIMATED[name](), market)
    for bar in (30, 34):  # a rebalancing bar and one between two
        changed = market.panel.close.copy()
        changed[bar + 1 :] *= np.random.default_rng(bar).uniform(0.5, 2.0, changed[bar + 1 :].shape)
        after = targets(ESTIMATED[name](), make_market(changed))
        np.testing.assert_array_equal(after[: bar + 1], before[: bar + 1])
        assert not np.allclose(after[bar + 1 :], before[bar + 1 :])


@every_policy
def test_the_close_of_the_decision_bar_is_used(name: str) -> None:
    close = uneven_market().panel.close
    jumped = close.copy()
    jumped[30:] *= [3.0, 2.0, 1.0, 0.5]
    before, after = (targets(ESTIMATED[name](), make_market(prices))[30] for prices in (close, jumped))
    assert np.abs(after - before).max() > 0.01


@every_policy
def test_the_units_of_prices_do_not_matter(name: str) -> None:
    close = uneven_market().panel.close
    scaled = targets(ESTIMATED[name](), make_market(close * [1e-3, 1.0, 7.0, 1e4]))
    np.testing.assert_allclose(scaled, targets(ESTIMATED[name](), make_market(close)), atol=1e-5)


@every_policy
def test_the_order_of_assets_does_not_matter(name: str) -> None:
    close, order = uneven_market().panel.close, [2, 0, 3, 1]
    shuffled = targets(ESTIMATED[name](), make_market(close[:, order]))
    np.testing.assert_allclose(shuffled, targets(ESTIMATED[name](), make_market(close))[:, order], atol=1e-5)


@every_policy
def test_weights_are_long_only_and_unlevered(name: str) -> None:
    weights = targets(ESTIMATED[name](), uneven_market(seed=3))
    assert (weights >= 0.0).all() and (weights.sum(axis=1) <= 1.0 + 1e-12).all()
    assert np.isfinite(weights).all()
    if name != "kelly":
        np.testing.assert_allclose(weights.sum(axis=1), 1.0)


# The schedule


@every_policy
def test_equal_weights_until_there_is_history_enough(name: str) -> None:
    market = uneven_market()
    weights = targets(ESTIMATED[name](), market)
    close = market.panel.close
    for bar in range(LOOKBACK):
        begun = bar - bar % REBALANCE
        np.testing.assert_allclose(weights[bar], drifted(np.full(4, 0.25), close[bar] / close[begun]))
    assert not np.allclose(weights[LOOKBACK], 0.25, atol=1e-3)


def test_the_first_estimate_waits_for_a_rebalancing_bar() -> None:
    policy, market = InverseVolatility(lookback_steps=22, rebalance_steps=5), uneven_market()
    weights = targets(policy, market)
    np.testing.assert_array_equal(weights[20], np.full(4, 0.25))
    np.testing.assert_allclose(weights[25], policy.estimate(market.panel.close[3:26]))
    assert policy.describe()["estimated_from"] == str(market.timestamps[25])


@every_policy
def test_nothing_is_traded_between_rebalancing_bars(name: str) -> None:
    market = uneven_market()
    rules = Rules(costs=Costs(commission_bps=10.0), limits=Limits(long_only=True))
    ledger = evaluate(ESTIMATED[name](), market, [holdout_windows(Span(22, 59))], rules).sets["holdout"].ledger
    bars = np.arange(22, 59)
    between = (bars % REBALANCE != 0) & (bars != 22)
    np.testing.assert_allclose(ledger.turnover[0][between], 0.0, atol=1e-9)
    assert ledger.turnover[0][~between].mean() > 0.05
    assert ledger.limit_clipped[0].max() <= 1e-12


@every_policy
def test_windows_that_begin_later_ask_for_the_same_and_each_bar_is_asked_once(name: str) -> None:
    policy, market = ESTIMATED[name](), uneven_market()
    assert not policy.reads_account
    sets = [holdout_windows(Span(20, 59)), start_index_windows(Span(20, 59), 12)]
    alone = evaluate(policy, market, [start_index_windows(Span(20, 59), 12)], FREE)
    both = evaluate(policy, market, sets, FREE)
    np.testing.assert_array_equal(alone.sets["windows"].ledger.value, both.sets["windows"].ledger.value)


# Awkward markets


@every_policy
def test_one_asset(name: str) -> None:
    policy = (
        Momentum(lookback_steps=LOOKBACK, rebalance_steps=REBALANCE, top_k=1)
        if name == "momentum"
        else ESTIMATED[name]()
    )
    weights = targets(policy, random_market(60, 1))
    assert ((weights >= 0.0) & (weights <= 1.0)).all()
    if name != "kelly":
        np.testing.assert_allclose(weights, 1.0)


@pytest.mark.parametrize(("name", "weight"), [*((name, 0.25) for name in ESTIMATED if name != "kelly"), ("kelly", 0.0)])
def test_prices_that_never_move(name: str, weight: float) -> None:
    close = np.full((60, 4), 100.0)
    np.testing.assert_allclose(targets(ESTIMATED[name](), make_market(close))[LOOKBACK:], weight)


def test_one_asset_that_never_moves() -> None:
    close = random_market(60, 3).panel.close.copy()
    close[:, 1] = 50.0
    np.testing.assert_array_equal(InverseVolatility(lookback_steps=59).estimate(close), [0.0, 1.0, 0.0])
    assert MinimumVariance(lookback_steps=59).estimate(close)[1] > 0.8  # short of one by the shrinkage
    assert np.isfinite(Kelly(lookback_steps=59).estimate(close)).all()


@every_policy
@pytest.mark.parametrize("bars", [3, 11, 21])
def test_a_market_too_short_for_the_lookback_is_refused(name: str, bars: int) -> None:
    with pytest.raises(ConfigError, match=rf"policy.lookback_steps=20: no weights .* {bars} bars .* or a longer"):
        ESTIMATED[name]().bind(random_market(bars, 4))
    ESTIMATED[name]().bind(random_market(22, 4))  # bar 20 decides and earns the return to bar 21


def test_more_places_than_assets_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"policy.top_k=3: the data have 2 symbols \(S0, S1\). Choose at most 2"):
        Momentum(top_k=3).bind(random_market(300, 2))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: InverseVolatility(lookback_steps=1), "policy.lookback_steps=1: must be a whole number between 2 and"),
        (lambda: MinimumVariance(lookback_steps=2), "policy.lookback_steps=2: must be a whole number between 3 and"),
        (lambda: Kelly(rebalance_steps=0), "policy.rebalance_steps=0: must be a whole number between 1 and"),
        (lambda: Momentum(top_k=0), "policy.top_k=0: must be a whole number between 1 and 10000"),
        (lambda: Kelly(cap=1.5), "policy.cap=1.5: must be between 1e-06 and 1"),
        (lambda: Kelly(cap=float("nan")), "policy.cap=nan: must be between 1e-06 and 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(build: Callable[[], Policy], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build()


@every_policy
def test_acting_unbound_is_refused(name: str) -> None:
    with pytest.raises(RlxError, match=f"'{name}': bind it to a market"):
        ESTIMATED[name]().act(observe(random_market(), [30]))


# What they say of themselves


def test_they_describe_themselves() -> None:
    for name, build in ESTIMATED.items():
        policy = build()
        assert isinstance(policy, Policy) and not isinstance(policy, Oracle)
        facts = {"kind": name, "lookback_steps": 20, "rebalance_steps": 10}
        own = {"momentum": {"top_k": 2}, "kelly": {"cap": 0.4}}.get(name, {})
        assert policy.describe() == {**facts, **own}
    assert isinstance(Hindsight(), Oracle)
    assert Hindsight().describe() == {"kind": "hindsight"}
    assert not any(isinstance(policy, Oracle) for policy in (EqualWeight(), BuyAndHold()))
