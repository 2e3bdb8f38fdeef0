from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rlx.data.market import Market
from rlx.data.panel import MarketPanel
from rlx.data.splits import Span
from rlx.envs.portfolio import PortfolioBatch, PortfolioTask
from rlx.errors import ConfigError, DataError
from rlx.sim import simulate
from rlx.sim.accounts import Accounts
from rlx.sim.rules import Limits, Reward, Rules
from tests.envs.tasks import ALL_RULES, FEATURES, LONG_ONLY, make_market, make_task, normalizer_of


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
    signals = normalizer_of(market, window_steps).apply(changed.features(FEATURES))
    seen = []
    for played in (task, replace(task, market=changed, signals=signals)):
        batch = PortfolioBatch(played, 1, restart=False)
        batch.reset(np.array([now - 3]))
        path = [batch.step(action).observation for action in random_actions(task.head.n_actions, 1, 4)]
        seen.append(path)
    np.testing.assert_array_equal(seen[0][:3], seen[1][:3])  # bars now - 2 .. now
    assert not np.array_equal(seen[0][3], seen[1][3])  # bar now + 1


def test_the_window_holds_the_signals_oldest_first() -> None:
    market = make_market()
    task = make_task(market, window_steps=3)
    batch = PortfolioBatch(task, 1, restart=False)
    observation = batch.reset(np.array([50]))
    expected = task.signals[48:51]
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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reward_scale": np.nan}, r"module\.reward_scale=nan: must be between 1e-06 and 1000000\."),
        ({"feature_noise": -1}, r"module\.feature_noise=-1: must be between 0 and 100\."),
        ({"feature_noise": np.nan}, r"module\.feature_noise=nan: must be between"),
        ({"window_steps": 0}, r"module\.window_steps=0: must be a whole number between 1"),
        ({"episode_steps": "5"}, r"module\.episode_steps=.?5.?: must be a whole number between 1"),
        ({"signal_bound": np.nan}, r"signal_bound=nan: must be between 0"),
        ({"span": Span(100, 160)}, r"span\.stop=160: must be a whole number between 101 and 159\."),
        ({"span": Span(500, 900)}, r"span\.start=500: must be a whole number between 0 and 158\."),
        ({"span": Span(-3, 100)}, r"span\.start=-3: must be a whole number"),
        ({"span": Span(90, 90)}, r"span\.stop=90: must be a whole number between 91"),
    ],
)
def test_values_that_make_no_task_are_refused_by_name(options: dict[str, Any], message: str) -> None:
    task = make_task(make_market())
    with pytest.raises(ConfigError, match=f"^{message}"):
        replace(task, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"signals": [[1.0]]}, "signals: must be an array of numpy, not list"),
        ({"signals": np.full((160, 3, 1), "a")}, "signals have type <U1: must be real numbers"),
        ({"cvar": [0.0]}, "cvar: must be an array of numpy, not list"),
    ],
)
def test_signals_and_forecasts_are_arrays(options: dict[str, Any], message: str) -> None:
    task = make_task(make_market())
    with pytest.raises(DataError, match=message):
        replace(task, **options)


def with_signal(task: PortfolioTask, bar: int, value: float) -> PortfolioTask:
    signals = task.signals.copy()
    signals[bar, 0, 0] = value
    return replace(task, signals=signals)


def test_signals_that_an_episode_can_see_are_finite_and_bounded() -> None:
    task = make_task(make_market(), window_steps=3)
    first, last = task.span.start - 2, task.span.stop
    for bar in (first, last):
        with pytest.raises(DataError, match=f"signals are not finite at bar {bar}"):
            with_signal(task, bar, np.nan)
        with pytest.raises(DataError, match=r"signals reach 7, above signal_bound=5"):
            with_signal(task, bar, -7.0)
    for bar in (first - 1, last + 1):
        assert np.isnan(with_signal(task, bar, np.nan).signals[bar, 0, 0])


@pytest.mark.parametrize("cut", [np.s_[:-1], np.s_[:, :-1], np.s_[..., 0]])
def test_signals_of_another_market_are_refused(cut: object) -> None:
    task = make_task(make_market())
    with pytest.raises(DataError, match=r"signals have shape .* needs \(160, 3"):
        replace(task, signals=task.signals[cut])


