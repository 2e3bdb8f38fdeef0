"""The ridge baseline: it finds what is there, holds equal weights where nothing is, and reads no future."""

from __future__ import annotations

import numpy as np
import pytest

from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.data.synthetic import known_market, synthetic
from rlx.errors import ConfigError, RlxError
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.known_answer import expected_growth, limited, reference
from rlx.evaluate.windows import HOLDOUT, holdout_windows
from rlx.policies.ridge import Ridge
from rlx.sim.rules import Costs, Rules
from rlx.testing import check_policy

COSTS = Costs(slippage_bps=5.0, margin_annual=0.065, short_borrow_annual=0.003)
TEST = Span(3_080, 6_080)


def played(kind: str, seed: int, **options: object) -> tuple[float, Ridge, float]:
    """Return the share of the attainable gain that ridge captures, ridge, and its expected gain a year."""
    known = known_market(kind, seed=seed)
    market, rules = Market(known.panel), limited(Rules(costs=COSTS), known)
    policy = Ridge(long_only=known.kind.long_only, **options)
    policy.charge(COSTS)
    policy.bind(market)
    ledger = evaluate(policy, market, (holdout_windows(TEST),), rules).sets[HOLDOUT].ledger.select(0)
    best, growth = reference(known, TEST, rules), expected_growth(ledger, known, TEST)
    return best.share(growth), policy, growth - best.equal_weight


@pytest.mark.parametrize(("kind", "share"), [("mom1", 0.85), ("vol1", 0.9), ("pair", 0.6)])
def test_it_captures_most_of_what_is_there(kind: str, share: float) -> None:
    found, policy, _ = played(kind, seed=1)
    assert found > share
    assert all(fit["acts"] for fit in policy.describe()["fits"].values())


@pytest.mark.parametrize("kind", ["noise", "trap"])
def test_it_harms_nothing_where_nothing_is(kind: str) -> None:
    _, policy, gain = played(kind, seed=2)
    assert gain == pytest.approx(0.0, abs=1e-6)  # equal weights, step for step
    assert not any(fit["acts"] for fit in policy.describe()["fits"].values())


def test_without_the_gate_it_trades_on_noise_and_loses() -> None:
    _, policy, gain = played("noise", seed=2, gate_level=None)
    assert gain < -0.002 and all(fit["acts"] for fit in policy.describe()["fits"].values())


def test_it_keeps_the_promises_of_a_policy() -> None:
    check_policy(Ridge(gate_level=None), Market(synthetic("mom1", 3, 700)))


def test_before_the_first_fit_the_weights_are_equal() -> None:
    market = Market(synthetic("mom1", 4, 700, seed=3))
    policy = Ridge(gate_level=None)
    policy.charge(COSTS)
    policy.bind(market)
    weights = evaluate(policy, market, (holdout_windows(Span(100, 200)),), Rules(costs=COSTS)).sets[HOLDOUT]
    np.testing.assert_allclose(weights.ledger.executed_weights, 0.25)
    assert policy.describe()["fits"] == {}


def test_what_it_cannot_do_without_is_named() -> None:
    with pytest.raises(RlxError, match=r"call charge\(costs\)"):
        Ridge().bind(Market(synthetic("noise", n_bars=700)))
    policy = Ridge()
    policy.charge(COSTS)
    with pytest.raises(ConfigError, match=r"policy\.refit_steps=252: the last refit is at bar 252 of 400, with 189"):
        policy.bind(Market(synthetic("noise", n_bars=400)))
