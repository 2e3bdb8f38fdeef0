"""The actor and the critic of PPO: networks shared by the assets."""

from __future__ import annotations

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
