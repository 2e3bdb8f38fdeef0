"""The arrays that compiled accounts live in: their books, the market tape and working space."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rlx.types import FloatArray, IntArray


class Books(NamedTuple):
    """The state of B accounts, changed in place by every step."""

    weights: FloatArray  # (B, A)
    value: FloatArray  # (B,)
    peak: FloatArray  # (B,)
    past_values: FloatArray  # (B, window) ring: slot steps % window holds the value ``window`` steps ago
    cooldown_long: IntArray  # (B, A)
    cooldown_short: IntArray  # (B, A)
    steps: IntArray  # (B,)


class Tape(NamedTuple):
    """The market by step, T rows of A assets; tapes that are not there have no rows."""

    returns: FloatArray
    overnight: FloatArray
    cvar: FloatArray
    uncertainty: FloatArray


class Scratch(NamedTuple):
    """Working arrays of one account's step, (A,) each."""

    held: FloatArray
    limited: FloatArray
    own_return: FloatArray
    earned: FloatArray


def open_books(batch: int, n_assets: int, window: int) -> Books:
    """Return fresh accounts: all cash, value and peak 1, no past."""
    return Books(
        weights=np.zeros((batch, n_assets)),
        value=np.ones(batch),
        peak=np.ones(batch),
        past_values=np.ones((batch, window)),
        cooldown_long=np.zeros((batch, n_assets), dtype=np.int64),
        cooldown_short=np.zeros((batch, n_assets), dtype=np.int64),
        steps=np.zeros(batch, dtype=np.int64),
    )


def make_scratch(n_assets: int) -> Scratch:
    """Return working arrays for markets of ``n_assets``."""
    return Scratch(*(np.zeros(n_assets) for _ in Scratch._fields))
