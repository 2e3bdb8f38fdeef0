"""Does a policy decide for every account, reproducibly and causally?"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from rlx.app.contestant import make_ready
from rlx.audit.causality import check_causality
from rlx.data.market import Market
from rlx.data.sources import synthetic
from rlx.data.splits import Span
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.windows import HOLDOUT, WindowSet
from rlx.files import to_json
from rlx.policies.base import Oracle, Policy
from rlx.sim.rules import Costs, Rules

COSTS = Costs(commission_bps=5.0)
STEPS = 12


def check_policy(policy: Policy, market: Market | None = None) -> None:
    """Assert that a policy can be judged: its decisions are weights, reproducible, independent and causal.

    ``market`` is one that it can trade, by default a random walk of three assets over 400 days. An oracle may know
    the future and nothing else. AssertionError names the violation; errors that the policy raises are not caught.
    """
    market = Market(synthetic("random_walk", 3, 400)) if market is None else market
    assert isinstance(policy, Policy), "it lacks a member of rlx.policies.base.Policy"
    assert policy.name and isinstance(policy.feature_names, tuple), "name and feature_names (a tuple) must be given"
    make_ready(policy, market, COSTS)
    assert json.loads(json.dumps(to_json(policy.describe()))), "describe() must return facts that JSON can represent"
    first = max(market.first_bar(policy.feature_names, policy.window_steps), 1)
    starts = np.linspace(first, market.n_bars - 1 - STEPS, 4).astype(int)
    together = _weights(policy, market, starts)
    assert np.array_equal(together, _weights(policy, market, starts)), "two plays of the same windows differ"
    for number, start in enumerate(starts):
        alone = _weights(policy, market, starts[number : number + 1])[0]
        assert np.allclose(alone, together[number], atol=1e-5), f"decisions from bar {start} depend on other accounts"
    if not isinstance(policy, Oracle):
        _check_causality(policy, market, Span(first, market.n_bars - 1))


def _weights(policy: Policy, market: Market, starts: Any) -> Any:
    """Return the weights held, (B, T, A)."""
    windows = WindowSet(HOLDOUT, starts, STEPS)
    return evaluate(policy, market, (windows,), Rules(costs=COSTS)).sets[HOLDOUT].ledger.executed_weights


def _check_causality(policy: Policy, market: Market, span: Span) -> None:
    found, _ = check_causality(policy, market, span, Rules(costs=COSTS), (), dates=3, seed=0)
    leaks = [group.first for group in found.groups if group.first is not None]
    assert not leaks, f"it looks ahead: {leaks[0]}"
