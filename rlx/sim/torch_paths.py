"""Whole paths of target weights on the torch engine: every step at once where no rule looks back, else in turn.

Without guards and cooldowns a step depends on the steps before it only through the weights held, which follow from the
targets and the returns: all T steps of all B accounts are played as B x T accounts of one step.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from rlx.compilation import Compiler
from rlx.sim.entrance import check_shape
from rlx.sim.rule_numbers import RUIN, RuleNumbers
from rlx.sim.torch_engine import advance, apply_limits, close, drift_weights, intraday_returns
from rlx.sim.torch_state import State, Step, TorchRules, initial_state

Advance = Callable[[TorchRules, State, Tensor, Step], tuple[State, dict[str, Tensor]]]
Outcome = dict[str, Tensor]


class PathPlayer:
    """Plays targets (B, T, A) of fresh accounts; ``tape`` is a ``Step`` whose tensors are (B, T, A).

    Returns one (B, T) or (B, T, A) tensor per ledger quantity, differentiable in targets and tape. ``in_turn`` forces
    the step-by-step path, which gives the same numbers. Targets are not checked, which would require waiting for a GPU:
    if they are not finite, neither are the outcome and its gradient, and the learner reports a remedy.
    """

    def __init__(self, rules: TorchRules, compiler: Compiler, *, in_turn: bool = False) -> None:
        self.rules = rules
        self.parallel = not (in_turn or looks_back(rules.settings))
        self._advance = compiler(advance)
        self._play_at_once = compiler(play_at_once)

    def __call__(self, targets: Tensor, tape: Step) -> Outcome:
        """Play the paths; a ruined account stops trading, so a batch with one is played in turn."""
        check_shape("targets", targets, tuple(tape.returns.shape))
        if self.parallel:
            outcome = self._play_at_once(self.rules, targets, tape)
            if not bool(outcome["ruined"].any()):
                return outcome
        return play_in_turn(self.rules, targets, tape, self._advance)


def looks_back(settings: RuleNumbers) -> bool:
    """Return whether a rule depends on the account's past: a guard or a cooldown."""
    return settings.guard_enabled or settings.cooldown_steps > 0


def play_in_turn(rules: TorchRules, targets: Tensor, tape: Step, advance: Advance = advance) -> Outcome:
    """Play T steps one after the other."""
    batch, n_steps, n_assets = targets.shape
    state = initial_state(batch, n_assets, rules.settings.window, targets)
    outcomes = []
    for t in range(n_steps):
        state, outcome = advance(rules, state, targets[:, t], tape.at(t))
        outcomes.append(outcome)
    return {name: torch.stack([outcome[name] for outcome in outcomes], dim=1) for name in outcomes[0]}


def play_at_once(rules: TorchRules, targets: Tensor, tape: Step) -> Outcome:
    """Play T steps as if they were separate accounts, then chain their values.

    Correct for rules that do not look back and accounts that are not ruined; ``ruined`` shows where they are.
    """
    batch, n_steps, n_assets = targets.shape
    flat = tape.map(lambda series: series.reshape(-1, n_assets))
    wanted = targets.reshape(-1, n_assets)
    carried = weights_carried(rules, wanted, flat).view(batch, n_steps, n_assets)
    held = torch.cat((torch.zeros_like(carried[:, :1]), carried[:, :-1]), dim=1)  # an account starts in cash
    fresh = initial_state(batch * n_steps, n_assets, rules.settings.window, targets)
    _, outcome = advance(rules, fresh._replace(weights=held.reshape(-1, n_assets)), wanted, flat)
    outcome = {name: x.view(batch, n_steps, *x.shape[1:]) for name, x in outcome.items()}

    value = outcome["value"].cumprod(dim=1)  # growth: every account began with 1
    peak = value.clamp(min=1.0).cummax(dim=1).values
    drawdown = (peak - value) / peak
    penalised = rules.settings.drawdown_penalty * (drawdown - outcome["drawdown"])
    ruined = (value <= RUIN) | outcome["ruined"]
    return outcome | {
        "value": value,
        "drawdown": drawdown,
        "reward": outcome["reward"] - penalised,
        "ruined": ruined,
    }


def weights_carried(rules: TorchRules, targets: Tensor, step: Step) -> Tensor:
    """Return the weights (B, A) carried out of the step of targets without a guard."""
    closing = close(rules, apply_limits(rules, targets))[0]
    return drift_weights(rules.settings, closing, intraday_returns(rules.settings, step))
