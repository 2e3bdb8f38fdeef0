"""Equal weights plus a tilt of an account that sees what it holds: one small network shared by all assets."""

from __future__ import annotations

import copy
from typing import Self

import torch
from torch import Tensor, nn

from rlx.decisions.encoding import encode
from rlx.decisions.observation import Observation
from rlx.decisions.scores import SCORE_BOUND, ScoreHead
from rlx.decisions.tilt import TiltHead
from rlx.policies.networks.base import PolicyNetwork
from rlx.types import FloatArray

N_STATES = 3  # account numbers of an asset in an encoded observation: weight and two cooldown flags
N_SHARED = 2  # account numbers that concern all assets: drawdown and trailing return


class AccountTilt(PolicyNetwork):
    """Scores assets by ``n_members`` networks, each fitted to a part of the data, and moves to the tilted weights.

    The members' mean score, times ``sharpness``, is the action of a ``ScoreHead`` with that ``speed``. Before training
    all scores are zero.
    """

    symmetric = True
    rescaling = frozenset({"max_gross", "leverage_head", "sharpness", "speed"})

    def __init__(
        self,
        head: TiltHead,
        n_features: int,
        window_steps: int,
        hidden_size: int,
        n_members: int,
        sharpness: float,
        speed: float,
    ) -> None:
        super().__init__(
            n_features=n_features,
            window_steps=window_steps,
            hidden_size=hidden_size,
            n_members=n_members,
            sharpness=sharpness,
            speed=speed,
            **head.bounds(),
        )
        self.head, self.sharpness, self.speed = head, sharpness, speed
        self.inputs = AssetInputs(n_features, window_steps)
        self.members = nn.ModuleList(
            Actor(self.inputs.width, hidden_size, head.leverage_head) for _ in range(n_members)
        )

    def forward(self, encoded: Tensor) -> Tensor:
        """Return the members' mean actions (B, n_actions) for encoded observations (B, D)."""
        own, common = self.inputs(encoded)
        return torch.stack([member(own, common) for member in self.members]).mean(0)

    def allocate(self, features: FloatArray, observation: Observation) -> FloatArray:
        """Encode, act with the mean score, and move towards the tilted weights."""
        batch, n_assets = observation.weights.shape
        head = ScoreHead(n_assets, self.head, self.speed)
        encoded = encode(
            features.reshape(batch, -1),
            observation.weights,
            observation.drawdown,
            observation.trailing_return,
            observation.cooldown_long,
            observation.cooldown_short,
        )
        with torch.inference_mode():
            actions = self(torch.from_numpy(encoded)).numpy()
        actions[:, :n_assets] *= self.sharpness
        return head.targets(actions, observation.weights)

    def among(self, members: slice) -> Self:
        """Return a network that decides by some of the members; it shares their weights."""
        chosen = copy.copy(self)
        chosen._modules = dict(self._modules)
        chosen.members = self.members[members]
        chosen._arguments = {**self._arguments, "n_members": len(chosen.members)}
        return chosen


class AssetInputs(nn.Module):
    """What the networks see of encoded observations (B, D), for any number of assets A.

    ``own`` (B, A, ``width``): each asset's features less their mean over the assets, in units of the buffer ``spread``
    and bar by bar, and A times the weight held, less one; zero if nothing is held. ``common`` (B, ``width`` - 1): the
    means over the assets.
    """

    spread: Tensor

    def __init__(self, n_features: int, window_steps: int) -> None:
        super().__init__()
        self.n_features, self.window_steps = n_features, window_steps
        self.width = n_features * window_steps + 1
        self.register_buffer("spread", torch.ones(n_features))

    def forward(self, encoded: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``own`` and ``common``."""
        n_seen = self.n_features * self.window_steps
        n_assets = (encoded.shape[1] - N_SHARED) // (n_seen + N_STATES)
        features = encoded[:, : n_seen * n_assets].view(-1, self.window_steps, n_assets, self.n_features)
        common = features.mean(2, keepdim=True)
        relative = ((features - common) / self.spread).transpose(1, 2).flatten(2)
        held = encoded[:, n_seen * n_assets : (n_seen + 1) * n_assets]
        holds = held.abs().sum(1, keepdim=True) > 0.0
        tilt = torch.where(holds, n_assets * held - 1.0, torch.zeros_like(held))
        return torch.cat([relative, tilt.unsqueeze(-1)], -1), common.flatten(1)


class Scorer(nn.Module):
    """A tanh perceptron with one hidden layer plus a linear function (..., N) -> (...), which is zero at first.

    ``constant`` is whether a learnt constant is added; the differences of scores do not depend on it.
    """

    def __init__(self, n_inputs: int, hidden_size: int, constant: bool = True) -> None:
        super().__init__()
        self.hidden = nn.Linear(n_inputs, hidden_size)
        self.score = nn.Linear(hidden_size, 1, bias=constant)
        self.linear = nn.Linear(n_inputs, 1, bias=False)
        nn.init.normal_(self.hidden.weight, std=n_inputs**-0.5)
        for zero in (self.hidden.bias, *self.score.parameters(), self.linear.weight):
            nn.init.zeros_(zero)

    def forward(self, seen: Tensor) -> Tensor:
        """Return numbers (...) of inputs (..., N)."""
        scores: Tensor = self.score(torch.tanh(self.hidden(seen))) + self.linear(seen)
        return scores.squeeze(-1)


class Actor(nn.Module):
    """Scores each asset by the same network, and by a second one the exposure, if it is an action too."""

    def __init__(self, width: int, hidden_size: int, leverage_head: bool) -> None:
        super().__init__()
        self.assets = Scorer(width, hidden_size, constant=False)
        self.exposure = Scorer(width - 1, hidden_size) if leverage_head else None

    def forward(self, own: Tensor, common: Tensor) -> Tensor:
        """Return the mean actions (B, n_actions); scores add up to zero, since only their differences matter."""
        raw: Tensor = self.assets(own)
        scores = raw - raw.mean(-1, keepdim=True)
        if self.exposure is not None:
            scores = torch.cat([scores, self.exposure(common).unsqueeze(-1)], -1)
        return scores.clamp(-SCORE_BOUND, SCORE_BOUND)
