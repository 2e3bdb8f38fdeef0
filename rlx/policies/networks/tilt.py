"""Equal weights plus a tilt: the common part of networks whose members score the assets by shared weights."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from rlx.decisions.observation import Observation
from rlx.decisions.tilt import TiltHead
from rlx.errors import ConfigError
from rlx.policies.networks.sequence import LARGEST_BATCH, SequenceNetwork
from rlx.types import FloatArray

SMALLEST_SPREAD = 1e-6
TIMER_WIDTH = 8


class TiltNetwork(SequenceNetwork):
    """Holds equal weights plus a tilt, by the mean score of ``n_members`` networks, each fitted to a part of the data.

    A member sees each asset's features less their mean over the assets, in units of the buffer ``spread``. Its encoder
    sees ``window_steps`` - ``smooth_steps`` + 1 bars and scores the last one; the scores of ``smooth_steps`` bars are
    averaged with weights that decay at a learnt speed. Weights are shared by the assets, so a network can act on any
    number of them. Before training all scores are zero. ``sharpness`` multiplies the scores of decisions: the penalty
    that keeps noise out makes them too small. With a leverage head or ``times_market`` a ``Timer`` of each member
    scores the exposure.
    """

    symmetric = True
    rescaling = frozenset({"max_gross", "sharpness", "leverage_head"})
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
        **own: Any,
    ) -> None:
        super().__init__(
            n_features=n_features,
            window_steps=window_steps,
            smooth_steps=smooth_steps,
            n_members=n_members,
            sharpness=sharpness,
            **head.bounds(),
            **own,
        )
        if smooth_steps > window_steps:
            raise ConfigError(f"smooth_steps={smooth_steps}: must be at most window_steps={window_steps}.")
        self.head, self.window_steps = head, window_steps
        self.sharpness = sharpness
        lookback = window_steps - smooth_steps + 1
        self.members = nn.ModuleList(Member(encoder(lookback), n_features, smooth_steps) for _ in range(n_members))
        timed = head.leverage_head or own.get("times_market", False)
        self.timers = nn.ModuleList(Timer(n_features, lookback, smooth_steps) for _ in range(n_members if timed else 0))
        self.register_buffer("spread", torch.ones(n_features))

    def forward(self, features: Tensor) -> Tensor:
        """Return scores (B, T, A) of ``features`` (B, L, A, F), an equal part of the batch by each member in turn."""
        return by_part(self.members, self.relative(features))

    def exposure(self, features: Tensor) -> Tensor | None:
        """Return exposure scores (B, T) in the same way; None if the network does not time the market."""
        return by_part(self.timers, features.mean(-2)) if len(self.timers) else None

    def targets(self, outputs: Tensor, exposure: Tensor | None = None) -> Tensor:
        """Return target weights (..., A) for scores (..., A) and exposure scores (...)."""
        return self.head.weights(self.sharpness * outputs, exposure)

    def relative(self, features: Tensor) -> Tensor:
        """Return normalized features (..., A, F) less their mean over the assets, in units of ``spread``."""
        return (features - features.mean(-2, keepdim=True)) / self.spread

    def fit_spread(self, features: Tensor) -> None:
        """Set ``spread`` to the standard deviation of the relative ``features`` (N, A, F)."""
        self.spread.copy_(relative_spread(features))

    def decide(self, features: Tensor) -> Tensor:
        """Return the weights (B, T, A) by the members' mean score."""
        seen = self.relative(features)
        scores = torch.stack([member(seen) for member in self.members]).mean(0)
        if not len(self.timers):
            return self.targets(scores)
        common = features.mean(-2)
        return self.targets(scores, torch.stack([timer(common) for timer in self.timers]).mean(0))

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

    def parameters_by_member(self) -> list[list[nn.Parameter]]:
        """Return the parameters of each member and its timer."""
        timers = self.timers or [nn.Module()] * len(self.members)
        return [[*member.parameters(), *timer.parameters()] for member, timer in zip(self.members, timers, strict=True)]

    def among(self, members: slice) -> Self:
        """Return a network that decides by some of the members; it shares their weights."""
        chosen = copy.copy(self)
        chosen._modules = dict(self._modules)
        chosen.members, chosen.timers = self.members[members], self.timers[members]
        chosen._arguments = {**self._arguments, "n_members": len(chosen.members)}
        return chosen


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
        return smoothed(scores - scores.mean(-1, keepdim=True), self.speed, self.smooth_steps)


class Timer(nn.Module):
    """Scores the exposure to the market by a small perceptron of the assets' mean features, averaged over time."""

    def __init__(self, n_features: int, lookback: int, smooth_steps: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(n_features, TIMER_WIDTH)
        self.score = nn.Linear(TIMER_WIDTH, 1, bias=False)
        nn.init.zeros_(self.score.weight)
        self.speed = nn.Parameter(torch.zeros(()))
        self.lookback, self.smooth_steps = lookback, smooth_steps

    def forward(self, common: Tensor) -> Tensor:
        """Return exposure scores (B, T) of features (B, L, F)."""
        scores = self.score(torch.tanh(self.hidden(common[:, self.lookback - 1 :])))
        return smoothed(scores, self.speed, self.smooth_steps).squeeze(-1)


def by_part(members: nn.ModuleList, seen: Tensor) -> Tensor:
    """Return the outputs of a batch of which each member in turn takes an equal part."""
    parts = seen.chunk(len(members))
    return torch.cat([member(part) for member, part in zip(members, parts, strict=True)])


def smoothed(scores: Tensor, speed: Tensor, steps: int) -> Tensor:
    """Return the average (B, T, A) of the last ``steps`` scores (B, T + steps - 1, A), with weights s (1 - s)^age.

    ``speed`` is the logit of s.
    """
    ages = torch.arange(steps - 1, -1, -1, device=scores.device)
    kernel = torch.softmax(ages * functional.logsigmoid(-speed.float()), 0).to(scores)
    batch, length, n_assets = scores.shape
    series = scores.transpose(1, 2).reshape(batch * n_assets, 1, length)
    averaged = functional.conv1d(series, kernel.view(1, 1, -1))
    return averaged.view(batch, n_assets, -1).transpose(1, 2)
