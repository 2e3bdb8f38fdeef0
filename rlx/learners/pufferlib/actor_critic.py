"""The policy that PufferLib trains, around the shared actor and critic."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Normal

from rlx.learners.actor_critic import ActorCritic


class PufferPolicy(nn.Module):
    """Maps observations (B, D) to a normal distribution over actions (B, n_actions), and to values (B, 1).

    The standard deviation of the actions is ``action_std``, for all observations.
    """

    def __init__(self, n_signals: int, hidden_size: int, leverage_head: bool, action_std: float) -> None:
        super().__init__()
        self.networks = ActorCritic(n_signals, 1, hidden_size, leverage_head)
        self.action_std = action_std

    def forward(self, observations: Tensor, state: Any = None) -> tuple[Normal, Tensor]:
        """Return the distribution of actions and the values; ``state`` is PufferLib's, for recurrent networks."""
        mean, values = self.networks(observations)
        scale = torch.full_like(mean, self.action_std)
        return Normal(mean, scale, validate_args=False), values  # the simulator refuses NaN

    forward_eval = forward

    def values(self, observations: Tensor) -> Tensor:
        """Return the values (B, 1) only."""
        return self.networks.forward_critic(observations)
