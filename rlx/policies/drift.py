"""The drift of weights without trades."""

from __future__ import annotations

import numpy as np

from rlx.sim.rule_numbers import RUIN
from rlx.types import FloatArray


def drifted(weights: FloatArray, growth: FloatArray) -> FloatArray:
    """Return ``weights`` (..., A) after prices grew by the factors ``growth`` (..., A), cash unchanged.

    w g / (1 + sum w (g - 1)): rule 11 of the simulator compounded over several steps. Weights whose equity is used
    up become zero.
    """
    equity = 1.0 + (weights * (growth - 1.0)).sum(axis=-1, keepdims=True)
    return np.where(equity > RUIN, weights * growth / np.maximum(equity, RUIN), 0.0)
