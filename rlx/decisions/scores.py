"""The meaning of a score action: an account moves a part of the way from what it holds to tilted weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from rlx.decisions.tilt import TiltHead
from rlx.errors import ConfigError
from rlx.types import FloatArray

SCORE_BOUND = 10.0
"""Largest absolute score: exp() of it concentrates all weight in one asset."""


class ActionHead(Protocol):
    """What reads the actions of an environment: numbers in [-``bound``, ``bound``] become target weights."""

    @property
    def n_actions(self) -> int:
        """Number of action components."""
        ...

    @property
    def bound(self) -> float:
        """Largest absolute value of a component."""
        ...

    def targets(self, actions: FloatArray, held: FloatArray) -> FloatArray:
        """Return target weights (B, A) for actions (B, n_actions) of accounts that hold ``held`` (B, A)."""
        ...


@dataclass(frozen=True)
class ScoreHead:
    """Reads actions (B, n_actions) as scores of the assets, and with a leverage head as one exposure score more.

    The shares of the target are those held, moved ``speed`` of the way to ``tilt``'s shares for the scores, so that
    trading is slow and does not follow every change of the scores. An account that holds nothing counts as one that
    holds equal weights.
    """

    n_assets: int
    tilt: TiltHead
    speed: float = 1.0
    bound: float = SCORE_BOUND

    def __post_init__(self) -> None:
        if not 0.0 < self.speed <= 1.0:
            raise ConfigError(f"module.speed={self.speed}: must be above 0 and at most 1.")

    @property
    def n_actions(self) -> int:
        """Number of action components: the assets, and the exposure."""
        return self.n_assets + int(self.tilt.leverage_head)

    def targets(self, actions: FloatArray, held: FloatArray) -> FloatArray:
        """Return target weights (B, A) float64 for finite ``actions``, clipped to the bound, and weights ``held``."""
        bounded = np.clip(np.asarray(actions, dtype=np.float64), -self.bound, self.bound)
        before = self.shares_held(held)
        shares = before + self.speed * (self.tilt.numpy_shares(bounded[:, : self.n_assets]) - before)
        return np.asarray(shares * self._exposure(bounded))

    def shares_held(self, held: FloatArray) -> FloatArray:
        """Return the shares (B, A) that weights ``held`` (B, A) are of the exposure; equal ones if nothing is held.

        In long-only accounts, what a guard or a limit has sold counts as held: the policy did not decide to sell it.
        """
        gross = np.abs(held).sum(axis=1, keepdims=True)
        size = gross if self.tilt.long_only else np.maximum(gross, self.tilt.size)
        equal: FloatArray = np.full_like(held, 1.0 / self.n_assets)
        np.divide(held, size, out=equal, where=np.broadcast_to(gross > 0.0, held.shape))
        return equal

    def _exposure(self, bounded: FloatArray) -> FloatArray | float:
        if not self.tilt.leverage_head:
            return self.tilt.size
        return np.asarray(self.tilt.exposure(torch.from_numpy(bounded[:, -1:])).numpy())
