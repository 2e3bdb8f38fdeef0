"""Scores become target weights: equal weights, fully invested, plus a tilt towards the assets with higher scores."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rlx.decisions.bounds import UNLEVERED_GROSS, largest_gross
from rlx.errors import ConfigError
from rlx.sim.rules import Limits
from rlx.types import FloatArray

INVESTED = 3.0
"""Logit of full exposure: exp(-3) below it, the slope of the logistic function is still a twentieth."""
LEAN = 1.5
"""How far below the mean a score must be for an asset to be sold short."""


@dataclass(frozen=True)
class TiltHead:
    """Maps scores (..., A) of any number of assets to target weights (..., A); equal scores mean equal weights.

    Long-only shares are a softmax of the scores. Long/short shares are in proportion to sinh(``LEAN`` + score less the
    mean score), and their absolute values add up to one: a softmax over buying and selling each asset. ``max_gross`` is
    the largest sum of absolute weights. Exposure is at most min(1, ``max_gross``), or ``max_gross`` with
    ``leverage_head``; an exposure score of 0 means full exposure without leverage.
    """

    long_only: bool
    max_gross: float
    leverage_head: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.max_gross) and self.max_gross > 0.0):
            raise ConfigError(f"limits.intraday_gross={self.max_gross}: a head needs a finite positive limit.")

    @classmethod
    def under(cls, limits: Limits, *, leverage_head: bool = False) -> TiltHead:
        """Return the head for ``limits``; ConfigError for a leverage head without a finite ``intraday_gross``."""
        if limits.intraday_gross is None and leverage_head:
            raise ConfigError(
                "module.leverage_head=true needs a number in limits.intraday_gross: it is the leverage that the head "
                "can reach. Set one, or switch the head off with module.leverage_head=false."
            )
        return cls(limits.long_only, largest_gross(limits), leverage_head)

    def bounds(self) -> dict[str, Any]:
        """Return its parameters by name."""
        return asdict(self)

    @property
    def size(self) -> float:
        """The sum of absolute weights of a fully invested portfolio without leverage."""
        return min(UNLEVERED_GROSS, self.max_gross)

    def weights(self, scores: Tensor, exposure: Tensor | None = None) -> Tensor:
        """Return target weights (..., A) for ``scores`` (..., A) and exposure scores (...), differentiably."""
        shares = self.shares(scores)
        return shares * self.size if exposure is None else shares * self.exposure(exposure).unsqueeze(-1)

    def shares(self, scores: Tensor) -> Tensor:
        """Return shares (..., A) whose absolute values add up to one."""
        if self.long_only:
            return torch.softmax(scores, -1)
        leant = LEAN + scores - scores.mean(-1, keepdim=True)
        largest = leant.detach().abs().amax(-1, keepdim=True)  # divided out: exp() of it may overflow
        odds = torch.exp(leant - largest) - torch.exp(-leant - largest)
        return odds / odds.abs().sum(-1, keepdim=True)

    def exposure(self, score: Tensor) -> Tensor:
        """Return the sum of absolute weights (...) that a fully invested portfolio is scaled to."""
        if self.leverage_head and self.max_gross > UNLEVERED_GROSS:
            neutral = -math.log(self.max_gross / UNLEVERED_GROSS - 1.0)  # logit of 1 / max_gross
            return self.max_gross * torch.sigmoid(score + neutral)
        full = 1.0 / (1.0 + math.exp(-INVESTED))
        return self.size * (torch.sigmoid(score + INVESTED) / full).clamp(max=1.0)

    def numpy_shares(self, scores: FloatArray) -> FloatArray:
        """Return what ``shares`` returns, for arrays and without gradients: environments step thousands of accounts."""
        if self.long_only:
            odds = np.exp(scores - scores.max(axis=-1, keepdims=True))
            return np.asarray(odds / odds.sum(axis=-1, keepdims=True))
        leant = LEAN + scores - scores.mean(axis=-1, keepdims=True)
        largest = np.abs(leant).max(axis=-1, keepdims=True)
        odds = np.exp(leant - largest) - np.exp(-leant - largest)
        return np.asarray(odds / np.abs(odds).sum(axis=-1, keepdims=True))
