"""Policies that decide one after the other, and decisions made in advance, compared with play bar by bar."""

from __future__ import annotations

import numpy as np
import pytest

from rlx.data.market import Market
from rlx.data.normalizer import Normalizer
from rlx.data.splits import Span
from rlx.policies.base import Policy
from rlx.policies.baselines import EqualWeight
from rlx.policies.checkpoint import CheckpointPolicy
from rlx.policies.consecutive import Ahead, Consecutive
from rlx.policies.facts import PolicyFacts
from rlx.sim.rules import Rules
from rlx.testing import check_policy
from tests.envs.tasks import ALL_RULES, FEATURES, make_market
from tests.learners.fitting import played
from tests.policies.acting import observe
from tests.policies.test_tilt_networks import attention, gru, shaken

SPAN, EDGES = Span(40, 100), (40, 60, 80)


def trained(market: Market, members: slice, make: object = attention) -> CheckpointPolicy:
    normalizer = Normalizer.fit(FEATURES, market.features(FEATURES), slice(10, 100))
    facts = PolicyFacts.of("own", market, Rules(), normalizer, 5, {}, {"trained": Span(9, 99)})
    return CheckpointPolicy(facts, shaken(make(n_members=3)).among(members))  # type: ignore[operator]


def members(market: Market) -> list[CheckpointPolicy]:
    return [trained(market, slice(i, i + 1)) for i in range(3)]


@pytest.mark.parametrize("make", [attention, gru])
def test_decisions_in_advance_are_those_of_play_bar_by_bar(make: object) -> None:
    market = make_market()
    policy = trained(market, slice(0, 3), make)
    ahead = Ahead(policy, SPAN)
    ledgers = [played(one, market, ALL_RULES, SPAN) for one in (policy, ahead)]
    assert ledgers[0].turnover.sum() > 1.0
    np.testing.assert_allclose(ledgers[1].executed_weights, ledgers[0].executed_weights, atol=1e-5)
    np.testing.assert_allclose(ledgers[1].value, ledgers[0].value, rtol=1e-6)
    assert ahead.name == policy.name and ahead.describe() == policy.describe()
    assert ahead.window_steps == 0 and not ahead.reads_account  # it is not shown what it does not need


@pytest.mark.parametrize("advance", [False, True])
def test_each_policy_decides_from_its_first_bar_to_the_next(advance: bool) -> None:
    market = make_market()
    policies: list[Policy] = list(members(market))
    if advance:
        spans = [Span(first, first + 20) for first in EDGES]
        policies = [Ahead(policy, span) for policy, span in zip(members(market), spans, strict=True)]
    ledger = played(Consecutive(policies, EDGES), market, Rules(), SPAN)
    for first, policy in zip(EDGES, members(market), strict=True):
        alone = played(policy, market, Rules(), SPAN).executed_weights[first - 40 : first - 20]
        np.testing.assert_allclose(ledger.executed_weights[first - 40 : first - 20], alone, atol=1e-5)
    first, second = (played(policy, market, Rules(), SPAN).executed_weights for policy in members(market)[:2])
    assert not np.allclose(first, second, atol=0.01)  # it matters who decides


def test_accounts_at_different_bars_are_decided_by_different_policies() -> None:
    market = make_market()
    one, two, three = members(market)
    both = Consecutive([one, two, three], EDGES)
    both.bind(market)
    both.reset(5)
    observation = observe(market, [80, 40, 59, 99, 60], one)
    expected = [policy.act(observation)[row] for row, policy in enumerate((three, one, one, three, two))]
    np.testing.assert_allclose(both.act(observation), expected, atol=1e-5)
    early = observe(market, [20], one)
    np.testing.assert_array_equal(both.act(early), one.act(early))  # before the first bar, the first policy


def test_it_keeps_the_promises_of_a_policy_and_says_what_it_is_made_of() -> None:
    market = make_market()
    both = Consecutive(members(market)[:2], EDGES[:2])
    check_policy(both, market)
    assert both.feature_names == FEATURES and both.window_steps == 5 and not both.reads_account
    described = both.describe()
    assert described["kind"] == "consecutive" and described["first_bars"] == [40, 60]
    assert described["policies"] == [policy.describe() for policy in both.policies]


def test_it_reads_the_account_if_one_of_its_policies_may() -> None:
    one = members(make_market())[0]
    assert not Consecutive([one, one], EDGES[:2]).reads_account
    assert Consecutive([one, EqualWeight()], EDGES[:2]).reads_account  # which does not state what it reads
