"""The multilayer perceptron over account state and features."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import numpy as np
import torch
from torch import nn

from rlx.decisions.encoding import encode_observation, observation_size
from rlx.decisions.head import AllocationHead
from rlx.decisions.observation import Observation
from rlx.policies.networks.base import PolicyNetwork
from rlx.types import FloatArray


class MlpAllocation(PolicyNetwork):
    """A tanh multilayer perceptron over the encoded observation, followed by an ``AllocationHead``."""

    def __init__(self, head: AllocationHead, n_features: int, window_steps: int, hidden_sizes: Sequence[int]) -> None:
        super().__init__(
            n_assets=head.n_assets,
            n_features=n_features,
            window_steps=window_steps,
            hidden_sizes=[int(size) for size in hidden_sizes],
            **head.bounds(),
        )
        self.head = head
        seen = observation_size(head.n_assets, n_features, window_steps)
        self.layers = perceptron(seen, hidden_sizes, head.n_actions)

    def forward(self, encoded: torch.Tensor) -> torch.Tensor:
        """Return actions (B, n_actions) for encoded observations (B, D)."""
        return cast(torch.Tensor, self.layers(encoded))

    def allocate(self, features: FloatArray, observation: Observation) -> FloatArray:
        """Encode, act with the mean action and read it through the allocation head."""
        encoded = encode_observation(features, observation)
        with torch.inference_mode():
            actions = self(torch.from_numpy(encoded))
        return self.head.weights(np.asarray(actions.numpy()))


def perceptron(n_inputs: int, hidden_sizes: Sequence[int], n_outputs: int) -> nn.Sequential:
    """Return linear layers with tanh between them."""
    widths = [n_inputs, *hidden_sizes]
    layers: list[nn.Module] = []
    for width_in, width_out in pairwise(widths):
        layers += [nn.Linear(width_in, width_out), nn.Tanh()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], n_outputs))
