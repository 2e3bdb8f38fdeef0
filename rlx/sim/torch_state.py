"""The data of the torch engine: accounts, the market's side of a step, and the rules as tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from rlx.sim.rule_numbers import RuleNumbers


class State(NamedTuple):
    """The state of a batch of accounts between steps."""

    weights: Tensor  # (B, A) fractions of equity
    value: Tensor  # (B,) equity, 1 at the start
    peak: Tensor  # (B,)
    past_values: Tensor  # (B, window) value before each of the last steps, oldest first
    cooldown_long: Tensor  # (B, A) steps left, in the floating type: integer vectors are slow on a CPU
    cooldown_short: Tensor  # (B, A)
    steps: Tensor  # () int64, steps taken so far: a plain number would recompile the step for each


class Step(NamedTuple):
    """The market's side of one step: returns and, optionally, the forecasts that shape the reward."""

    returns: Tensor  # (B, A)
    overnight: Tensor | None  # (B, A) close to open, for next_open execution
    cvar: Tensor | None  # (B, A)
    uncertainty: Tensor | None  # (B, A)

    def map(self, change: Callable[[Tensor], Tensor]) -> Step:
        """Return the step with ``change`` applied to every tensor that is not None."""
        returns, *others = (None if series is None else change(series) for series in self)
        assert returns is not None
        return Step(returns, *others)

    def at(self, t: int) -> Step:
        """Return step ``t`` of a tape, a ``Step`` whose tensors are (B, T, A)."""
        return self.map(lambda series: series[:, t])


def initial_state(batch: int, n_assets: int, window: int, like: Tensor) -> State:
    """Return fresh accounts: all cash, value and peak 1, no past."""
    one = torch.ones(batch, dtype=like.dtype, device=like.device)
    counters = torch.zeros(batch, n_assets, dtype=like.dtype, device=like.device)
    weights = torch.zeros(batch, n_assets, dtype=like.dtype, device=like.device)
    past_values = torch.ones(batch, window, dtype=like.dtype, device=like.device)
    steps = torch.zeros((), dtype=torch.int64, device=like.device)
    return State(weights, one, one.clone(), past_values, counters, counters.clone(), steps)


class TorchRules:
    """``RuleNumbers`` with its arrays as tensors, and the choice of a smooth absolute value."""

    def __init__(self, settings: RuleNumbers, like: Tensor, smooth_epsilon: float = 0.0) -> None:
        self.settings = settings
        self.cost_rate = torch.as_tensor(settings.cost_rate, dtype=like.dtype, device=like.device)
        self.is_crypto = torch.as_tensor(settings.is_crypto, device=like.device)
        self.smooth_epsilon = smooth_epsilon

    def absolute(self, x: Tensor) -> Tensor:
        """Return |x|, or sqrt(x^2 + epsilon^2) - epsilon, which has a gradient at zero, when smoothing is on."""
        if self.smooth_epsilon == 0.0:
            return x.abs()
        return torch.sqrt(x * x + self.smooth_epsilon**2) - self.smooth_epsilon

    def sign(self, x: Tensor) -> Tensor:
        """Return the derivative of ``absolute``."""
        return torch.sign(x) if self.smooth_epsilon == 0.0 else x / torch.sqrt(x * x + self.smooth_epsilon**2)
