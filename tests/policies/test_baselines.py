from __future__ import annotations

import numpy as np
import pytest

from rlx.data.market import Market
from rlx.data.panel import MarketPanel
from rlx.policies.base import Policy
from rlx.policies.baselines import BuyAndHold, Cash, EqualWeight, standard_baselines
from rlx.policies.drift import drifted
from rlx.sim.accounts import Accounts
from rlx.sim.rules import Costs, Guard, Rules
from tests.envs.tasks import make_market
from tests.policies.acting import observe

DOUBLING = np.array([[100.0, 100.0], [200.0, 100.0], [400.0, 100.0]])


def doubling_market() -> Market:
    days = np.array(["2020-01-06", "2020-01-07", "2020-01-08"], dtype="datetime64[ns]")
    return Market(MarketPanel(("UP", "FLAT"), days, DOUBLING))


def play(policy: Policy, market: Market, rules: Rules, steps: int) -> Accounts:
    policy.bind(market)
    policy.reset(1)
    accounts = Accounts.of(market, rules, 1)
    accounts.reset(np.array([0]))
    for step in range(steps):
        state = {"weights": accounts.weights.copy(), "step": np.array([step])}
        accounts.step(policy.act(observe(market, [step], policy, **state)))
    return accounts


def test_every_baseline_is_a_policy_with_a_name_of_its_own() -> None:
    baselines = standard_baselines()
    assert [policy.name for policy in baselines] == ["equal_weight", "buy_and_hold", "cash"]
    assert all(isinstance(policy, Policy) for policy in baselines)
    assert [policy.describe()["kind"] for policy in baselines] == [policy.name for policy in baselines]


def test_hand_worked_growth() -> None:
    # UP doubles twice, FLAT does not move: rebalanced 1.5 x 1.5, held (4 + 1) / 2, cash 1.
    for policy, value in ((EqualWeight(), 2.25), (BuyAndHold(), 2.5), (Cash(), 1.0)):
        assert play(policy, doubling_market(), Rules(), 2).value[0] == pytest.approx(value, rel=1e-12)


def test_buy_and_hold_trades_once() -> None:
    rules = Rules(costs=Costs(commission_bps=100.0))
    market = make_market(n_assets=3)
    growth = (market.panel.close[50] / market.panel.close[0]).mean()
    # one purchase of everything: equity / (1 + 1%) is invested, and nothing is paid after that
    assert play(BuyAndHold(), market, rules, 50).value[0] == pytest.approx(growth / 1.01, rel=1e-6)


def test_buy_and_hold_is_restored_when_a_guard_lets_go() -> None:
    market = make_market()
    policy = BuyAndHold()
    policy.bind(market)
    cut = {"weights": np.full((1, 3), 0.05), "step": np.array([7])}
    assert policy.act(observe(market, [20], policy, **cut)).sum() == pytest.approx(1.0)
    guarded = Rules(guard=Guard(drawdown_threshold=0.0, leverage_scale=0.5))  # fires at every step
    assert play(policy, market, guarded, 30).weights.sum() == pytest.approx(0.5, abs=0.02)


def test_drift_by_hand_and_composed() -> None:
    weights = np.array([0.5, 0.25])  # a quarter in cash
    np.testing.assert_allclose(drifted(weights, np.array([2.0, 1.0])), [1.0 / 1.5, 0.25 / 1.5])
    first, second = np.array([1.1, 0.9]), np.array([0.7, 1.3])
    np.testing.assert_allclose(drifted(drifted(weights, first), second), drifted(weights, first * second))
    np.testing.assert_array_equal(drifted(np.array([2.0]), np.array([0.4])), [0.0])  # -20% equity: used up
