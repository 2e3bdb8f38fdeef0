"""A network that always holds the same long-only mix."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from rlx.decisions.observation import Observation
from rlx.policies.networks.base import PolicyNetwork
from rlx.types import FloatArray


class FixedMix(PolicyNetwork):
    """Softmax of one number per asset, and one for cash."""

    reads_account = False

    def __init__(self, n_assets: int) -> None:
        super().__init__(n_assets=n_assets)
        self.logits = nn.Parameter(torch.zeros(n_assets + 1))

    def mix(self) -> torch.Tensor:
        """Return the weights (A,) without cash."""
        return torch.softmax(self.logits, dim=-1)[:-1]

    def allocate(self, features: FloatArray, observation: Observation) -> FloatArray:
        """Return the mix for each of the accounts, (B, A) float64."""
        mix = self.mix().detach().cpu().numpy().astype(np.float64)
        return np.tile(mix, (features.shape[0], 1))
