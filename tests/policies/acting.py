"""Observations made by hand, for the tests of policies."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlx.data.market import Market
from rlx.decisions.observation import Observation
from rlx.types import FloatArray


def observe(market: Market, bars: list[int], policy: Any = None, **state: Any) -> Observation:
    """Return fresh accounts at ``bars``, with the features ``policy`` asks for and ``state`` overriding fields."""
    batch, n_assets = len(bars), market.n_assets
    bar = np.array(bars, dtype=np.int64)
    names = () if policy is None else policy.feature_names
    steps = 0 if policy is None else policy.window_steps
    features = np.zeros((batch, steps, n_assets, 0), dtype=np.float32)
    if names:
        features = market.features(names)[bar[:, None] + np.arange(1 - steps, 1)]
    fields: dict[str, Any] = {
        "features": features,
        "weights": np.zeros((batch, n_assets)),
        "value": np.ones(batch),
        "drawdown": np.zeros(batch),
        "trailing_return": np.zeros(batch),
        "cooldown_long": np.zeros((batch, n_assets), dtype=np.int64),
        "cooldown_short": np.zeros((batch, n_assets), dtype=np.int64),
        "bar": bar,
        "timestamp": market.timestamps[bar],
        "step": np.zeros(batch, dtype=np.int64),
    }
    return Observation(**{**fields, **state})


def closes(*returns: list[float]) -> FloatArray:
    """Return closes (L+1, A) from 100 on, from one list of returns an asset."""
    growth = np.cumprod(1.0 + np.array(returns).T, axis=0)
    return 100.0 * np.vstack([np.ones(len(returns)), growth])
