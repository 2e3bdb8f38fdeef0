"""The table of the guards is complete, and everything that is derived from it exists."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from rlx.keys import keys
from rlx.sim import Cooldown, Guard, Rules, simulate
from rlx.sim.ledger import Ledger
from rlx.sim.rule_numbers import RuleNumbers
from rlx.sim.rules import GUARDS, GuardRule

ALWAYS = {"drawdown": 0.0, "negative_return": 1.0, "turnover": 0.0}
"""Thresholds that every step meets."""


def test_every_threshold_is_that_of_a_guard() -> None:
    thresholds = {field.name for field in fields(Guard) if field.name.endswith("_threshold")}
    assert thresholds == {rule.threshold for rule in GUARDS}
    assert thresholds <= set(RuleNumbers._fields)


def test_what_a_guard_is_called_elsewhere_exists() -> None:
    quantities = Ledger.names()
    for rule in GUARDS:
        assert rule.flag in quantities and rule.sets in quantities
        assert f"guard/{rule.hit_rate}" in keys()
    assert {name for name in quantities if name.endswith("_guard")} == {rule.flag for rule in GUARDS}


@pytest.mark.parametrize("engine", ["numba", "torch"])
@pytest.mark.parametrize("rule", GUARDS, ids=lambda rule: rule.name)
def test_a_guard_fires_where_it_is_on_and_nowhere_else(rule: GuardRule, engine: str) -> None:
    returns, targets = np.zeros((3, 2)), np.full((3, 2), 0.3)
    for cooldown in (Cooldown(), Cooldown(steps=2)):
        guard = Guard(**{rule.threshold: ALWAYS[rule.name]})  # type: ignore[arg-type]
        ledger = simulate(returns, targets, guard=guard, cooldown=cooldown, engine=engine)
        on = Rules(guard=guard, cooldown=cooldown).is_on(rule)
        assert on is (cooldown.enabled or not rule.needs_cooldown)
        for other in GUARDS:
            assert getattr(ledger, other.flag)[-1] == (on and other is rule), other
