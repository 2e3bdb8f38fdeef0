"""Shuffled futures: the same bars in another order, and a foresight that is zero on all of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rlx.audit.edges import Book, excess, foresight, foresight_is_exact, static, timing
from rlx.audit.shuffle_check import check_shuffles
from rlx.audit.shuffles import play_shuffled, shuffled
from rlx.data.market import Market
from rlx.data.normalizer import Normalizer
from rlx.data.sources import sample, synthetic
from rlx.data.splits import Span
from rlx.decisions.head import AllocationHead
from rlx.decisions.observation import Observation
from rlx.policies.baselines import Cash, EqualWeight
from rlx.policies.checkpoint import CheckpointPolicy
from rlx.policies.facts import PolicyFacts
from rlx.policies.hindsight import Hindsight
from rlx.policies.networks.mlp import MlpAllocation
from rlx.policies.trailing import Momentum
from rlx.sim import Cooldown, Costs, Guard, Limits, Rules
from rlx.sim.accounts import Accounts
from rlx.types import Accounting, Execution, FloatArray
from tests.audit.test_causality import Peeking
from tests.evaluate.players import FREE, GUARDED, Player

SPAN = Span(100, 180)


def market(seed: int = 1) -> Market:
    return Market(synthetic("random_walk", 4, 190, seed=seed))


def contrarian(observation: Observation) -> FloatArray:
    """Hold what fell over the last bars: after a shuffle without replacement that is worth something on average."""
    fell = observation.features[:, -1, :, 0] < 0.0
    return fell / 4.0


def all_orders(values: FloatArray) -> list[tuple[int, ...]]:
    from itertools import permutations

    return list(permutations(range(len(values))))


def test_a_shuffle_keeps_every_bar_and_what_came_before_the_span() -> None:
    panel = sample("daily9")
    order = np.random.default_rng(0).permutation(300)
    span = Span(1800, 2100)
    other = shuffled(panel, span, order)
    for name in ("open", "high", "low", "close"):
        before, after = getattr(panel, name), getattr(other, name)
        np.testing.assert_array_equal(before[:1801], after[:1801])
        np.testing.assert_array_equal(before[2101:], after[2101:])
        moves, moved = (x[1801:2101] / one.close[1800:2100] for x, one in ((before, panel), (after, other)))
        np.testing.assert_allclose(moved, moves[order], rtol=1e-12)
    assert panel.volume is not None
    assert other.volume is not None
    np.testing.assert_array_equal(other.volume[1801:2101], panel.volume[1801:2101][order])
    np.testing.assert_allclose(other.close[2100], panel.close[2100], rtol=1e-10)
    assert other.low is not None
    assert other.high is not None
    assert (other.low <= other.close).all()
    assert (other.high >= other.close).all()


def test_the_order_as_it_was_gives_the_market_as_it_was() -> None:
    panel = market().panel
    np.testing.assert_allclose(shuffled(panel, SPAN, np.arange(80)).close, panel.close, rtol=1e-12)


def test_edges_by_hand() -> None:
    returns = np.array([[0.10, 0.00], [0.00, 0.20]])
    weights = np.array([[1.0, 0.0], [0.0, 1.0]])
    book = Book(np.array([0.10, 0.20]), np.array([0.09, 0.19]), np.zeros((2, 2)), weights, returns, None)
    equal = Book(np.array([0.05, 0.10]), np.array([0.05, 0.10]), np.zeros((2, 2)), weights * 0 + 0.5, returns, None)
    assert excess(book, equal) == pytest.approx((0.04 + 0.09) / 2)
    assert static(book) == pytest.approx(0.5 * 0.05 + 0.5 * 0.10)
    assert timing(book) == pytest.approx(0.15 - 0.075)
    # Step 0: due is the mean of both bars, 0.05; of the mean weights so far, which are the weights, the same is taken
    # off. Step 1: only its own bar is left, so that nothing is beyond what is due.
    assert foresight(book, FREE) == pytest.approx(0.0)
    late = Book(book.gross_return, book.net_return, book.held_weights, weights, returns[::-1], None)
    assert foresight(late, FREE) == pytest.approx(
        ((0.10 - 0.05 + 0.05) + (0.20 - 0.0)) / 2
    )  # books paid the wrong bars


@pytest.mark.parametrize("execution", list(Execution))
@pytest.mark.parametrize("accounting", list(Accounting))
def test_foresight_over_all_orders_is_zero_whatever_the_rule(execution: Execution, accounting: Accounting) -> None:
    rules = Rules(Costs(commission_bps=20), guard=Guard(0.01, 0.5), execution=execution, accounting=accounting)
    market_, span = Market(sample("daily9", ["SPY", "AAPL", "AIG"], "2020-01-01")), Span(30, 35)  # with real nights
    orders = np.array(all_orders(np.zeros(5)))
    books = list(play_shuffled(Player(contrarian, features=("return_1",)), market_, span, rules, orders))
    assert len(books) == 120
    assert abs(np.mean([foresight(book, rules) for book in books])) < 1e-15
    assert np.mean([timing(book) for book in books]) > 1e-5  # biased, in favour of buying what fell: no proof of a leak
    peeking = list(play_shuffled(Peeking(1), market_, span, rules, orders))
    assert abs(np.mean([foresight(book, rules) for book in peeking])) > 1e-5


def test_foresight_says_nothing_where_the_turnover_guard_sees_the_night() -> None:
    guarded = Rules(guard=Guard(turnover_threshold=0.5), cooldown=Cooldown(steps=3))
    assert foresight_is_exact(guarded)
    at_open = Rules(guard=guarded.guard, cooldown=guarded.cooldown, execution=Execution.next_open)
    assert not foresight_is_exact(at_open)
    assert foresight_is_exact(Rules(guard=guarded.guard, execution=Execution.next_open))
    found = check_shuffles(Peeking(1), market(), SPAN, at_open, permutations=20, seed=0)
    assert found.passed
    assert not found.exact


@pytest.mark.parametrize(
    "policy", [Cash(), EqualWeight(), Hindsight(), Momentum(lookback_steps=20, rebalance_steps=5, top_k=2)]
)
def test_policies_without_foresight_in_timing_pass(policy: Any) -> None:
    found = check_shuffles(policy, market(), SPAN, GUARDED, permutations=40, seed=0)
    assert found.passed
    assert found.foresight is not None
    assert found.excess is not None
    assert found.parts is not None
    parts = found.parts
    assert parts["static"] + parts["timing"] - parts["costs"] == pytest.approx(found.excess.real, abs=1e-12)


def test_constant_weights_have_neither_timing_nor_foresight() -> None:
    found = check_shuffles(EqualWeight(), market(), SPAN, FREE, permutations=20, seed=0)
    for measure in (found.foresight, found.timing, found.excess):
        assert measure is not None
        assert measure.p_value == 1.0
        assert measure.mean_p_value is None


def test_a_peeking_policy_fails_and_its_foresight_is_large() -> None:
    found = check_shuffles(Peeking(1), market(), SPAN, GUARDED, permutations=40, seed=0)
    assert found.passed is False
    assert found.foresight is not None
    assert found.detectable is not None
    assert found.foresight.mean > 10 * found.detectable


def test_books_that_pay_the_bar_before_the_decision_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    # No weight changes with the future then: only the shuffle can show it.
    honest = Accounts.record_step

    def late(accounts: Any, targets: FloatArray, first: int, last: int, record: Any, row: int) -> None:
        accounts.bar -= 1
        honest(accounts, targets, first, last, record, row)
        accounts.bar += 1

    monkeypatch.setattr(Accounts, "record_step", late)
    riser = Player(lambda o: (o.features[:, -1, :, 0] > 0.0) / 4.0, features=("return_1",))
    found = check_shuffles(riser, market(), SPAN, FREE, permutations=40, seed=0)
    assert found.passed is False


def test_a_trading_edge_is_lost_on_shuffled_futures() -> None:
    trending = Market(synthetic("trending", 4, 190, seed=0))
    riser = Player(lambda o: (o.features[:, -1, :, 0] > 0.0) / 4.0, features=("return_1",))
    found = check_shuffles(riser, trending, SPAN, FREE, permutations=40, seed=0)
    assert found.passed
    assert found.timing is not None
    assert found.timing.real > found.timing.p95
    assert found.timing.p_value == pytest.approx(1 / 41)


def test_short_spans_and_no_permutations_are_said_to_be_unmeasured() -> None:
    short = check_shuffles(EqualWeight(), market(), Span(100, 110), FREE, permutations=20, seed=0)
    assert short.passed is None
    assert short.reason is not None
    assert "at least 20 steps" in short.reason
    none = check_shuffles(EqualWeight(), market(), SPAN, FREE, permutations=0, seed=0)
    assert none.passed is None


def checkpoint(market_: Market) -> CheckpointPolicy:
    names = ("return_1", "volatility_21")
    head = AllocationHead(n_assets=4, long_only=True, max_gross=1.0, logit_scale=20.0)
    network = MlpAllocation(head, n_features=2, window_steps=3, hidden_sizes=[8])
    normalizer = Normalizer.fit(names, market_.features(names), slice(0, 100))
    facts = PolicyFacts.of("gymrl", market_, GUARDED, normalizer, 3, {}, {})
    return CheckpointPolicy(facts, network)


@pytest.mark.parametrize("reads_account", [True, False])
def test_a_network_trades_many_futures_at_once_as_it_trades_each_alone(reads_account: bool) -> None:
    import torch

    torch.manual_seed(0)
    market_, rules = market(), replace(GUARDED, limits=Limits(base_gross=0.2))  # pays margin, by the calendar's year
    policy = checkpoint(market_)
    policy.reads_account = reads_account  # the evaluator may ask in another order than that of the accounts
    orders = np.stack([np.random.default_rng(k).permutation(80) for k in range(6)])
    together = list(play_shuffled(policy, market_, SPAN, rules, orders))
    acting = Player(lambda o: policy.act(o), features=policy.feature_names, window_steps=3)
    alone = list(play_shuffled(acting, market_, SPAN, rules, orders))
    assert np.ptp(alone[0].executed_weights, axis=0).max() > 0.01
    for left, right in zip(together, alone, strict=True):
        for name in ("gross_return", "net_return", "held_weights", "executed_weights", "returns", "overnight_returns"):
            np.testing.assert_allclose(getattr(left, name), getattr(right, name), atol=1e-6, err_msg=name)