def test_forecasts_enter_the_reward_by_hand() -> None:
    free = Rules(limits=Limits(long_only=False), reward=Reward(cvar_penalty=0.5, uncertainty_penalty=2.0))
    market = make_market(n_assets=2)
    cvar, uncertainty = np.zeros_like(market.returns), np.zeros_like(market.returns)
    cvar[40], uncertainty[40] = [0.02, 0.01], [0.003, 0.001]
    rewards = []
    for tapes in ({}, {"cvar": cvar}, {"uncertainty": uncertainty}):
        task = make_task(market, free, leverage_head=False, reward_scale=1.0, **tapes)
        batch = PortfolioBatch(task, 1, restart=False)
        batch.reset(np.array([40]))
        rewards.append([batch.step(np.array([[0.5, -0.25]])).reward[0] for _ in range(2)])
    # 0.5 x (0.5 x 0.02 + 0.25 x 0.01) and 2 x (0.5 x 0.003 + 0.25 x 0.001), at the decision of bar 40 alone
    np.testing.assert_allclose(np.subtract(rewards[0], rewards[1:]), [[0.00625, 0.0], [0.0035, 0.0]], atol=1e-8)


def test_forecasts_that_do_not_fit_are_refused() -> None:
    market = make_market()
    task = make_task(market)
    tape = np.zeros_like(market.returns)
    tape[task.span.stop - 1, 1] = np.inf
    with pytest.raises(DataError, match=f"cvar are not finite at bar {task.span.stop - 1}"):
        replace(task, cvar=tape)
    with pytest.raises(DataError, match=r"uncertainty have shape \(158, 3\)"):
        replace(task, uncertainty=tape[1:])
    with pytest.raises(DataError, match=r"cvar have shape \(158, 3\): must be \(159, 3\)"):
        Accounts.of(market, Rules(), 1, cvar=tape[1:])


def test_forecasts_outside_of_the_span_may_be_missing_and_are_not_looked_at() -> None:
    task = make_task(make_market(), Rules(reward=Reward(cvar_penalty=1.0)))
    tape = np.zeros_like(task.market.returns)
    missing = tape.copy()
    missing[: task.span.start] = missing[task.span.stop :] = np.nan
    rewards = []
    for cvar in (tape, missing):
        batch = PortfolioBatch(replace(task, cvar=cvar), 3, seed=0)
        batch.reset()
        rewards.append([batch.step(a).reward for a in random_actions(task.head.n_actions, 3, 40)])
    np.testing.assert_array_equal(*rewards)


def test_what_waits_for_a_reset_does_so_after_it_is_restored() -> None:
    task = make_task(make_market(), episode_steps=2)
    (action,) = random_actions(task.head.n_actions, 2, 1)
    batch, other = (PortfolioBatch(task, 2, seed=0, restart=False) for _ in range(2))
    unbegun = batch.state()
    batch.reset()
    for _ in range(2):
        batch.step(action)
    over = batch.state()
    other.reset()
    for state in (unbegun, over):
        other.restore(state)
        with pytest.raises(DataError, match="Call reset"):
            other.step(action)
    batch.reset()
    other.restore(batch.state())
    np.testing.assert_array_equal(other.step(action).reward, batch.step(action).reward)
    before = {name: value for name, value in batch.state().items() if name != "waits"}  # of an earlier version
    other.restore(before)
    other.step(action)


@pytest.mark.parametrize(("name", "value"), [("bar", 10**6), ("bar", -1), ("oldest", 10**6), ("oldest", -1)])
def test_a_state_that_leads_out_of_memory_is_refused(name: str, value: int) -> None:
    batch = PortfolioBatch(make_task(make_market()), 2)
    batch.reset()
    state = batch.state()
    state["accounts"][name][1] = value
    with pytest.raises(DataError, match=rf"{name}=.*{value}.*: must be from 0 to"):
        batch.restore(state)


def test_observations_are_written_where_they_are_wanted() -> None:
    task = make_task(make_market(), feature_noise=0.5, episode_steps=4)
    plain, given = PortfolioBatch(task, 3, seed=0), PortfolioBatch(task, 3, seed=0)
    out = np.full((3, task.n_observations), np.nan, dtype=np.float32)
    np.testing.assert_array_equal(plain.reset(), given.reset(out=out))
    for action in random_actions(task.head.n_actions, 3, 9):  # past the end of two episodes
        expected, now = plain.step(action), given.step(action, out=out)
        assert now.observation is out
        np.testing.assert_array_equal(out, expected.observation)
        np.testing.assert_array_equal(now.final_observation, expected.final_observation)


@pytest.mark.parametrize("out", [np.zeros((3, 1), np.float32), np.zeros((2, 20), np.float32), np.zeros((3, 20))])
def test_arrays_that_do_not_fit_the_observations_are_refused(out: np.ndarray) -> None:
    batch = PortfolioBatch(make_task(make_market()), 3)
    assert batch.task.n_observations == 20
    with pytest.raises(DataError, match=r"observations are \(3, 20\) float32 and do not fit"):
        batch.reset(out=out)
