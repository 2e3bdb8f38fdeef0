"""A network's input: one encoding of feature window and account state, shared by training and exported policies."""

from __future__ import annotations

import numpy as np

from rlx.decisions.observation import Observation
from rlx.errors import DataError
from rlx.sim.accounts import Accounts
from rlx.sim.compiled import SOURCES, compiled, inlined
from rlx.sim.numba_engine import drawdown_of, trailing_return_of
from rlx.sim.threads import share_accounts
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
    (batch, width), n_assets = window.shape, weights.shape[1]
    observation = np.empty((batch, width + 3 * n_assets + 2), dtype=np.float32)
    window = np.ascontiguousarray(window, dtype=np.float32)
    state = (np.ascontiguousarray(array) for array in (weights, drawdown, trailing_return))
    counters = (np.ascontiguousarray(counter, dtype=np.int64) for counter in (cooldown_long, cooldown_short))
    _write_given(observation, window, *state, *counters)
    return observation


def encode_observation(features: FloatArray, observation: Observation) -> FloatArray:
    """Return the observations (B, D) of a policy's accounts; ``features`` (B, W, A, F) are normalized, float32."""
    return encode(
        features.reshape(features.shape[0], -1),
        observation.weights,
        observation.drawdown,
        observation.trailing_return,
        observation.cooldown_long,
        observation.cooldown_short,
    )


def encode_accounts(
    accounts: Accounts,
    rows: IntArray,
    features: FloatArray,
    window_steps: int,
    noise: FloatArray,
    out: FloatArray | None = None,
) -> FloatArray:
    """Return observations (K, D) float32 of accounts ``rows`` (K,) at their bar's close, as laid out by ``encode``.

    features: (N, A * F) normalized, float32. noise: (K, W * A * F) is added to them; no columns mean no noise. The
    observations are written into ``out`` where it is given; DataError unless it is (K, D) float32.
    """
    bar_width = features.shape[1]
    width, n_assets = window_steps * bar_width, accounts.n_assets
    shape = (rows.size, width + 3 * n_assets + 2)
    observation = np.empty(shape, dtype=np.float32) if out is None else out
    if observation.shape != shape or observation.dtype != np.float32:  # compiled code checks neither
        raise DataError(f"observations are {shape} float32 and do not fit {observation.shape} {observation.dtype}.")
    flat, settings, books, bars = features.reshape(-1), accounts.settings, accounts.books, accounts.bar

    def write(first: int, last: int) -> None:
        _write_books(observation, flat, bar_width, width, settings, books, bars, n_assets, rows, noise, first, last)

    share_accounts(write, 0, rows.size, 1)
    return observation


@inlined
def _bounded(x):  # type: ignore[no-untyped-def]
    x = -STATE_BOUND if x < -STATE_BOUND else x
    return np.float32(STATE_BOUND if x > STATE_BOUND else x)


@inlined
def _write_state(state, weights, cooldown_long, cooldown_short, b, n_assets, drawdown, trailing_return):  # type: ignore[no-untyped-def]
    seen_weights, seen_long, seen_short = state[:n_assets], state[n_assets:], state[2 * n_assets :]
    for a in range(n_assets):
        seen_weights[a] = _bounded(weights[b, a])
    for a in range(n_assets):
        seen_long[a] = 1.0 if cooldown_long[b, a] > 0 else 0.0
    for a in range(n_assets):
        seen_short[a] = 1.0 if cooldown_short[b, a] > 0 else 0.0
    state[3 * n_assets] = _bounded(drawdown * STATE_SCALE)
    state[3 * n_assets + 1] = _bounded(trailing_return * STATE_SCALE)


@compiled
def _write_given(seen, window, weights, drawdown, trailing_return, cooldown_long, cooldown_short, _=SOURCES):  # type: ignore[no-untyped-def]
    width, n_assets = window.shape[1], weights.shape[1]
    for b in range(seen.shape[0]):
        for j in range(width):
            seen[b, j] = window[b, j]
        state = seen[b, width:]
        _write_state(state, weights, cooldown_long, cooldown_short, b, n_assets, drawdown[b], trailing_return[b])


@compiled
def _write_books(seen, features, bar_width, width, s, books, bars, n_assets, rows, noise, first, last, _=SOURCES):  # type: ignore[no-untyped-def]
    long, short = books.cooldown_long, books.cooldown_short
    for k in range(first, last):
        b = rows[k]
        window = features[(bars[b] + 1) * bar_width - width :]
        for j in range(width):
            seen[k, j] = window[j]
        for j in range(noise.shape[1]):
            seen[k, j] += noise[k, j]
        drawdown, trailing_return = drawdown_of(books, b), trailing_return_of(s, books, b)
        _write_state(seen[k, width:], books.weights, long, short, b, n_assets, drawdown, trailing_return)
