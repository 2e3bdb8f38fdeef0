"""The actor and the critic of the PPO stage."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Normal

HIDDEN_GAIN, ACTION_GAIN, VALUE_GAIN = math.sqrt(2.0), 0.01, 1.0


class ActorCritic(nn.Module):
    """Separate tanh networks for mean action and value, as in Stable-Baselines3's MlpPolicy.

    Observations (B, D) are mapped to a normal distribution over actions (B, n_actions), whose standard deviation is the
    same for all observations, and to values (B, 1). Initial weights are orthogonal; those of the actor's last layer
    are small.
    """

    def __init__(self, n_observations: int, n_actions: int, hidden_sizes: Sequence[int], log_std_init: float) -> None:
        super().__init__()
        self.actor_hidden = _hidden(n_observations, hidden_sizes)
        self.critic_hidden = _hidden(n_observations, hidden_sizes)
        width = hidden_sizes[-1] if hidden_sizes else n_observations
        self.action_mean = _linear(width, n_actions, ACTION_GAIN)
        self.value = _linear(width, 1, VALUE_GAIN)
        self.log_std = nn.Parameter(torch.full((n_actions,), log_std_init))

    def forward(self, observations: Tensor, state: Any = None) -> tuple[Normal, Tensor]:
        """Return the distribution of actions and the values; ``state`` is PufferLib's, for recurrent networks."""
        mean = self.action_mean(self.actor_hidden(observations))
        scale = self.log_std.exp().expand_as(mean)
        return Normal(mean, scale, validate_args=False), self.values(observations)  # the simulator refuses NaN

    forward_eval = forward

    def values(self, observations: Tensor) -> Tensor:
        """Return the values (B, 1) only."""
        return torch.as_tensor(self.value(self.critic_hidden(observations)))

    def actor_layers(self) -> list[nn.Module]:
        """Return the layers from observation to mean action, in order."""
        return [*self.actor_hidden, self.action_mean]

    def hidden_layers(self) -> tuple[nn.Module, nn.Module]:
        """Return the hidden layers of actor and critic, which may compute in another precision."""
        return self.actor_hidden, self.critic_hidden


def _hidden(width: int, hidden_sizes: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for size in hidden_sizes:
        layers += [_linear(width, size, HIDDEN_GAIN), nn.Tanh()]
        width = size
    return nn.Sequential(*layers)


def _linear(n_in: int, n_out: int, gain: float) -> nn.Linear:
    layer = nn.Linear(n_in, n_out)
    nn.init.orthogonal_(layer.weight, gain)
    nn.init.zeros_(layer.bias)
    return layer
