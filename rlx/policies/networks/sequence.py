"""Networks that read only bars, so that one pass decides for every bar of a sequence."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rlx.decisions.observation import Observation
from rlx.policies.networks.base import PolicyNetwork
from rlx.types import FloatArray

LARGEST_BATCH = 256  # windows in one pass: an evaluation has thousands, and activations are many times their size


class SequenceNetwork(PolicyNetwork):
    """Decides from a window of ``window_steps`` bars of features, regardless of the account.

    A subclass implements ``forward`` and ``targets``. The decision for a bar depends only on its own window, so that
    training on sequences and acting on windows are the same function.
    """

    reads_account = False
    window_steps: int

    def forward(self, features: Tensor) -> Tensor:
        """Return outputs (B, T, n_outputs) of the last T = L - window_steps + 1 bars of ``features`` (B, L, A, F)."""
        raise NotImplementedError

    def targets(self, outputs: Tensor) -> Tensor:
        """Return the deterministic target weights (..., A) for outputs (..., n_outputs)."""
        raise NotImplementedError

    def allocate(self, features: FloatArray, observation: Observation) -> FloatArray:
        """Decide for the last bar of each window."""
        with torch.inference_mode():
            parts = torch.split(torch.from_numpy(features), LARGEST_BATCH)
            weights = torch.cat([self.targets(self(part))[:, -1] for part in parts])
        return np.asarray(weights.numpy(), dtype=np.float64)
