"""Quality of quantile forecasts: pinball loss, coverage, and the climatology that a forecast has to beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rlx.types import FloatArray


def pinball(quantiles: Tensor, outcome: Tensor, levels: Tensor) -> Tensor:
    """Return the pinball loss (...) of quantiles (..., K), averaged over their ``levels`` (K,) (Koenker 2005).

    At level q, it is q x (y - x) if the outcome y is above the quantile x, and (1 - q) x (x - y) if it is below.
    """
    error = outcome.unsqueeze(-1) - quantiles
    loss: Tensor = torch.maximum(levels * error, (levels - 1.0) * error).mean(-1)
    return loss


def coverage(quantiles: Tensor, outcome: Tensor) -> list[float]:
    """Return the share of outcomes (...) at or below each of the quantiles (..., K)."""
    below = (outcome.unsqueeze(-1) <= quantiles).float().flatten(0, -2)
    return [float(share) for share in below.mean(0)]


def climatology(returns: FloatArray, levels: Sequence[float]) -> FloatArray:
    """Return the quantiles (A, K) of past returns (T, A), a forecast that is the same for all dates."""
    return np.asarray(np.quantile(returns, levels, axis=0).T)


def scales(returns: FloatArray) -> FloatArray:
    """Return the standard deviation (A,) of returns (T, A), or 1 for an asset that never moves."""
    deviation = returns.std(axis=0)
    return np.where(deviation > 0.0, deviation, 1.0)
