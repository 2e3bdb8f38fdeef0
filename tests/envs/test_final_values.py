"""The value of what follows the last observation of an episode that ran out of time."""

from __future__ import annotations

import numpy as np
import pytest

from rlx.envs.vec_env import PortfolioVecEnv
from tests.envs.tasks import LONG_ONLY, make_market, make_task

TASK = make_task(make_market(), LONG_ONLY, leverage_head=False, episode_steps=4)


def first_numbers(observations: np.ndarray) -> np.ndarray:
    return 1.0 + observations[:, 0]


def test_truncated_accounts_get_the_discounted_value_of_their_last_observation() -> None:
    with_value, without = PortfolioVecEnv(TASK, 3, seed=0), PortfolioVecEnv(TASK, 3, seed=0)
    with_value.bootstrap, with_value.gamma = first_numbers, 0.5
    np.testing.assert_array_equal(with_value.reset(), without.reset())
    for step in range(1, 9):
        actions = np.random.default_rng(step).uniform(-1.0, 1.0, (3, TASK.head.n_actions))
        (_, paid, done, infos), (_, plain, ended, known) = with_value.step(actions), without.step(actions)
        np.testing.assert_array_equal(done, ended)
        assert done.all() if step % 4 == 0 else not done.any()
        last = np.array([info["terminal_observation"] for info in known]) if done.all() else None
        expected = plain if last is None else plain + 0.5 * first_numbers(last)
        np.testing.assert_allclose(paid, expected, rtol=1e-6)
        assert not any(info.get("TimeLimit.truncated") for info in infos)
        assert all(info.get("TimeLimit.truncated", False) == (step % 4 == 0) for info in known)


def test_a_ruined_account_has_no_future() -> None:
    market = make_market()
    task = make_task(market, LONG_ONLY, leverage_head=False, episode_steps=4)
    env = PortfolioVecEnv(task, 2, seed=0)
    env.bootstrap = lambda observations: pytest.fail("nothing follows")
    env.reset()
    env.core.accounts.books.value[:] = 0.0
    _, _, done, _ = env.step(np.zeros((2, task.head.n_actions)))
    assert done.all()
