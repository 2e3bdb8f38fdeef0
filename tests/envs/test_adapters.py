from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
import stable_baselines3.common.env_checker
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.vec_env import VecMonitor

from rlx.envs.gym_env import PortfolioEnv
from rlx.envs.portfolio import PortfolioTask
from rlx.envs.vec_env import PortfolioVecEnv
from rlx.errors import DataError
from rlx.sim.rules import Rules
from tests.envs.tasks import ALL_RULES, LONG_ONLY, make_market, make_task


@pytest.fixture(params=[(ALL_RULES, 1, 0.0), (LONG_ONLY, 3, 1.0), (Rules(), 1, 0.0)])
def task(request: pytest.FixtureRequest) -> PortfolioTask:
    rules, window_steps, noise = request.param
    return make_task(make_market(), rules, window_steps=window_steps, feature_noise=noise)


def test_gymnasium_and_sb3_checkers_pass_without_a_warning(task: PortfolioTask) -> None:
    spec = EnvSpec("rlx/Portfolio-v0", entry_point=PortfolioEnv, kwargs={"task": task})
    check_env(gymnasium.make(spec, disable_env_checker=True).unwrapped)
    stable_baselines3.common.env_checker.check_env(PortfolioEnv(task))


def test_one_account_plays_an_episode_from_a_chosen_bar(task: PortfolioTask) -> None:
    env = PortfolioEnv(task)
    _, info = env.reset(seed=0, options={"start": 40})
    assert info == {"value": 1.0, "drawdown": 0.0, "bar": 40}
    truncated, steps = False, 0
    while not truncated:
        observation, _, terminated, truncated, info = env.step(env.action_space.sample())
        steps += 1
        assert observation in env.observation_space
        assert not terminated
    assert steps == task.episode_steps
    assert info["bar"] == 40 + steps


@pytest.mark.parametrize("rules", [ALL_RULES, LONG_ONLY, Rules()])
def test_vec_env_plays_what_single_accounts_play(rules: Rules) -> None:
    task = make_task(make_market(), rules)
    many = PortfolioVecEnv(task, 3)
    many.seed(0)
    observations = many.reset()
    starts = many.core.accounts.bar.tolist()
    singles = [PortfolioEnv(task) for _ in range(3)]
    alone = [env.reset(options={"start": start})[0] for env, start in zip(singles, starts, strict=True)]
    np.testing.assert_array_equal(observations, alone)
    rng = np.random.default_rng(1)
    for step in range(task.episode_steps):
        actions = rng.uniform(-1.0, 1.0, (3, task.head.n_actions)).astype(np.float32)
        observations, rewards, dones, infos = many.step(actions)
        played = [env.step(action) for env, action in zip(singles, actions, strict=True)]
        np.testing.assert_array_equal(rewards, np.float32([reward for _, reward, *_ in played]))
        ended = step == task.episode_steps - 1
        assert dones.tolist() == [ended] * 3
        seen = [info["terminal_observation"] for info in infos] if ended else observations
        np.testing.assert_array_equal(seen, [observation for observation, *_ in played])


def test_infos_follow_sb3s_conventions() -> None:
    task = make_task(make_market(), episode_steps=3)
    env = PortfolioVecEnv(task, 2)
    env.seed(0)
    env.reset()
    actions = np.zeros((2, task.head.n_actions), dtype=np.float32)
    rewards, infos = [], []
    for _ in range(3):
        _, reward, _, infos = env.step(actions)
        rewards.append(reward)
    assert [info["TimeLimit.truncated"] for info in infos] == [True, True]
    assert [info["episode"]["l"] for info in infos] == [3, 3]
    returns = [info["episode"]["r"] for info in infos]
    np.testing.assert_allclose(returns, np.sum(rewards, axis=0) / task.reward_scale, rtol=1e-5)
    _, _, dones, infos = env.step(actions)
    assert infos == [{}, {}] and not dones.any()


def test_sb3_wrappers_and_attribute_access_work() -> None:
    env = PortfolioVecEnv(make_task(make_market()), 2)
    monitored: Any = VecMonitor(env)
    assert monitored.reset().shape == (2, *env.observation_space.shape)
    assert env.get_attr("num_envs", indices=[0]) == [2]
    assert env.env_method("state", indices=1)[0]["random_state"]["bit_generator"] == "PCG64"
    assert env.env_is_wrapped(gymnasium.Wrapper) == [False, False]
    with pytest.raises(ValueError, match="belongs to all 2 accounts"):
        env.set_attr("render_mode", None, indices=[0])


def test_seeding_is_exact_and_happens_once() -> None:
    env = PortfolioVecEnv(make_task(make_market()), 4)
    streams = []
    for _ in range(2):
        env.seed(0)
        streams.append([env.reset(), env.reset()])
    np.testing.assert_array_equal(streams[0], streams[1])
    assert not np.array_equal(streams[0][0], streams[0][1])


def test_a_restored_batch_plays_on_whatever_seed_was_given() -> None:
    task = make_task(make_market(), feature_noise=1.0)
    env, other = PortfolioVecEnv(task, 4, seed=0), PortfolioVecEnv(task, 4)
    actions = np.random.default_rng(1).uniform(-1, 1, (30, 4, *env.action_space.shape)).astype(np.float32)
    env.reset()
    for action in actions[:7]:
        env.step(action)
    state = env.state()
    expected = [env.step(action) for action in actions[7:]]  # past the end of the episodes and into the next ones
    other.seed(7)
    other.restore(state)
    for action, (observation, reward, done, infos) in zip(actions[7:], expected, strict=True):
        now = other.step(action)
        np.testing.assert_array_equal(now[0], observation)
        np.testing.assert_array_equal(now[1], reward)
        np.testing.assert_array_equal(now[2], done)
        assert [info.get("episode", {}).get("r") for info in now[3]] == [i.get("episode", {}).get("r") for i in infos]


def test_a_state_of_other_accounts_is_refused() -> None:
    task = make_task(make_market())
    with pytest.raises(DataError, match=r"'bar' has shape \(3,\), these accounts need \(4,\)"):
        PortfolioVecEnv(task, 4).restore(PortfolioVecEnv(task, 3).state())
