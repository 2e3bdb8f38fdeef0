"""Contiguous folds of a span, each held out once: what a fit finds must also be there where it did not look."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from rlx.types import BoolArray


class Fold(NamedTuple):
    """The steps that are held out, and which steps (T,) the fit may see."""

    held_out: slice
    fitted: BoolArray


def folds(n_steps: int, n_folds: int, purge_steps: int) -> list[Fold]:
    """Cut ``n_steps`` steps into folds of equal length, with ``purge_steps`` on either side left out of the fit."""
    edges = np.linspace(0, n_steps, n_folds + 1).astype(int).tolist()
    found = []
    for first, last in pairwise(edges):
        fitted = np.ones(n_steps, dtype=np.bool_)
        fitted[max(0, first - purge_steps) : last + purge_steps] = False
        found.append(Fold(slice(first, last), fitted))
    return found
