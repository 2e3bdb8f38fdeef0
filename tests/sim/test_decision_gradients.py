"""What a guard or a cooldown decides carries no gradient; the scale, clip or penalty it chose does."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import grad
from torch.autograd.functional import jacobian

from rlx.sim import Cooldown, Costs, Guard, Ledger, Limits, Reward, simulate

# Step 0 loses 7.4%, step 3 wins most of it back.
RETURNS = torch.tensor(
    [[-0.10, -0.06], [0.03, 0.01], [0.02, -0.01], [0.12, 0.14], [0.01, 0.02]], dtype=torch.float64
)  # (T, A)
TARGETS = torch.tensor([[0.5, 0.4], [0.4, 0.3], [0.2, 0.6], [0.6, 0.3], [0.3, 0.04]], dtype=torch.float64)
DRAWDOWN = Guard(drawdown_threshold=0.02, leverage_scale=0.6)
COOLDOWN = Cooldown(steps=4, probe_weight=0.05, penalty=0.5)
TURNOVER = Guard(turnover_threshold=0.5, turnover_probe_weight=0.01)

ACCOUNTING = pytest.mark.parametrize("accounting", ["exact", "additive"])
SMOOTHING = pytest.mark.parametrize("epsilon", [0.0, 0.02])
RULES = pytest.mark.parametrize(
    ("guard", "cooldown"),
    [(DRAWDOWN, None), (None, COOLDOWN), (TURNOVER, COOLDOWN), (DRAWDOWN, COOLDOWN)],
    ids=["drawdown", "cooldown", "turnover", "drawdown and cooldown"],
)


def play(targets: Tensor, returns: Tensor = RETURNS, accounting: str = "exact", **rules: Any) -> Ledger:
    return simulate(
        returns,
        targets,
        costs=Costs(50),
        limits=Limits(intraday_gross=None, closing_gross=None),
        reward=Reward(turnover_penalty=0.01, drawdown_penalty=0.1),
        accounting=accounting,
        engine="torch",
        **rules,
    )


def factors(ledger: Ledger) -> Tensor:
    """Return d executed/d target (T, A) as the rules say: the guard's scale, and 0 where a clip decided the weight."""
    scaled = TARGETS * ledger.leverage_scale[:, None]
    in_force = torch.isclose(ledger.executed_weights, scaled, rtol=0.0, atol=1e-12)
    return torch.where(in_force, ledger.leverage_scale[:, None].expand_as(scaled), 0.0).detach()


def test_the_path_is_what_these_tests_mean() -> None:
    assert play(TARGETS, guard=DRAWDOWN).drawdown_guard.tolist() == [False, True, True, True, False]
    assert play(TARGETS, cooldown=COOLDOWN).executed_weights.tolist() == [
        [0.5, 0.4], [0.05, 0.05], [0.05, 0.05], [0.6, 0.05], [0.3, 0.04]
    ]  # fmt: skip
    assert play(TARGETS, guard=TURNOVER, cooldown=COOLDOWN).probe_weight.tolist() == [0.01, 0.01, 0.05, 0.01, 0.05]


@ACCOUNTING
@RULES
def test_executed_weights_answer_to_their_own_target_by_the_factor_chosen(
    guard: Guard | None, cooldown: Cooldown | None, accounting: str
) -> None:
    rules = {"guard": guard, "cooldown": cooldown, "accounting": accounting}
    answers = jacobian(lambda x: play(x, **rules).executed_weights, TARGETS).reshape(10, 10)
    chosen = factors(play(TARGETS, **rules))
    assert 0 < (chosen < 1).sum() < chosen.numel()
    torch.testing.assert_close(answers, torch.diag(chosen.flatten()), rtol=0.0, atol=0.0)


@ACCOUNTING
@SMOOTHING
@RULES
def test_the_gradient_is_that_of_the_path_with_its_decisions_frozen(
    guard: Guard | None, cooldown: Cooldown | None, epsilon: float, accounting: str
) -> None:
    """Ask for the executed weights outright, as the chosen factor of the targets plus what a clip made constant."""
    rules: dict[str, Any] = {"accounting": accounting, "smooth_epsilon": epsilon}
    targets = TARGETS.clone().requires_grad_()
    decided = play(targets, guard=guard, cooldown=cooldown, **rules)
    factor = factors(decided)
    constant = decided.executed_weights.detach() - factor * TARGETS
    frozen = play(factor * targets + constant, **rules)
    same = {
        "value": (decided.value[-1], frozen.value[-1]),
        "turnover": (decided.turnover.sum(), frozen.turnover.sum()),
        "reward": (decided.reward.sum(), (frozen.reward - decided.cooldown_penalty).sum()),
    }
    for name, pair in same.items():
        mine, theirs = (grad(total, targets, retain_graph=True)[0] for total in pair)
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-12, msg=name)


@RULES
def test_executed_weights_have_no_slope_in_past_returns(guard: Guard | None, cooldown: Cooldown | None) -> None:
    slopes = jacobian(lambda r: play(TARGETS, r, guard=guard, cooldown=cooldown).executed_weights, RETURNS)
    assert (slopes == 0.0).all()


@RULES
def test_what_was_decided_carries_no_gradient(guard: Guard | None, cooldown: Cooldown | None) -> None:
    targets, returns = TARGETS.clone().requires_grad_(), RETURNS.clone().requires_grad_()
    ledger = play(targets, returns, guard=guard, cooldown=cooldown)
    for name in ("leverage_scale", "probe_weight", "turnover_penalty", "drawdown_guard", "turnover_guard",
                 "negative_return_guard", "cooldown_long", "cooldown_short"):  # fmt: skip
        assert not getattr(ledger, name).requires_grad, name
    assert ledger.executed_weights.requires_grad and ledger.drawdown.requires_grad


@pytest.mark.parametrize("what", ["return", "target"])
def test_a_move_of_the_drawdown_counts_only_when_it_crosses_the_threshold(what: str) -> None:
    """The loss of step 0 moves the drawdown that the guard sees at step 1, from 7.4% on."""

    def executed_later(loss_factor: float) -> tuple[Tensor, float]:
        returns, targets = RETURNS.clone(), TARGETS.clone()
        (returns if what == "return" else targets)[0] *= loss_factor
        ledger = play(targets, returns, guard=DRAWDOWN)
        return ledger.executed_weights[1:], float(ledger.drawdown[0])

    before, before_drawdown = executed_later(1.0)
    near, near_drawdown = executed_later(0.98)
    assert near_drawdown < before_drawdown - 1e-3
    torch.testing.assert_close(near, before, rtol=0.0, atol=0.0)
    beyond, beyond_drawdown = executed_later(0.1)
    assert beyond_drawdown < 0.02 and not torch.equal(beyond, before)


@ACCOUNTING
def test_a_raised_turnover_penalty_is_a_number_in_the_reward(accounting: str) -> None:
    guard = Guard(window=2, negative_return_threshold=-0.01, negative_return_turnover_penalty=0.2)
    targets = TARGETS.clone().requires_grad_()
    ledger = play(targets, guard=guard, accounting=accounting)
    assert ledger.turnover_penalty.tolist() == [0.01, 0.2, 0.2, 0.01, 0.01]
    penalty = torch.tensor([0.01, 0.2, 0.2, 0.01, 0.01], dtype=torch.float64)
    by_hand = torch.log1p(ledger.net_return) - penalty * ledger.turnover - 0.1 * ledger.drawdown
    torch.testing.assert_close(
        grad(ledger.reward.sum(), targets, retain_graph=True)[0], grad(by_hand.sum(), targets)[0], rtol=1e-12, atol=0.0
    )
