"""Guards whose effect is known: one that must help, one that must harm, and one that does nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rlx.errors import ConfigError
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.protocols.guard_ab import GuardAb, GuardContest, compare_guards, judge_guard, window_groups
from rlx.evaluate.windows import WINDOWS, WindowSet
from rlx.measures.evaluation import Evaluation
from rlx.measures.window_differences import Difference
from rlx.policies.baselines import EqualWeight
from rlx.sim.rules import Guard, Rules
from rlx.types import FloatArray
from tests.evaluate.players import make_market

BARS, STEPS = 400, 20
HALVES = Guard(drawdown_threshold=0.03, leverage_scale=0.5)
PROTOCOL = GuardAb(guards=["none", "other"], window_steps=STEPS, bootstrap_replications=200)
SETS = (WindowSet("holdout", np.array([0]), BARS - 1), WindowSet(WINDOWS, np.arange(BARS - STEPS), STEPS))


def played(returns: FloatArray, guard: Guard) -> Evaluation:
    """Return equal weight of one asset, which holds it, played without costs under a guard."""
    closes = 100.0 * np.cumprod(np.concatenate(([1.0], 1.0 + returns)))
    return evaluate(EqualWeight(), make_market(closes[:, None]), SETS, Rules(guard=guard))


def contest(returns: FloatArray, **guards: Guard) -> GuardContest:
    control = played(returns, Guard())
    return compare_guards(
        {"none": control, **{name: played(returns, guard) for name, guard in guards.items()}}, control, PROTOCOL
    )


def falling() -> FloatArray:
    """Return steps that lose about 1% each: less exposure is better in every window."""
    return np.random.default_rng(0).normal(-0.01, 0.002, BARS - 1)


def rebounding() -> FloatArray:
    """Return steps that fall by 5% and recover by 6% alternately: a guard sells each low and misses the recovery."""
    return np.where(np.arange(BARS - 1) % 2 == 0, -0.05, 0.06) + np.random.default_rng(1).normal(0, 0.001, BARS - 1)


def test_a_guard_in_a_market_that_keeps_falling_helps() -> None:
    against = contest(falling(), other=HALVES).summary["guards"]["other"]["against_control"]
    for group in ("all", "stressed", "calm"):
        assert against[group]["verdict"] == "helps"
        assert against[group]["return"]["low"] > 0 > against[group]["max_drawdown"]["high"]


def test_a_guard_that_sells_every_low_harms() -> None:
    against = contest(rebounding(), other=HALVES).summary["guards"]["other"]["against_control"]
    assert against["all"]["verdict"] == "harms"
    assert against["all"]["return"]["high"] < 0


def test_a_guard_that_never_fires_leaves_no_evidence() -> None:
    summary = contest(falling(), other=Guard(drawdown_threshold=0.99)).summary
    guard = summary["guards"]["other"]
    assert guard["windows"]["all"]["drawdown_hit_rate"] == 0.0
    for group in ("all", "stressed", "calm"):
        against = guard["against_control"][group]
        assert against["verdict"] == "no evidence"
        assert [against[name]["estimate"] for name in ("return", "max_drawdown", "turnover")] == [0.0, 0.0, 0.0]


def test_a_negative_return_guard_fires_and_changes_no_trade() -> None:
    guard = contest(falling(), other=Guard(negative_return_threshold=0.0)).summary["guards"]["other"]
    assert guard["windows"]["all"]["negative_return_hit_rate"] == pytest.approx(
        0.95, abs=0.01
    )  # all but the first step
    assert guard["against_control"]["all"]["verdict"] == "no evidence"


def test_deltas_are_those_of_a_window_played_by_hand() -> None:
    returns, found = falling(), contest(falling(), other=HALVES)
    value, peak, path = 1.0, 1.0, []
    for r in returns[37 : 37 + STEPS]:
        value *= 1.0 + r * (0.5 if (peak - value) / peak >= 0.03 else 1.0)
        peak = max(peak, value)
        path.append(value)
    unguarded = np.cumprod(1.0 + returns[37 : 37 + STEPS])
    assert found.deltas["other"]["return"][37] == pytest.approx(path[-1] - unguarded[-1])
    assert found.deltas["other"]["max_drawdown"][37] == pytest.approx(unguarded.min() - min(path))
    means = found.summary["guards"]["other"]["windows"]["all"]
    assert means["min_leverage_scale"] == 0.5 < means["mean_leverage_scale"] < 1.0


def test_a_guard_is_described_by_group_of_windows() -> None:
    rising_then_falling = np.concatenate((np.full(290, 0.001), falling()[290:]))
    did = contest(rising_then_falling, other=HALVES).summary["guards"]["other"]["windows"]
    scales = {group: (did[group]["min_leverage_scale"], did[group]["drawdown_hit_rate"] > 0) for group in did}
    assert scales == {"all": (0.5, True), "stressed": (0.5, True), "calm": (1.0, False)}


def test_comparisons_are_counted_and_corrected_together() -> None:
    one = contest(rebounding(), a=HALVES).summary
    two = contest(rebounding(), a=HALVES, b=replace(HALVES, leverage_scale=0.4)).summary
    assert (one["comparisons"], two["comparisons"]) == (9, 18)
    p = [x["guards"]["a"]["against_control"]["calm"]["return"] for x in (one, two)]
    assert p[0]["p_value"] == p[1]["p_value"]
    assert p[0]["p_adjusted"] <= p[1]["p_adjusted"] and p[0]["p_value"] <= p[0]["p_adjusted"]


def test_stressed_windows_are_the_third_in_which_the_market_fell_deepest() -> None:
    returns = np.full(BARS - 1, 0.001)
    returns[200] = -0.2
    groups = window_groups(played(returns, Guard()))
    assert np.flatnonzero(groups["stressed"]).tolist() == list(range(181, 201))  # the others did not fall at all
    returns[::7] = -0.01 * (1.0 + np.arange(len(returns[::7])) / 10.0)
    groups = window_groups(played(returns, Guard()))
    assert groups["stressed"].sum() == pytest.approx(380 / 3, abs=8)
    assert (groups["stressed"] ^ groups["calm"]).all() and groups["all"].all()


def test_windows_that_are_not_a_test_are_counted() -> None:
    control = played(falling(), Guard())
    stamps = control.sets["holdout"].timestamps[0]
    span = (stamps[0], stamps[30])  # holds the decisions 0 .. 29
    fit = {"first": str(stamps[0]), "last": str(stamps[10])}
    summary = compare_guards(
        {"none": control, "other": control}, control, PROTOCOL, seen={"trained": span}, fits={"other": fit}
    ).summary
    assert summary["windows"]["policy_made_on"] == 30
    assert summary["guards"]["other"]["fit"]["windows_fitted_on"] == 10
    assert "fit" not in summary["guards"]["none"]


def difference(sign: int) -> Difference:
    return Difference(0.1 * sign, p_adjusted=0.001) if sign else Difference(0.1, p_adjusted=0.2)


@pytest.mark.parametrize(
    ("drawdown", "earned", "verdict"),
    [
        *[(-1, 0, "helps"), (-1, 1, "helps"), (0, 1, "helps"), (1, 0, "harms"), (0, -1, "harms"), (1, -1, "harms")],
        *[(-1, -1, "mixed"), (1, 1, "mixed"), (0, 0, "no evidence")],
    ],
)
def test_the_verdict_follows_its_rule(drawdown: int, earned: int, verdict: str) -> None:
    assert judge_guard(difference(drawdown), difference(earned), 0.05) == verdict


@pytest.mark.parametrize(
    ("guards", "expected"),
    [
        (["none"], r"protocol.guards=\[none\]: name two guards or more"),
        ([], r"protocol.guards=\[\]: name two guards or more"),
        (["none", "initial", "none"], "none listed more than once"),
    ],
)
def test_a_comparison_needs_two_guards(guards: Any, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        GuardAb(guards=guards)
