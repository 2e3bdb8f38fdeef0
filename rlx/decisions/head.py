"""The meaning of a network's action: raw numbers in [-1, 1] become target weights within the gross limit."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rlx.decisions.bounds import LOGIT_SCALE, UNLEVERED_GROSS, largest_gross
from rlx.errors import ConfigError
from rlx.ranges import check
from rlx.sim.entrance import given
from rlx.sim.rules import Limits
from rlx.types import FloatArray


@dataclass(frozen=True)
class AllocationHead:
    """Maps actions (B, n_actions) to target weights (B, n_assets).

    ``max_gross`` is the largest sum of absolute weights. With ``leverage_head`` the last action component scales
    gross exposure linearly from 0 (at -1) to ``max_gross`` (at +1); without one, gross is at most
    min(1, ``max_gross``). Long-only shares are a softmax of ``logit_scale`` times the actions over the assets and
    cash; long/short shares are the actions themselves, scaled down where their absolute values sum to more than one.
    """

    n_assets: int
    long_only: bool
    max_gross: float
    leverage_head: bool = False
    logit_scale: float = 2.0

    def __post_init__(self) -> None:
        if self.n_assets < 1:
            raise ConfigError(f"n_assets={self.n_assets}: an allocation needs at least one asset.")
        if not (math.isfinite(self.max_gross) and self.max_gross > 0.0):
            raise ConfigError(f"limits.intraday_gross={self.max_gross}: an allocation needs a finite positive limit.")
        check("module.logit_scale", self.logit_scale, LOGIT_SCALE)

    @classmethod
    def under(cls, limits: Limits, n_assets: int, *, leverage_head: bool, logit_scale: float) -> AllocationHead:
        """Return the head for ``limits``; ConfigError for a leverage head without a finite ``intraday_gross``."""
        if limits.intraday_gross is None and leverage_head:
            raise ConfigError(
                "module.leverage_head=true needs a number in limits.intraday_gross: it is the leverage that the head "
                "can reach. Set one, or switch the head off with module.leverage_head=false."
            )
        return cls(n_assets, limits.long_only, largest_gross(limits), leverage_head, logit_scale)

    def over(self, n_assets: int) -> AllocationHead:
        """Return the same head for another number of assets."""
        return replace(self, n_assets=n_assets)

    def bounds(self) -> dict[str, Any]:
        """Return its parameters by name, except the number of assets."""
        numbers = asdict(self)
        del numbers["n_assets"]
        return numbers

    @property
    def bound(self) -> float:
        """Largest absolute value of an action component."""
        return 1.0

    @property
    def n_actions(self) -> int:
        """Number of action components: the assets, cash when long-only, and the leverage component."""
        return self.n_assets + int(self.long_only) + int(self.leverage_head)

    def weights(self, actions: FloatArray) -> FloatArray:
        """Return target weights (B, n_assets) float64 for ``actions`` (B, n_actions), clipped to [-1, 1].

        DataError for actions of another shape or kind, or that are not finite.
        """
        return self.targets(given("actions", actions, (None, self.n_actions)))

    def targets(self, actions: FloatArray, held: FloatArray | None = None) -> FloatArray:
        """Do the same with actions known to be finite and of that shape; what is ``held`` has no effect."""
        bounded = np.clip(np.asarray(actions, dtype=np.float64), -1.0, 1.0)
        shares = self._long_shares(bounded) if self.long_only else self._signed_shares(bounded[:, : self.n_assets])
        if not self.leverage_head:
            return shares * min(UNLEVERED_GROSS, self.max_gross)
        leverage: FloatArray = self.max_gross * 0.5 * (bounded[:, -1:] + 1.0)
        return shares * leverage

    def _long_shares(self, actions: FloatArray) -> FloatArray:
        scores = np.exp(self.logit_scale * actions[:, : self.n_assets + 1])  # (B, A + cash), bounded by exp(scale)
        shares: FloatArray = scores[:, : self.n_assets] / scores.sum(axis=1, keepdims=True)
        return shares

    @staticmethod
    def _signed_shares(actions: FloatArray) -> FloatArray:
        shares: FloatArray = actions / np.maximum(1.0, np.abs(actions).sum(axis=1, keepdims=True))
        return shares

    def tensor_weights(self, actions: Tensor) -> Tensor:
        """Return the same as ``weights`` for ``actions`` (..., n_actions) within [-1, 1], differentiably."""
        if self.long_only:
            shares = torch.softmax(self.logit_scale * actions[..., : self.n_assets + 1], -1)[..., : self.n_assets]
        else:
            signed = actions[..., : self.n_assets]
            shares = signed / signed.abs().sum(-1, keepdim=True).clamp(min=1.0)
        if not self.leverage_head:
            return shares * min(UNLEVERED_GROSS, self.max_gross)
        return shares * (self.max_gross * 0.5 * (actions[..., -1:] + 1.0))
