"""Groups of accounts: they start at the same bars, and an account is paid for what it does differently."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rlx.data.market import Market
from rlx.data.panel import MarketPanel
from rlx.envs.portfolio import PortfolioBatch
from rlx.errors import ConfigError
from rlx.sim.rules import Rules
from tests.envs.tasks import LONG_ONLY, make_market, make_task

TASK = make_task(make_market(), LONG_ONLY, leverage_head=False, episode_steps=6)


def actions(seed: int, n_accounts: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1.0, 1.0, (n_accounts, TASK.head.n_actions))


def test_accounts_of_a_group_start_at_the_same_bar() -> None:
    batch = PortfolioBatch(replace(TASK, group_size=3), 12, seed=0)
    batch.reset()
    starts = []
    for step in range(13):
        if step % 6 == 0:
            bars = batch.accounts.bar.reshape(4, 3)
            assert np.all(bars == bars[:, :1])
            starts.append(bars[:, 0].copy())
        batch.step(actions(step, 12))
    assert len({tuple(one) for one in starts}) == 3 and len(set(starts[0].tolist())) > 1


def test_a_group_ends_with_the_ruin_of_one_and_starts_again_together() -> None:
    market = make_market()
    close = market.panel.close.copy()
    close[30:, 0] *= 1e-9
    fallen = Market(MarketPanel(market.symbols, market.timestamps, close))
    task = make_task(fallen, Rules(), leverage_head=False, group_size=3)
    batch = PortfolioBatch(task, 6, seed=0)
    batch.reset(np.array([29, 29, 29, 40, 40, 40]))
    held = np.zeros((6, 3))  # cash, except what the first account holds
    held[0, 0] = 1.0
    step = batch.step(held)
    assert step.terminated.tolist() == [True, False, False, False, False, False]
    assert step.truncated.tolist() == [False, True, True, False, False, False]
    assert step.finished.tolist() == [0, 1, 2]
    bars = batch.accounts.bar
    assert len(set(bars[:3].tolist())) == 1 and bars[3:].tolist() == [41, 41, 41]


def test_rewards_are_over_the_mean_of_the_others_of_the_group() -> None:
    grouped, alone = PortfolioBatch(replace(TASK, group_size=2), 4, seed=0), PortfolioBatch(TASK, 4, seed=0)
    bars = np.array([30, 30, 40, 40])
    grouped.reset(bars)
    alone.reset(bars)
    earned = []
    for step in range(3):
        reward, own = grouped.step(actions(step, 4)).reward, alone.step(actions(step, 4)).reward
        np.testing.assert_allclose(reward, own - own[[1, 0, 3, 2]], atol=1e-5)
        earned.append(own)
    assert grouped.take_earned() == pytest.approx(float(np.mean(earned)) / TASK.reward_scale)
    assert grouped.take_earned() == 0.0  # nothing since


def test_what_an_episode_returned_is_not_over_the_group() -> None:
    grouped, alone = PortfolioBatch(replace(TASK, group_size=4), 4, seed=0), PortfolioBatch(TASK, 4, seed=0)
    for batch in (grouped, alone):
        batch.reset(np.full(4, 30))
    for step in range(6):
        ends = [batch.step(actions(step, 4)).episode_return for batch in (grouped, alone)]
    np.testing.assert_array_equal(*ends)
    assert len(set(ends[0].tolist())) == 4


def test_a_batch_is_made_of_whole_groups() -> None:
    with pytest.raises(ConfigError, match=r"batch=10: must be a multiple of module\.group_size=4"):
        PortfolioBatch(replace(TASK, group_size=4), 10)
    with pytest.raises(ConfigError, match="group_size"):
        replace(TASK, group_size=0)
