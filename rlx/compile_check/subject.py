"""What can be played eager and compiled, and the alternation of its plays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from rlx.compilation import Compiler
from rlx.compile_check.measure import Play, Plays
from rlx.console import announced
from rlx.measures.statistics import Statistic
from rlx.types import BoolArray, FloatArray

ROUND = ("eager", "again", "compiled")


class Window(NamedTuple):
    """The time span of the series that an outcome is measured on."""

    first: np.datetime64
    last: np.datetime64
    steps: int


class Subject(Protocol):
    """Something that computes the same numbers at every play, with whatever its compiler does.

    ``name`` is such as ``module=hftraining``. ``metrics`` are those of the plays' series, by logged key. No cache may
    answer a play.
    """

    name: str
    window: Window
    metrics: dict[str, Statistic]

    def play(self, compiler: Compiler) -> Play:
        """Play once from the same seed, without any state of an earlier play."""


def alternate(subject: Subject, compiler: Compiler, device: str, rounds: int) -> Plays:
    """Play a subject eager, eager again and compiled, ``rounds`` times, each round beginning with another of them."""
    plays: dict[str, list[Play]] = {name: [] for name in ROUND}
    order = [ROUND[(first + place) % len(ROUND)] for first in range(rounds) for place in range(len(ROUND))]
    for name in announced(order, "playing {}".format):
        plays[name].append(subject.play(compiler if name == "compiled" else Compiler("off", device)))
    return Plays(**plays)


def warm_calls(frames: Sequence[int]) -> BoolArray:
    """Return which of N calls are warm, from the N + 1 numbers of compiled frames around them: never the first."""
    warm = np.diff(np.asarray(frames)) == 0
    warm[:1] = False
    return np.asarray(warm)


def sides(weights: FloatArray) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Return the side of weights (..., A): -2 short, -1 below equal weight, 0 at equal weight, 1 above it.

    A weight within 1e-9 of zero is not short, and one within 1e-9 of equal weight is at it.
    """
    n_assets = weights.shape[-1]
    over = np.where(np.abs(weights - 1.0 / n_assets) <= 1e-9, 0, np.sign(weights - 1.0 / n_assets))
    return np.asarray(np.where(weights < -1e-9, -2, over), dtype=np.int64)
