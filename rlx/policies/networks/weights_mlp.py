"""A multilayer perceptron whose outputs are target weights themselves, as learners from offline data sets use it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch

from rlx.decisions.encoding import encode_observation, observation_size
from rlx.decisions.observation import Observation
from rlx.policies.networks.base import PolicyNetwork
from rlx.policies.networks.mlp import perceptron
from rlx.types import FloatArray


class WeightsMlp(PolicyNetwork):
    """A tanh perceptron over the encoded observation; tanh of its outputs becomes weights from ``low`` to ``high``.

    Weights whose absolute values sum to more than ``max_gross`` are scaled down to it, and none are scaled up: the rest
    is cash.
    """

    def __init__(
        self,
        n_assets: int,
        n_features: int,
        window_steps: int,
        hidden_sizes: Sequence[int],
        low: float,
        high: float,
        max_gross: float,
    ) -> None:
        super().__init__(
            n_assets=n_assets,
            n_features=n_features,
            window_steps=window_steps,
            hidden_sizes=[int(size) for size in hidden_sizes],
            low=low,
            high=high,
            max_gross=max_gross,
        )
        self.low, self.high, self.max_gross = low, high, max_gross
        self.layers = perceptron(observation_size(n_assets, n_features, window_steps), hidden_sizes, n_assets)

    def forward(self, encoded: torch.Tensor) -> torch.Tensor:
        """Return weights (B, A) before the limit on gross exposure, for encoded observations (B, D)."""
        outputs = cast(torch.Tensor, self.layers(encoded))
        return self.low + (self.high - self.low) * 0.5 * (torch.tanh(outputs) + 1.0)

    def allocate(self, features: FloatArray, observation: Observation) -> FloatArray:
        """Encode and decide."""
        with torch.inference_mode():
            asked = self(torch.from_numpy(encode_observation(features, observation))).double().numpy()
        gross = np.abs(asked).sum(axis=1, keepdims=True)
        return np.asarray(asked * np.minimum(1.0, self.max_gross / np.maximum(gross, 1e-12)))
