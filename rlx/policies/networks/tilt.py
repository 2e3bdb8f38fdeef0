"""Equal weights plus a tilt: the common part of networks whose members score the assets by shared weights."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Self, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from rlx.decisions.observation import Observation
from rlx.decisions.tilt import TiltHead
from rlx.policies.networks.sequence import LARGEST_BATCH, SequenceNetwork
from rlx.types import FloatArray


class TiltNetwork(SequenceNetwork):
    """Holds equal weights plus a tilt, by the mean score of ``n_members`` networks, each fitted to a part of the data.

    A member sees each asset's features less their mean over the assets, in units of the buffer ``spread``. Its encoder
    sees ``window_steps`` - ``smooth_steps`` + 1 bars and scores the last one; the scores of ``smooth_steps`` bars are
    averaged with weights that decay at a learnt speed. Weights are shared by the assets, so a network can act on any
    number of them. Before training all scores are zero. ``sharpness`` multiplies the scores of decisions: the penalty
    that keeps noise out makes them too small. With ``tilts`` False the network holds equal weights.
    """

    symmetric = True
    rescaling = frozenset({"max_gross", "sharpness", "tilts", "leverage_head"})
    spread: Tensor

    def __init__(
        self,
        encoder: Callable[[int], nn.Module],
        head: TiltHead,
        n_features: int,
        window_steps: int,
        smooth_steps: int,
        n_members: int,
        sharpness: float,
        tilts: bool,
        **own: Any,
    ) -> None:
        super().__init__(
            n_features=n_features,
            window_steps=window_steps,
            smooth_steps=smooth_steps,
            n_members=n_members,
            sharpness=sharpness,
            tilts=tilts,
            **head.bounds(),
            **own,
        )
        self.head, self.window_steps = head, window_steps
        self.sharpness, self.tilts = sharpness, tilts
        lookback = window_steps - smooth_steps + 1
        self.members = nn.ModuleList(Member(encoder(lookback), n_features, smooth_steps) for _ in range(n_members))
        self.register_buffer("spread", torch.ones(n_features))

    def forward(self, features: Tensor) -> Tensor:
        """Return scores (B, T, A) of ``features`` (B, L, A, F), an equal part of the batch by each member in turn."""
        seen = self.relative(features)
        parts = seen.chunk(len(self.members))
        return torch.cat([member(part) for member, part in zip(self.members, parts, strict=True)])

    def targets(self, outputs: Tensor) -> Tensor:
        """Return target weights (..., A) for scores (..., A)."""
        return self.head.weights(self.sharpness * outputs)

    def relative(self, features: Tensor) -> Tensor:
        """Return normalized features (..., A, F) less their mean over the assets, in units of ``spread``."""
        return (features - features.mean(-2, keepdim=True)) / self.spread

    def fit_spread(self, features: Tensor) -> None:
        """Set ``spread`` to the standard deviation of the relative ``features`` (N, A, F)."""
        self.spread.copy_(relative_spread(features))

    def decide(self, features: Tensor) -> Tensor:
        """Return the weights (B, T, A) by the members' mean score; equal weights if the network does not tilt."""
        seen = self.relative(features)
        scores = torch.stack([member(seen) for member in self.members]).mean(0)
        return self.targets(scores if self.tilts else torch.zeros_like(scores))

    def allocate(self, features: FloatArray, observation: Observation) -> FloatArray:
        """Decide for the last bar of each window."""
        with torch.inference_mode():
            parts = torch.split(torch.from_numpy(features), LARGEST_BATCH)
            weights = torch.cat([self.decide(part)[:, -1] for part in parts])
        return np.asarray(weights.numpy(), dtype=np.float64)

    def decide_all(self, features: FloatArray) -> FloatArray:
        """Return the weights (T, A) float64 of every bar with a whole window in ``features`` (W - 1 + T, A, F)."""
        with torch.inference_mode():
            weights = self.decide(torch.from_numpy(features)[None])[0]
        return np.asarray(weights.numpy(), dtype=np.float64)

    def among(self, members: slice) -> Self:
        """Return a network that decides by some of the members; it shares their weights."""
        chosen = copy.copy(self)
        chosen._modules = dict(self._modules)
        chosen.members = cast(nn.ModuleList, self.members[members])
        chosen._arguments = {**self._arguments, "n_members": len(chosen.members)}
        return chosen

    def tilting(self, tilts: bool) -> Self:
        """Return the same network that tilts, or holds equal weights; it shares the weights."""
        chosen = copy.copy(self)
        chosen.tilts = tilts
        chosen._arguments = {**self._arguments, "tilts": tilts}
        return chosen


SMALLEST_SPREAD = 1e-6


def relative_spread(features: Tensor) -> Tensor:
    """Return the standard deviation (F,) of ``features`` (N, A, F) less their mean over the assets; 1 where it is 0."""
    deviation = (features - features.mean(-2, keepdim=True)).square().mean((0, 1)).sqrt()
    return torch.where(deviation > SMALLEST_SPREAD, deviation, torch.ones_like(deviation))


class Member(nn.Module):
    """Scores assets by an encoder plus a linear function of the last bar, and averages the latest scores."""

    def __init__(self, encoder: nn.Module, n_features: int, smooth_steps: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.linear = nn.Linear(n_features, 1, bias=False)
        nn.init.zeros_(self.linear.weight)
        self.speed = nn.Parameter(torch.zeros(()))
        self.smooth_steps = smooth_steps

    def forward(self, seen: Tensor) -> Tensor:
        """Return scores (B, T, A) of relative features (B, L, A, F); those of a bar add up to zero."""
        encoded: Tensor = self.encoder(seen)  # (B, T + smooth_steps - 1, A)
        scores = encoded + self.linear(seen[:, seen.shape[1] - encoded.shape[1] :]).squeeze(-1)
        return self.smoothed(scores - scores.mean(-1, keepdim=True))

    def smoothed(self, scores: Tensor) -> Tensor:
        """Return the average (B, T, A) of the last ``smooth_steps`` scores, with weights s, s(1 - s), s(1 - s)^2, ..."""
        ages = torch.arange(self.smooth_steps - 1, -1, -1, device=scores.device)
        kernel = torch.softmax(ages * functional.logsigmoid(-self.speed.float()), 0).to(scores)
        batch, length, n_assets = scores.shape
        series = scores.transpose(1, 2).reshape(batch * n_assets, 1, length)
        averaged = functional.conv1d(series, kernel.view(1, 1, -1))
        return averaged.view(batch, n_assets, -1).transpose(1, 2)
