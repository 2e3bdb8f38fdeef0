"""Trades read off a ledger: hand-worked once, and adding up to its turnover and cost under any rules."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given

from rlx.sim import Costs, Limits, Rules, simulate
from rlx.sim.rule_numbers import rule_numbers
from rlx.sim.trades import trades_of
from rlx.types import Accounting
from tests.sim.markets import worlds

RULES = ("costs", "limits", "guard", "cooldown", "reward", "accounting", "execution", "drift")


def test_by_hand() -> None:
    # All cash into half and half; +10% and -10% earn nothing and drift to 0.55 and 0.45; then sell all of the first.
    rules = Rules(costs=Costs(commission_bps=100), limits=Limits(intraday_gross=None, closing_gross=None))
    returns, targets = np.array([[[0.1, -0.1], [0.0, 0.0]]]), np.array([[[0.5, 0.5], [0.0, 0.4]]])
    ledger = simulate(returns, targets, costs=rules.costs, limits=rules.limits)
    trades, at_the_close = trades_of(ledger, returns, rule_numbers(rules, 2, 252.0))
    np.testing.assert_allclose(trades.weights_before[0], [[0.0, 0.0], [0.55, 0.45]], atol=1e-12)
    np.testing.assert_allclose(trades.weights_after[0], targets[0])
    first = 1.0 / 1.01  # equity kept: mu = 1 - 0.01 mu
    second = (1.0 - 0.01 * 0.55 - 0.01 * 0.45) / (1.0 - 0.01 * 0.4)  # both sold: mu = 1 - 0.01 (1 - 0.4 mu)
    expected = [[0.5 * first, 0.5 * first], [-0.55, 0.4 * second - 0.45]]
    np.testing.assert_allclose(trades.traded[0], expected, atol=1e-12)
    np.testing.assert_allclose(trades.cost, 0.01 * np.abs(trades.traded), atol=1e-15)
    assert not at_the_close.traded.any()


@given(worlds())
def test_they_add_up_to_the_turnover_and_cost_of_the_ledger(world: dict[str, Any]) -> None:
    ledger = simulate(**world, engine="numba")
    returns = world["returns"]
    rules = Rules(**{name: world[name] for name in RULES if name in world and world[name] is not None})
    settings = rule_numbers(rules, returns.shape[-1], world.get("periods_per_year", 252))
    legs = trades_of(ledger, returns, settings, world.get("overnight_returns"))
    turnover = sum(np.abs(leg.traded).sum(axis=-1) for leg in legs)
    np.testing.assert_allclose(turnover, ledger.turnover, atol=1e-9)
    target, close = (leg.cost.sum(axis=-1) for leg in legs)
    exact = Accounting(rules.accounting) is Accounting.exact
    cost = 1.0 - (1.0 - target) * (1.0 - close) if exact else target + close
    np.testing.assert_allclose(cost, ledger.trading_cost, atol=1e-9)
    np.testing.assert_array_equal(legs[0].weights_after, ledger.executed_weights)
    np.testing.assert_allclose(legs[1].weights_after, ledger.closing_weights, atol=1e-12)


def test_a_ruined_account_has_nothing_to_sell() -> None:
    rules = Rules(limits=Limits(intraday_gross=None, closing_gross=None))
    returns, targets = np.array([[[-0.6], [0.1], [0.1]]]), np.full((1, 3, 1), 2.0)  # twice levered into -60%
    ledger = simulate(returns, targets, costs=rules.costs, limits=rules.limits)
    trades, _ = trades_of(ledger, returns, rule_numbers(rules, 1, 252.0))
    np.testing.assert_array_equal(trades.traded[0, :, 0], [2.0, 0.0, 0.0])
    np.testing.assert_array_equal(trades.weights_before[0, :, 0], 0.0)
