from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rlx.data.market import Market
from rlx.data.panel import MarketPanel
from rlx.envs.portfolio import PortfolioBatch
from rlx.errors import ConfigError
from rlx.sim import simulate
from rlx.sim.rules import Rules
from tests.envs.tasks import ALL_RULES, FEATURES, LONG_ONLY, make_market, make_task


def random_actions(n_actions: int, batch: int, steps: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1.0, 1.0, (steps, batch, n_actions)).astype(np.float32)


@pytest.mark.parametrize("rules", [ALL_RULES, LONG_ONLY])
def test_rewards_are_those_of_the_simulator(rules: Rules) -> None:
    market = make_market()
    task = make_task(market, rules, reward_scale=50.0)
    batch = PortfolioBatch(task, 4, restart=False)
    starts = np.array([10, 11, 40, 60])
    actions = random_actions(task.head.n_actions, 4, task.episode_steps)
    batch.reset(starts)
    rewards = np.stack([batch.step(action).reward for action in actions], axis=1)  # (B, T)

    bars = starts[:, None] + np.arange(task.episode_steps)
    targets = np.stack([task.head.weights(action) for action in actions], axis=1)  # (B, T, A)
    ledger = simulate(
        market.returns[bars],
        targets,
        costs=rules.costs,
        limits=rules.limits,
        guard=rules.guard,
        cooldown=rules.cooldown,
        reward=rules.reward,
        periods_per_year=market.periods_per_year,
    )
    np.testing.assert_allclose(rewards / 50.0, ledger.reward, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(batch.accounts.value, ledger.value[:, -1], rtol=1e-12)


def test_finished_accounts_restart_and_report_where_they_ended() -> None:
    task = make_task(make_market(), episode_steps=5)
    batch = PortfolioBatch(task, 3, seed=0)
    mirror = PortfolioBatch(task, 3, restart=False)
    batch.reset()
    mirror.reset(batch.accounts.bar.copy())
    actions = random_actions(task.head.n_actions, 3, 5)
    for action in actions[:4]:
        assert batch.step(action).finished.size == 0
        mirror.step(action)
    value_before = mirror.accounts.value.copy()
    last, ending = batch.step(actions[4]), mirror.step(actions[4])
    np.testing.assert_array_equal(last.finished, [0, 1, 2])
    assert last.truncated.all() and not last.terminated.any()
    np.testing.assert_array_equal(last.final_observation, ending.observation)
    np.testing.assert_array_equal(last.episode_steps, [5, 5, 5])
    np.testing.assert_allclose(last.episode_return, ending.episode_return)
    assert not np.allclose(value_before, 1.0)
    np.testing.assert_array_equal(batch.accounts.value, 1.0)
    np.testing.assert_array_equal(last.observation, batch.observe())


def test_a_ruined_account_terminates() -> None:
    market = make_market()
    close = market.panel.close.copy()
    close[30:] *= 1e-9
    fallen = Market(MarketPanel(market.symbols, market.timestamps, close))
    task = make_task(fallen, Rules(), leverage_head=False)
    batch = PortfolioBatch(task, 1, restart=False)
    batch.reset(np.array([29]))
    step = batch.step(np.array([[1.0, 1.0, 1.0]]))  # no cash left
    assert step.terminated.tolist() == [True]
    assert step.truncated.tolist() == [False]


def test_episodes_start_everywhere_in_the_span_and_nowhere_else() -> None:
    task = make_task(make_market(), episode_steps=90)
    batch = PortfolioBatch(task, 2_000, seed=0)
    batch.reset()
    last = task.span.stop - 90
    assert set(batch.accounts.bar.tolist()) == set(range(task.span.start, last + 1))
    with pytest.raises(ConfigError, match=f"between bars {task.span.start} and {last}"):
        batch.reset(np.full(2_000, last + 1))


def test_the_same_seed_gives_the_same_stream_and_zero_is_a_seed() -> None:
    task = make_task(make_market(), feature_noise=0.5, episode_steps=7)

    def play(seed: int) -> np.ndarray:
        batch = PortfolioBatch(task, 4, seed)
        stream = [batch.reset()]
        stream += [batch.step(action).observation for action in random_actions(task.head.n_actions, 4, 20)]
        return np.array(stream)

    np.testing.assert_array_equal(play(0), play(0))
    assert not np.array_equal(play(0), play(1))


@pytest.mark.parametrize("window_steps", [1, 4])
def test_prices_after_a_bar_do_not_change_what_is_seen_at_it(window_steps: int) -> None:
    market = make_market()
    panel = market.panel
    now = 60
    fields = {name: getattr(panel, name).copy() for name in ("open", "high", "low", "close", "volume")}
    for values in fields.values():
        values[now + 1 :] *= 1.7
    changed = Market(replace(panel, **fields))
    task = make_task(market, window_steps=window_steps)
    seen = []
    for traded in (market, changed):
        batch = PortfolioBatch(replace(task, market=traded), 1, restart=False)
        batch.reset(np.array([now - 3]))
        path = [batch.step(action).observation for action in random_actions(task.head.n_actions, 1, 4)]
        seen.append(path)
    np.testing.assert_array_equal(seen[0][:3], seen[1][:3])  # bars now - 2 .. now
    assert not np.array_equal(seen[0][3], seen[1][3])  # bar now + 1


def test_the_window_holds_the_normalized_features_oldest_first() -> None:
    market = make_market()
    task = make_task(market, window_steps=3)
    batch = PortfolioBatch(task, 1, restart=False)
    observation = batch.reset(np.array([50]))
    expected = task.normalizer.apply(market.features(FEATURES))[48:51]
    np.testing.assert_array_equal(observation[0, : expected.size], expected.ravel())


def test_feature_noise_touches_features_alone() -> None:
    market = make_market()
    plain, noisy = (PortfolioBatch(make_task(market, feature_noise=x), 500, seed=0) for x in (0.0, 0.5))
    bars = np.full(500, 40)
    difference = noisy.reset(bars) - plain.reset(bars)
    n_features = len(FEATURES) * market.n_assets
    assert (difference[:, n_features:] == 0.0).all()
    np.testing.assert_allclose(difference[:, :n_features].std(axis=0), 0.5, rtol=0.2)
    assert np.abs(difference).max() <= 2.5 + 1e-6


@pytest.mark.parametrize("steps", [0, 10_000])
def test_episodes_that_do_not_fit_the_span_are_refused(steps: int) -> None:
    with pytest.raises(ConfigError, match=f"episode_steps={steps}"):
        make_task(make_market(), episode_steps=steps)
