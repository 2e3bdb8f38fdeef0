"""What a network sees: one encoding of feature window and account state, shared by training and exported policies."""

from __future__ import annotations

import numpy as np

from rlx.types import FloatArray, IntArray

STATE_SCALE = 10.0  # a drawdown or trailing return of ten percent becomes one
STATE_BOUND = 10.0  # every account number is clipped to this absolute value


def observation_size(n_assets: int, n_features: int, window_steps: int) -> int:
    """Return the length D of an encoded observation."""
    return window_steps * n_assets * n_features + 3 * n_assets + 2


def encode(
    window: FloatArray,
    weights: FloatArray,
    drawdown: FloatArray,
    trailing_return: FloatArray,
    cooldown_long: IntArray,
    cooldown_short: IntArray,
) -> FloatArray:
    """Return observations (B, D) float32: the window, then weights, cooldown flags, drawdown and trailing return.

    window: (B, W * A * F) normalized features, oldest bar first. weights, cooldown_long, cooldown_short: (B, A);
    the counters enter as 0 or 1. drawdown, trailing_return: (B,), multiplied by ``STATE_SCALE``.
    """
    batch, n_window = window.shape
    n_assets = weights.shape[1]
    observation = np.empty((batch, n_window + 3 * n_assets + 2), dtype=np.float32)
    observation[:, :n_window] = window
    state = observation[:, n_window:]
    np.clip(weights, -STATE_BOUND, STATE_BOUND, out=state[:, :n_assets], casting="same_kind")
    np.greater(cooldown_long, 0, out=state[:, n_assets : 2 * n_assets], casting="unsafe")
    np.greater(cooldown_short, 0, out=state[:, 2 * n_assets : 3 * n_assets], casting="unsafe")
    np.clip(drawdown * STATE_SCALE, -STATE_BOUND, STATE_BOUND, out=state[:, -2], casting="same_kind")
    np.clip(trailing_return * STATE_SCALE, -STATE_BOUND, STATE_BOUND, out=state[:, -1], casting="same_kind")
    return observation
