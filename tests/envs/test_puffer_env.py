from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlx.data.market import Market
from rlx.data.panel import MarketPanel
from rlx.envs.portfolio import PortfolioTask
from rlx.envs.puffer_library import load_puffer_library
from rlx.envs.vec_env import PortfolioVecEnv
from rlx.errors import DataError
from rlx.sim.rules import Rules
from tests.envs.tasks import ALL_RULES, LONG_ONLY, make_market, make_task

pytest.importorskip("pufferlib")
vector = load_puffer_library().vector

from rlx.envs.puffer_env import BUFFERS, PortfolioPuffer  # noqa: E402  after the library is loaded


@pytest.fixture(params=[(ALL_RULES, 1, 0.0), (LONG_ONLY, 3, 1.0), (Rules(), 1, 0.0)])
def task(request: pytest.FixtureRequest) -> PortfolioTask:
    rules, window_steps, noise = request.param
    return make_task(make_market(), rules, window_steps=window_steps, feature_noise=noise, episode_steps=6)


def random_actions(task: PortfolioTask, n_accounts: int, steps: int) -> np.ndarray:
    shape = (steps, n_accounts, task.head.n_actions)
    return np.random.default_rng(1).uniform(-1.0, 1.0, shape).astype(np.float32)


def buffers_for(task: PortfolioTask, n_accounts: int) -> dict[str, np.ndarray]:
    actions = np.zeros((n_accounts, task.head.n_actions), np.float32)
    flags = {name: np.ones(n_accounts, bool) for name in ("terminals", "truncations", "masks")}
    observations = np.full((n_accounts, task.n_observations), np.nan, np.float32)
    rewards = np.full(n_accounts, np.nan, np.float32)
    return {"observations": observations, "rewards": rewards, "actions": actions, "teacher_actions": actions, **flags}


def test_it_lives_in_the_buffers_it_is_given(task: PortfolioTask) -> None:
    buffers = buffers_for(task, 4)
    env = PortfolioPuffer(task, 4, buf=buffers)
    observations, infos = env.reset(seed=0)
    assert observations is buffers["observations"] and infos == []
    assert not buffers["terminals"].any() and not buffers["truncations"].any() and not buffers["rewards"].any()
    for action in random_actions(task, 4, 13):
        returned = env.step(action)
        for name, array in zip(BUFFERS, returned[:4], strict=True):
            assert array is buffers[name] and getattr(env, name) is buffers[name]
        assert buffers["observations"] in env.observation_space
        assert np.isfinite(buffers["rewards"]).all()


def test_it_plays_what_the_other_vectorised_environment_plays(task: PortfolioTask) -> None:
    theirs, ours = PortfolioVecEnv(task, 5), PortfolioPuffer(task, 5)
    theirs.seed(3)
    np.testing.assert_array_equal(theirs.reset(), ours.reset(seed=3)[0])
    for action in random_actions(task, 5, 20):  # three episodes
        observation, reward, done, infos = theirs.step(action)
        now = ours.step(action)
        np.testing.assert_array_equal(now[0], observation)
        np.testing.assert_array_equal(now[1], reward)
        np.testing.assert_array_equal(now[2] | now[3], done)
        assert now[3].tolist() == [info.get("TimeLimit.truncated", False) for info in infos]
        ended = [(info["episode"]["r"], info["episode"]["l"]) for info in infos if info]
        assert [(info["episode_return"], info["episode_steps"]) for info in now[4]] == ended


def falling_task() -> PortfolioTask:
    market = make_market()
    close = market.panel.close.copy()
    close[30:] *= 1e-9
    fallen = Market(MarketPanel(market.symbols, market.timestamps, close))
    return make_task(fallen, Rules(), leverage_head=False, episode_steps=20, reward_scale=0.5)


