"""The probability of backtest overfitting: how often the best of many trials in sample is a poor one out of sample."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from rlx.measures.metrics import ROUNDING_FLOOR
from rlx.types import BoolArray, FloatArray

MAX_BLOCKS = 20
"""C(20, 10) = 184,756 halves; two more blocks give four times as many, without more information."""


@dataclass(frozen=True)
class Overfitting:
    """The result. ``pbo`` is a share of the ``logits`` (C,), one for each choice of half of the blocks as the sample.

    A logit is ln(w / (1 - w)), where w is the rank out of sample of the trial that was best in sample, over N + 1:
    below zero the best trial came out below the median. ``inside`` and ``outside`` (C,) are that trial's Sharpe ratios
    per step in the sample and out of it.
    """

    pbo: float
    logits: FloatArray
    inside: FloatArray
    outside: FloatArray

    @property
    def probability_of_loss(self) -> float:
        """Share of the choices in which the trial that was best in sample lost out of it."""
        return float(np.mean(self.outside < 0.0))


def backtest_overfitting(returns: FloatArray, blocks: int = 16) -> Overfitting:
    """Return the probability of backtest overfitting of trials' returns (T, N), one column per trial, by CSCV.

    Time is cut into ``blocks`` of equal length (to one step) and each half of them in turn is the sample in which the
    trial with the highest Sharpe ratio is chosen; a trial without variance has 0 (Bailey, Borwein, Lopez de Prado and
    Zhu 2015). Raises ValueError when there are fewer than two trials or four steps, more blocks than steps, a number
    of blocks that is odd or not within 2 to 20, or a return that is not finite.
    """
    returns = np.asarray(returns, dtype=np.float64)
    _check(returns, blocks)
    inside = _halves(blocks)
    mean = returns.mean(axis=0)
    parts = np.array_split(returns - mean, blocks)  # centred, so that sums of squares keep their digits
    steps = np.array([len(part) for part in parts], dtype=np.float64)
    sums = np.stack([part.sum(axis=0) for part in parts])  # (S, N)
    squares = np.stack([(part**2).sum(axis=0) for part in parts])
    within = _sharpe(inside, steps, sums, squares, mean)  # (C, N)
    without = _sharpe(~inside, steps, sums, squares, mean)
    chosen = within.argmax(axis=1)
    logits = _logits(without, chosen)
    at = np.arange(len(chosen))
    return Overfitting(float(np.mean(logits < 0)), logits, within[at, chosen], without[at, chosen])


def _halves(blocks: int) -> BoolArray:
    """Return every choice of half of the blocks, (C, S)."""
    picks = np.array(list(combinations(range(blocks), blocks // 2)))
    inside = np.zeros((len(picks), blocks), dtype=np.bool_)
    np.put_along_axis(inside, picks, True, axis=1)
    return inside


def _sharpe(
    inside: BoolArray, steps: FloatArray, sums: FloatArray, squares: FloatArray, mean: FloatArray
) -> FloatArray:
    """Return each trial's Sharpe ratio in each choice of blocks, (C, N), from sums of centred returns (S, N)."""
    weights = inside.astype(np.float64)
    n = (weights @ steps)[:, None]
    offset = weights @ sums / n
    variance = np.maximum(weights @ squares - n * offset**2, 0.0) / (n - 1.0)
    spread = np.sqrt(variance)
    ratio = np.zeros_like(spread)
    np.divide(mean + offset, spread, out=ratio, where=spread > ROUNDING_FLOOR)
    return ratio


def _logits(outside: FloatArray, chosen: FloatArray) -> FloatArray:
    from scipy.stats import rankdata

    ranks = rankdata(outside, axis=1)[np.arange(len(chosen)), chosen]
    share = ranks / (outside.shape[1] + 1)
    return np.asarray(np.log(share / (1.0 - share)))


def _check(returns: FloatArray, blocks: int) -> None:
    if returns.ndim != 2 or returns.shape[1] < 2:
        raise ValueError(f"returns has shape {returns.shape}: must be (steps, trials) with at least two trials.")
    if isinstance(blocks, bool) or not isinstance(blocks, int) or blocks % 2 or not 2 <= blocks <= MAX_BLOCKS:
        raise ValueError(f"blocks={blocks!r}: must be an even number from 2 to {MAX_BLOCKS}.")
    if len(returns) < max(blocks, 4):
        raise ValueError(f"returns has {len(returns)} steps: {blocks} blocks need at least {max(blocks, 4)}.")
    if not np.isfinite(returns).all():
        raise ValueError("returns has values that are not finite: remove those trials or steps.")
