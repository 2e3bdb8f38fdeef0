"""Policies whose orders are filled and closed within the next bar, with hand-worked books."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlx.audit.audit import AuditOptions, audit
from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.decisions.observation import Observation
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.key import comparability_key
from rlx.evaluate.windows import holdout_windows
from rlx.policies.base import Trips
from rlx.policies.baselines import EqualWeight
from rlx.sim import Costs, Ledger, Limits, Rules
from rlx.sim.rules import Guard
from rlx.types import Execution
from tests.evaluate.players import Player, make_market, random_market

COSTS = Costs(commission_bps=10)
SHORT = Limits(long_only=False)


class Orders(Player):
    """Orders whose fills and round trips are given, or follow from the market's next bar."""

    def __init__(self, decide: Any, returns: Any = None, filled: Any = None) -> None:
        super().__init__(decide)
        self.given = (returns, filled)

    def bind(self, market: Market) -> None:
        """Keep the market."""
        self.market = market

    def trips(self) -> Trips:
        """Return the given round trips, or the next returns, filled where they are above 0."""
        returns, filled = self.given
        earned = self.market.returns
        return Trips(
            earned if returns is None else np.array(returns, float),
            (earned > 0.0).astype(float) if filled is None else np.array(filled, float),
        )


class Peeking(Orders):
    """Orders only what will rise."""

    def act(self, observation: Observation) -> Any:
        """Return equal weights in it."""
        return (self.market.returns[np.minimum(observation.bar, self.market.n_bars - 2)] > 0.0) / 3.0


def orders(weights: Any, *given: Any) -> Orders:
    decided = np.array(weights, float)
    return Orders(lambda seen: decided[seen.bar] if decided.ndim == 2 else np.tile(decided, (len(seen.bar), 1)), *given)


def book(policy: Any, market: Market, rules: Rules) -> Ledger:
    return evaluate(policy, market, [holdout_windows(Span(0, market.n_bars - 1))], rules).sets["holdout"].ledger


def test_a_round_trip_pays_both_sides_and_leaves_nothing_overnight() -> None:
    # buy 99, sell 102; buy 101, sell 98; nothing filled: X (1 - f) / (E (1 + f)) with f = 10 bps, one asset
    market = make_market([[100], [102], [98], [96]])
    trips = [[102 / 99 - 1], [98 / 101 - 1], [0.5]], [[1], [1], [0]]
    ledger = book(orders([1.0], *trips), market, Rules(costs=COSTS))
    np.testing.assert_allclose(ledger.net_return[0], [0.02824448, -0.03164163, 0.0], atol=1e-8)
    np.testing.assert_allclose(ledger.turnover[0], [2.0, 2.0, 0.0], atol=5e-3)  # of equity, which costs reduce
    assert not ledger.closing_weights.any()
    assert ledger.executed_weights[0, :, 0].tolist() == [1.0, 1.0, 0.0]


def test_a_short_earns_the_fall() -> None:
    market = make_market([[100, 50], [90, 50]])
    ledger = book(orders([-0.5, 0.0], [[-0.1, 0.0]], [[1, 1]]), market, Rules(limits=SHORT))
    assert ledger.net_return[0, 0] == pytest.approx(0.05, abs=1e-12)


def test_long_only_accounts_refuse_a_short_and_count_it() -> None:
    market = make_market([[100], [90]])
    ledger = book(orders([-1.0], [[-0.1]], [[1]]), market, Rules(limits=Limits(long_only=True)))
    assert ledger.net_return[0, 0] == 0.0 and ledger.limit_clipped[0, 0] == 1.0


def test_a_partial_fill_trades_its_part() -> None:
    market = make_market([[100], [110]])
    ledger = book(orders([1.0], [[0.1]], [[0.5]]), market, Rules())
    assert ledger.net_return[0, 0] == pytest.approx(0.05, abs=1e-12)


def test_the_drawdown_guard_scales_orders() -> None:
    market = make_market([[100], [90], [99]])
    guarded = Rules(guard=Guard(drawdown_threshold=0.05, leverage_scale=0.5))
    ledger = book(orders([1.0], [[-0.1], [0.1]], [[1], [1]]), market, guarded)
    np.testing.assert_allclose(ledger.net_return[0], [-0.1, 0.05], atol=1e-12)


def test_execution_at_the_next_open_is_the_same_because_orders_are_of_the_next_bar() -> None:
    market = random_market()
    panel = market.panel
    with_opens = Market(type(panel)(panel.symbols, panel.timestamps, panel.close, open=panel.close, source="opens"))
    books = [
        book(orders([0.3, 0.3, 0.3]), with_opens, Rules(costs=COSTS, execution=execution)) for execution in Execution
    ]
    np.testing.assert_array_equal(books[0].net_return, books[1].net_return)


def test_the_key_is_that_of_every_other_policy() -> None:
    market, rules = random_market(), Rules(costs=COSTS)
    windows = [holdout_windows(Span(0, 59))]
    keys = [
        comparability_key(market, evaluate(policy, market, windows, rules))["hash"]
        for policy in (orders([0.3, 0.3, 0.3]), EqualWeight())
    ]
    assert keys[0] == keys[1]


def test_an_audit_knows_that_fills_come_after_the_decision() -> None:
    market = random_market(200)
    options = AuditOptions(dates=6, permutations=20, seed=0)
    span = Span(40, 199)

    def passes(policy: Orders) -> bool:
        found = audit(policy, market, span, Rules(costs=COSTS), (), options)
        assert "no known mean on shuffled futures" in found["verdict"]  # fills choose among futures
        return bool(found["passed"])

    assert passes(orders([0.3, 0.3, 0.3]))
    assert not passes(Peeking(None))