def test_ruin_terminates_and_time_truncates() -> None:
    task = falling_task()
    env = PortfolioPuffer(task, 1)
    env.bootstrap = lambda seen: np.full(len(seen), 100.0)
    env.reset()
    env.core.reset(np.array([29]))
    _, rewards, terminals, truncations, infos = env.step(np.ones((1, 3), np.float32))
    assert (terminals.tolist(), truncations.tolist()) == ([True], [False])
    assert [(info["episode_steps"], info["episode_truncated"]) for info in infos] == [(1, 0)]
    assert rewards[0] == pytest.approx(0.5 * infos[0]["episode_return"])  # nothing is added at ruin
    assert env.core.accounts.steps.tolist() == [0]


def test_truncations_are_bootstrapped_with_the_value_of_where_they_ended() -> None:
    task = make_task(make_market(), episode_steps=3, feature_noise=0.5)
    plain, valued, seen = PortfolioPuffer(task, 4), PortfolioPuffer(task, 4), list[np.ndarray]()

    def bootstrap(observations: np.ndarray) -> np.ndarray:
        seen.append(observations.copy())
        return observations.sum(axis=1)

    valued.bootstrap, valued.gamma = bootstrap, 0.9
    theirs = PortfolioVecEnv(task, 4)
    theirs.seed(0)
    theirs.reset()
    for env in (plain, valued):
        env.reset(seed=0)
        env.core.accounts.books.steps[1] = 1  # one account ends a step before the others
    theirs.core.accounts.books.steps[1] = 1
    for action in random_actions(task, 4, 3):
        infos = theirs.step(action)[3]
        _, rewards, terminals, truncations, _ = plain.step(action)
        finals = {b: info["terminal_observation"] for b, info in enumerate(infos) if info}
        expected = rewards.copy()
        for b, final in finals.items():
            expected[b] += 0.9 * final.sum()
        assert not terminals.any()
        valued.step(action)
        np.testing.assert_allclose(valued.rewards, expected, rtol=1e-6)
        assert valued.terminals.tolist() == truncations.tolist() == valued.truncations.tolist()
    assert [len(observations) for observations in seen] == [1, 3]


def test_rewards_that_the_trainer_will_clamp_are_counted() -> None:
    task = make_task(make_market(), LONG_ONLY, reward_scale=150.0, leverage_head=False)
    env = PortfolioPuffer(task, 4)
    env.reset(seed=0)
    rewards = [env.step(action)[1].copy() for action in random_actions(task, 4, 10)]
    outside = int((np.abs(rewards) > 1.0).sum())
    assert 0 < outside < 40
    assert env.clipped_rewards == outside


def test_pufferlib_vectorises_it() -> None:
    task = make_task(make_market(), episode_steps=5)
    vecenv = vector.make(
        PortfolioPuffer, env_kwargs={"task": task, "n_accounts": 3}, backend=vector.Serial, num_envs=2, seed=0
    )
    vecenv.reset(seed=0)
    actions = random_actions(task, 6, 12)
    for action in actions:
        observations, rewards, *_ = vecenv.step(action)
        for number, env in enumerate(vecenv.envs):
            assert np.shares_memory(env.observations, observations)
            np.testing.assert_array_equal(env.rewards, rewards[3 * number : 3 * number + 3])
    assert not np.array_equal(rewards[:3], rewards[3:])
    vecenv.close()


def test_a_restored_environment_plays_on() -> None:
    task = make_task(make_market(), feature_noise=1.0, reward_scale=150.0, episode_steps=8)
    env, other = PortfolioPuffer(task, 4), PortfolioPuffer(task, 4)
    actions = random_actions(task, 4, 30)
    env.reset(seed=0)
    other.reset(seed=5)
    for action in actions[:8]:
        env.step(action)
    state = env.state()
    buffers = {name: getattr(other, name) for name in BUFFERS}
    other.restore(state)
    for name, array in buffers.items():
        assert getattr(other, name) is array
        np.testing.assert_array_equal(array, getattr(env, name))
    assert other.truncations.all()
    for action in actions[8:]:
        expected: tuple[Any, ...] = env.step(action)
        now = other.step(action)
        for ours, theirs in zip(now[:4], expected[:4], strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert now[4] == expected[4]
    assert other.clipped_rewards == env.clipped_rewards > 0
    with pytest.raises(DataError, match=r"'bar' has shape \(4,\), these accounts need \(3,\)"):
        PortfolioPuffer(task, 3).restore(state)
