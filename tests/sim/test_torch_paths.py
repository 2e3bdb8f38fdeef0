"""All steps at once give what the steps in turn give, values and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings

from rlx.compilation import Compiler
from rlx.sim import Cooldown, Costs, Guard, Limits, Reward, Rules
from rlx.sim.rule_numbers import RUIN, rule_numbers
from rlx.sim.torch_paths import PathPlayer, looks_back
from rlx.sim.torch_state import Step, TorchRules
from tests.sim.markets import market, worlds

OFF = Compiler("off", "cpu")


def players(rules: Rules, like: torch.Tensor, classes: Any = None, epsilon: float = 0.0) -> list[PathPlayer]:
    numbers = rule_numbers(rules, like.shape[-1], 252, asset_classes=classes)
    return [PathPlayer(TorchRules(numbers, like, epsilon), OFF, in_turn=in_turn) for in_turn in (False, True)]


def world_without_memory(world: dict[str, Any]) -> tuple[Rules, Step, torch.Tensor]:
    names = ("costs", "limits", "reward", "accounting", "execution", "drift")
    rules = Rules(**{name: world[name] for name in names})
    series = (world["returns"], world["overnight_returns"], world["cvar"], world["uncertainty"])
    tape = Step(*(None if x is None else torch.as_tensor(x) for x in series))  # type: ignore[arg-type]
    return rules, tape, torch.as_tensor(world["targets"])


@settings(max_examples=60, deadline=None)
@given(world=worlds())
def test_at_once_and_in_turn_are_the_same(world: dict[str, Any]) -> None:
    rules, tape, targets = world_without_memory(world)
    at_once, in_turn = players(rules, targets, world["asset_classes"])
    assert at_once.parallel and not in_turn.parallel
    left, right = at_once(targets, tape), in_turn(targets, tape)
    assert left.keys() == right.keys()
    for name, quantity in right.items():
        torch.testing.assert_close(left[name], quantity, atol=1e-11, rtol=1e-11, msg=name)


@settings(max_examples=30, deadline=None)
@given(world=worlds())
def test_gradients_are_the_same(world: dict[str, Any]) -> None:
    rules, tape, targets = world_without_memory(world)
    gradients = []
    for player in players(rules, targets, world["asset_classes"], epsilon=1e-3):
        asked = targets.clone().requires_grad_()
        outcome = player(asked, tape)
        (outcome["reward"].sum() + outcome["value"].sum() + outcome["turnover"].sum()).backward()
        assert asked.grad is not None
        gradients.append(asked.grad)
    torch.testing.assert_close(*gradients, atol=1e-8, rtol=1e-6)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (Rules(costs=Costs(5), limits=Limits(True), reward=Reward(0.1, 0.1)), False),
        (Rules(guard=Guard(drawdown_threshold=0.1)), True),
        (Rules(guard=Guard(negative_return_threshold=0.0)), True),
        (Rules(cooldown=Cooldown(steps=1)), True),
    ],
)
def test_guards_and_cooldowns_look_back(rules: Rules, expected: bool) -> None:
    assert looks_back(rule_numbers(rules, 2, 252)) is expected


def test_a_ruined_account_does_not_come_back_to_life() -> None:
    returns, targets, _ = market(5, batch=3, steps=6)
    returns[1, 2], targets[1, 2] = -1.0, 1.0
    limits = Limits(intraday_gross=None, closing_gross=None)
    tape, wanted = Step(torch.as_tensor(returns), None, None, None), torch.as_tensor(targets)
    outcome = players(Rules(limits=limits), wanted)[0](wanted, tape)
    assert outcome["ruined"].tolist() == [[False] * 6, [False, False, True, True, True, True], [False] * 6]
    assert outcome["value"][1, 2:].tolist() == [RUIN] * 4
    assert not np.any(outcome["executed_weights"][1, 3:].numpy())
