"""The policy that Stable-Baselines3 trains, around the shared actor and critic."""

from __future__ import annotations

import math
from typing import Any

import torch
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule
from torch import nn

from rlx.learners.actor_critic import ActorCritic


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
