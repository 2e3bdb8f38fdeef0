"""A tilt whose members read each asset's bars by a gated recurrent unit, and can sample portfolios around it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rlx.decisions.tilt import TiltHead
from rlx.policies.networks.tilt import TiltNetwork

SMALLEST_PART = 1e-6
"""Parts of a sampled portfolio are at least this: their logarithms are scores."""


class GruTilt(TiltNetwork):
    """Members are gated recurrent units (Cho et al. 2014, arXiv:1406.1078), from a zero state in each window.

    Scores are also the mean of a Dirichlet distribution of portfolios: its parts are ``concentration`` x A x their
    softmax, plus ``min_concentration``. A sampled portfolio is read by the head as the logarithms of its parts.
    """

    rescaling = TiltNetwork.rescaling | {"concentration", "min_concentration"}

    def __init__(
        self,
        head: TiltHead,
        n_features: int,
        window_steps: int,
        smooth_steps: int,
        n_members: int,
        sharpness: float,
        hidden_size: int,
        n_layers: int,
        concentration: float,
        min_concentration: float,
    ) -> None:
        super().__init__(
            lambda lookback: GruEncoder(n_features, lookback, hidden_size, n_layers),
            head,
            n_features,
            window_steps,
            smooth_steps,
            n_members,
            sharpness,
            hidden_size=hidden_size,
            n_layers=n_layers,
            concentration=concentration,
            min_concentration=min_concentration,
        )
        self.concentration, self.min_concentration = concentration, min_concentration

    def concentrations(self, scores: Tensor) -> Tensor:
        """Return the parameters (..., A) of the Dirichlet distribution of portfolios for scores (..., A)."""
        mean = torch.softmax(scores, -1)
        return self.min_concentration + self.concentration * scores.shape[-1] * mean

    def sampled(self, parts: Tensor) -> Tensor:
        """Return the target weights (..., A) of sampled parts (..., A), which add up to one."""
        return self.head.weights(parts.clamp(min=SMALLEST_PART).log())


class GruEncoder(nn.Module):
    """A gated recurrent unit over the last bars of each asset, without knowledge of the others."""

    def __init__(self, n_features: int, lookback: int, hidden_size: int, n_layers: int) -> None:
        super().__init__()
        self.gru = nn.GRU(n_features, hidden_size, n_layers, batch_first=True)
        self.score = nn.Linear(hidden_size, 1, bias=False)
        nn.init.zeros_(self.score.weight)
        self.lookback = lookback

    def forward(self, seen: Tensor) -> Tensor:
        """Return scores (B, L - lookback + 1, A) of relative features (B, L, A, F)."""
        windows = seen.unfold(1, self.lookback, 1).permute(0, 1, 2, 4, 3)  # (B, T, A, lookback, F)
        _, last = self.gru(windows.reshape(-1, *windows.shape[3:]))
        scores: Tensor = self.score(last[-1])
        return scores.view(windows.shape[:3])
