"""Backtest overfitting by hand, against a second library, and where the answer is known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import purgedcv
import pytest

from rlx.measures.overfitting import backtest_overfitting


def noise(steps: int, trials: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.01, (steps, trials))


def test_two_blocks_by_hand() -> None:
    # Sharpe ratios, first and second block: A 2/sqrt(2) and -2/sqrt(2), B 0 and 1/sqrt(2). The best of the first is A,
    # the worse in the second; the best of the second is B, the worse in the first. Rank 1 of 2: w = 1/3.
    a, b = [1.0, 3.0, -3.0, -1.0], [-1.0, 1.0, 0.0, 2.0]
    found = backtest_overfitting(np.array([a, b]).T, blocks=2)
    assert found.pbo == 1.0
    assert found.logits == pytest.approx([math.log(0.5)] * 2)
    assert found.inside == pytest.approx([2 / math.sqrt(2), 1 / math.sqrt(2)])  # A of the first, B of the second
    assert found.outside == pytest.approx([-2 / math.sqrt(2), 0.0])
    assert found.probability_of_loss == 0.5  # B earns nothing in the first, which is no loss
    better = [2.0, 4.0, 1.0, 2.0]  # 3/sqrt(2) and 1.5/sqrt(0.5): the best in both
    found = backtest_overfitting(np.array([a, b, better]).T, blocks=2)
    assert found.pbo == 0.0
    assert found.logits == pytest.approx([math.log(3.0)] * 2)  # rank 3 of 3: w = 3/4


@pytest.mark.parametrize(("steps", "trials", "blocks"), [(60, 6, 4), (203, 5, 10), (97, 2, 8)])
def test_it_agrees_with_purgedcv_to_the_last_combination(steps: int, trials: int, blocks: int) -> None:
    """Also where blocks are unequal, the median is a trial, and one trial is cash."""
    returns = noise(steps, trials, seed=steps) + 0.001
    returns[:, 1] = 0.0
    ours = backtest_overfitting(returns, blocks)
    theirs = purgedcv.probability_of_backtest_overfitting(returns.T, blocks)
    assert ours.pbo == theirs.pbo
    assert sorted(ours.logits) == pytest.approx(sorted(theirs.logits))
    assert len(ours.logits) == math.comb(blocks, blocks // 2)


def test_of_noise_the_best_is_a_coin_toss_out_of_sample() -> None:
    found = [backtest_overfitting(noise(160, 10, seed), blocks=8).pbo for seed in range(200)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.05)


def test_one_trial_that_is_truly_better_is_found_again() -> None:
    returns = noise(640, 10, seed=0)
    returns[:, 3] += 0.003
    assert backtest_overfitting(returns).pbo < 0.01


def test_where_what_worked_stops_working_everything_is_overfitted() -> None:
    """Each trial earns in its own half of the time and loses in the other."""
    drift = np.repeat([0.01, -0.01], 80)[:, None]
    assert backtest_overfitting(noise(160, 2, seed=0) + np.hstack([drift, -drift]), blocks=2).pbo == 1.0


@pytest.mark.parametrize(
    ("returns", "blocks", "message"),
    [
        (np.zeros(10), 2, r"shape \(10,\): must be \(steps, trials\)"),
        (np.zeros((10, 1)), 2, "at least two trials"),
        (np.zeros((10, 2)), 3, "blocks=3: must be an even number from 2 to 20"),
        (np.zeros((10, 2)), 0, "blocks=0"),
        (np.zeros((50, 2)), 22, "blocks=22"),
        (np.zeros((50, 2)), True, "blocks=True"),
        (np.zeros((10, 2)), 12, "10 steps: 12 blocks need at least 12"),
        (np.zeros((3, 2)), 2, "3 steps: 2 blocks need at least 4"),
        (np.full((10, 2), np.nan), 2, "not finite"),
    ],
)
def test_nonsense_is_refused(returns: Any, blocks: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        backtest_overfitting(returns, blocks)
