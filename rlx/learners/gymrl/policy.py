"""The actor and the critic that Stable-Baselines3 trains: networks shared by the assets."""

from __future__ import annotations

import math
from typing import Any

import torch
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule
from torch import Tensor, nn

from rlx.policies.networks.account_tilt import Actor, AssetInputs, Scorer


class ActorCritic(nn.Module):
    """Mean actions (B, n_actions) and values (B, 1) of encoded observations (B, D).

    The critic is the mean over the assets of a network of its own.
    """

    def __init__(self, n_features: int, window_steps: int, hidden_size: int, leverage_head: bool) -> None:
        super().__init__()
        self.inputs = AssetInputs(n_features, window_steps)
        self.actor = Actor(self.inputs.width, hidden_size, leverage_head)
        self.critic = Scorer(self.inputs.width, hidden_size)

    def forward(self, encoded: Tensor) -> tuple[Tensor, Tensor]:
        """Return both."""
        own, common = self.inputs(encoded)
        return self.actor(own, common), self._value(own)

    def forward_actor(self, encoded: Tensor) -> Tensor:
        """Return the mean actions only."""
        actions: Tensor = self.actor(*self.inputs(encoded))
        return actions

    def forward_critic(self, encoded: Tensor) -> Tensor:
        """Return the values only."""
        return self._value(self.inputs(encoded)[0])

    def scorers(self) -> list[Scorer]:
        """Return the networks, which may compute in another precision."""
        return [module for module in self.modules() if isinstance(module, Scorer)]

    def _value(self, own: Tensor) -> Tensor:
        values: Tensor = self.critic(own)
        return values.mean(-1, keepdim=True)


class SharedPolicy(ActorCriticPolicy):
    """SB3's policy with an ``ActorCritic`` and normal noise of standard deviation ``action_std`` on the actions.

    SB3 reads hidden layers through ``mlp_extractor`` and applies one layer to each result. Here the extractor is the
    whole network, and those layers pass its results on.
    """

    def __init__(self, *given: Any, action_std: float, shapes: dict[str, Any], **options: Any) -> None:
        self._action_std, self._shapes = action_std, shapes
        super().__init__(*given, **options)

    def _build(self, lr_schedule: Schedule) -> None:
        self.mlp_extractor = ActorCritic(**self._shapes)  # type: ignore[assignment]
        self.action_net, self.value_net = nn.Identity(), nn.Identity()  # type: ignore[assignment]
        n_actions = self.action_space.shape[0]  # type: ignore[index]
        self.log_std = nn.Parameter(torch.full((n_actions,), math.log(self._action_std)), requires_grad=False)
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        self.optimizer = self.optimizer_class(trained, lr=lr_schedule(1), **self.optimizer_kwargs)  # type: ignore[call-arg]
