"""The arrays of compiled accounts: their books, the market tape, the record and working space.

Arrays over assets that only the engine reads are padded to a multiple of ``LANES`` with assets that are never held, so
that loops over them are whole vector instructions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from rlx.sim.ledger import SCALARS, Ledger
from rlx.sim.rule_numbers import RuleNumbers
from rlx.types import FloatArray, IntArray

LANES = 8  # one cache line of float64, a multiple of every vector width


class Books(NamedTuple):
    """The state of B accounts, changed in place by every step; P is the padded number of assets."""

    weights: FloatArray  # (B, P)
    value: FloatArray  # (B,)
    peak: FloatArray  # (B,)
    past_values: FloatArray  # (B, window) ring, in which ``oldest`` points at the value ``window`` steps ago
    oldest: IntArray  # (B,)
    cooldown_long: IntArray  # (B, P)
    cooldown_short: IntArray  # (B, P)
    steps: IntArray  # (B,)


class Tape(NamedTuple):
    """The market by step, (M, T, A) each, with M = 1 where all accounts share it; absent tapes have M = T = 0."""

    returns: FloatArray
    overnight: FloatArray
    cvar: FloatArray
    uncertainty: FloatArray


class Record(NamedTuple):
    """The outcome of N account steps, one row each; weights that are not kept have no rows."""

    scalars: FloatArray  # (Q, N or more), first axis as rlx.sim.ledger.SCALARS
    executed_weights: FloatArray  # (N, A)
    closing_weights: FloatArray  # (N, A)

    def ledger(self, *shape: int) -> Ledger:
        """Return the rows as a ledger of this shape, the last axis counting fastest; no copies."""
        n_rows = math.prod(shape)
        weights = (
            x.reshape(*shape, x.shape[1]) if x.size else None for x in (self.executed_weights, self.closing_weights)
        )
        return Ledger.of_scalars(self.scalars[:, :n_rows].reshape(-1, *shape), *weights)


class Scratch(NamedTuple):
    """Working arrays of one account's step, (P,) each."""

    held: FloatArray
    executed: FloatArray
    earned: FloatArray
    own_return: FloatArray


def open_books(batch: int, n_assets: int, window: int) -> Books:
    """Return fresh accounts: all cash, value and peak 1, no past."""
    width = _padded(n_assets)
    return Books(
        weights=np.zeros((batch, width)),
        value=np.ones(batch),
        peak=np.ones(batch),
        past_values=np.ones((batch, window)),
        oldest=np.zeros(batch, dtype=np.int64),
        cooldown_long=np.zeros((batch, width), dtype=np.int64),
        cooldown_short=np.zeros((batch, width), dtype=np.int64),
        steps=np.zeros(batch, dtype=np.int64),
    )


def open_record(n_rows: int, n_assets: int, *, weights: bool = True) -> Record:
    """Return an empty record, with space for weights if requested.

    Successive quantities are an odd number of cache lines from each other: at a power of two they would evict each
    other.
    """
    shape = (n_rows, n_assets) if weights else (0, 0)
    n_lines = -(-n_rows // LANES) | 1
    return Record(np.empty((len(SCALARS), n_lines * LANES)), np.empty(shape), np.empty(shape))


def make_tape(n_assets: int, tapes: Iterable[FloatArray | None]) -> Tape:
    """Return the tapes (T, A) or (M, T, A), in the order of ``Tape``, contiguous and float64; None means absent."""
    absent = np.zeros((0, 0, n_assets))
    return Tape(*(absent if tape is None else _three_dimensional(tape) for tape in tapes))


def make_scratch(n_assets: int) -> Scratch:
    """Return working arrays for markets of ``n_assets``, a cache line away from any other memory.

    Compiled loops check at run time whether arrays overlap, and treat neighbours as overlapping: sums were then added
    in another order, and two equal plays could differ in their last digit depending on memory addresses.
    """
    width = _padded(n_assets)
    lines = np.zeros((len(Scratch._fields), width + 2 * LANES))
    return Scratch(*lines[:, LANES : width + LANES])


def pad(settings: RuleNumbers) -> RuleNumbers:
    """Return settings whose arrays over assets fit the padded books."""
    return settings._replace(cost_rate=_widen(settings.cost_rate), is_crypto=_widen(settings.is_crypto))


def _padded(n_assets: int) -> int:
    return -(-n_assets // LANES) * LANES


def _widen(array: Any) -> Any:
    wide = np.zeros(_padded(array.size), dtype=array.dtype)
    wide[: array.size] = array
    return wide


def _three_dimensional(tape: FloatArray) -> FloatArray:
    array = np.ascontiguousarray(tape, dtype=np.float64)
    return array[None] if array.ndim == 2 else array
