from __future__ import annotations

import contextlib
import faulthandler
import io
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from rlx.data.market import Market
from rlx.decisions.scores import ScoreHead
from rlx.decisions.tilt import TiltHead
from rlx.envs.baseline import over_equal_weights
from rlx.envs.portfolio import PortfolioBatch, PortfolioTask
from rlx.errors import ConfigError, FileError
from rlx.keys import keys
from rlx.learners.pufferlib.actor_critic import PufferPolicy
from rlx.learners.pufferlib.ppo import PufferPpo
from rlx.learners.pufferlib.ppo_config import PufferPpoConfig
from rlx.sim.rules import Rules
from rlx.states import as_arrays, as_tensors
from tests.envs.tasks import ALL_RULES, LONG_ONLY, make_market, make_task

pytest.importorskip("pufferlib")

TINY: dict[str, Any] = {
    "total_env_steps": 768,
    "n_accounts": 8,
    "rollout_steps": 16,
    "minibatch_size": 64,
    "n_epochs": 2,
    "hidden_size": 16,
}


def make_tiny_task(market: Market | None = None, rules: Rules = ALL_RULES, **options: Any) -> PortfolioTask:
    traded = make_market() if market is None else market
    head = ScoreHead(traded.n_assets, TiltHead.under(rules.limits, leverage_head=rules is ALL_RULES), 0.5)
    return make_task(traded, rules, **{"reward_scale": 10.0, "head": head, **options})


def make_ppo(seed: int = 0, task: PortfolioTask | None = None, **options: Any) -> PufferPpo:
    torch.manual_seed(seed)
    return PufferPpo(PufferPpoConfig(**{**TINY, **options}), make_tiny_task() if task is None else task, seed)


def weights_of(ppo: PufferPpo) -> dict[str, np.ndarray]:
    return {name: tensor.numpy().copy() for name, tensor in ppo.network.state_dict().items()}


def test_an_update_changes_the_network_and_returns_its_metrics() -> None:
    ppo = make_ppo()
    before = weights_of(ppo)
    history = [ppo.update() for _ in range(6)]
    trained = {name for name, _ in ppo.network.named_parameters() if not name.endswith("actor.assets.score.bias")}
    assert all(not np.array_equal(before[name], weights_of(ppo)[name]) for name in trained)
    assert {f"train/{name}" for name in history[-1]} - {"train/reward"} <= set(keys())
    assert all(np.isfinite(value) for metrics in history for value in metrics.values())
    assert [metrics["env_steps"] for metrics in history] == [128 * k for k in range(1, 7)]
    assert "episode_steps" not in history[0]  # sixteen of twenty steps are played
    assert [metrics["episode_steps"] for metrics in history[1:]] == [20] * 5
    assert history[-1]["episode_reward"] != history[1]["episode_reward"]
    annealed = [ppo.config.learning_rate * 0.5 * (1 + np.cos(np.pi * k / 6)) for k in range(6)]
    np.testing.assert_allclose([metrics["learning_rate"] for metrics in history], annealed)
    assert ppo.learning_rate == pytest.approx(0.0, abs=1e-12)
    last, config = history[-1], ppo.config
    terms = last["policy_loss"] + config.value_coefficient * last["value_loss"] / 2
    assert last["loss"] == pytest.approx(terms)


@pytest.mark.parametrize("seed", [0, 3])
def test_the_same_seed_gives_the_same_numbers(seed: int) -> None:
    runs = []
    for number in (seed, seed, seed + 1):
        ppo = make_ppo(number)
        metrics = [ppo.update() for _ in range(2)]
        runs.append((metrics, weights_of(ppo)))
    assert runs[0][0] == runs[1][0]
    for name, array in runs[0][1].items():
        np.testing.assert_array_equal(array, runs[1][1][name])
    assert any(not np.array_equal(array, runs[2][1][name]) for name, array in runs[0][1].items())


def test_the_first_weights_are_of_the_seed_alone_and_random_numbers_are_left() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = PufferPpo(PufferPpoConfig(**TINY), make_tiny_task(), 1)
    assert torch.equal(torch.rand(3), expected)
    for name, array in weights_of(PufferPpo(PufferPpoConfig(**TINY), make_tiny_task(), 1)).items():
        np.testing.assert_array_equal(array, weights_of(first)[name])


@pytest.mark.parametrize("episode_steps", [20, 16])  # within a rollout, and with its last step
def test_a_restored_trainer_continues_bit_for_bit(episode_steps: int, tmp_path: Path) -> None:
    task = make_tiny_task(episode_steps=episode_steps)
    ppo = make_ppo(task=task)
    for _ in range(2):
        ppo.update()
    saved = {
        "ppo": as_tensors(ppo.state()),
        "network": ppo.network.state_dict(),
        "optimizer": ppo.optimizer.state_dict(),
        "random": torch.get_rng_state(),
    }
    torch.save(saved, tmp_path / "saved.ckpt")
    expected = [ppo.update() for _ in range(3)]

    other = make_ppo(seed=9, task=task)
    other.update()
    loaded = torch.load(tmp_path / "saved.ckpt", weights_only=True)
    other.network.load_state_dict(loaded["network"])
    other.optimizer.load_state_dict(loaded["optimizer"])
    other.restore(as_arrays(loaded["ppo"]))
    torch.set_rng_state(loaded["random"])
    assert [other.update() for _ in range(3)] == expected
    for name, array in weights_of(ppo).items():
        np.testing.assert_array_equal(array, weights_of(other)[name])


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"global_step": -1}, "pufferlib.global_step"),
        ({"episodes": [{"a": 1}]}, r"pufferlib.episodes\[0\]"),
        ({"vecenv": {"flag": 0, "initialized": True, "infos": "x"}}, "pufferlib.vecenv.infos"),
    ],
)
def test_a_state_of_other_types_is_refused(change: dict[str, Any], part: str) -> None:
    ppo = make_ppo()
    with pytest.raises(FileError, match=part):
        ppo.restore({**ppo.state(), **change})


def refuse(**_: Any) -> None:
    raise AssertionError("the fault handler is the user's to switch on")


def test_it_prints_nothing_writes_nothing_and_leaves_the_process_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cudnn = torch.backends.cudnn
    monkeypatch.setattr(cudnn, "deterministic", True)
    monkeypatch.setattr(cudnn, "benchmark", False)
    monkeypatch.setattr(faulthandler, "enable", refuse)
    threads, printed = threading.active_count(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        ppo = make_ppo(total_env_steps=128)
        assert threading.active_count() == threads
        ppo.update()
        assert (printed.getvalue(), list(tmp_path.iterdir())) == ("", [])
    assert (cudnn.deterministic, cudnn.benchmark) == (True, False)
    assert not torch.is_autocast_enabled("cpu")


def test_a_wrapper_of_the_optimizer_is_what_steps() -> None:
    ppo = make_ppo()
    adam, steps = ppo.optimizer, list[float]()

    class Counting:
        def step(self) -> None:
            steps.append(adam.param_groups[0]["lr"])
            adam.step()

        def zero_grad(self) -> None:
            adam.zero_grad()

    ppo.optimizer = Counting()  # type: ignore[assignment]
    rates = [ppo.update()["learning_rate"] for _ in range(2)]
    assert steps == [rates[0]] * 4 + [rates[1]] * 4  # epochs x minibatches an update
    assert rates[0] > rates[1]
    ppo.optimizer = adam
    assert ppo.optimizer is adam


def test_everything_moves_to_the_device() -> None:
    ppo = make_ppo().to(torch.device("meta"))
    held = [value for value in vars(ppo._trainer).values() if isinstance(value, torch.Tensor)]
    assert len(held) > 8
    assert {tensor.device.type for tensor in (*held, *ppo.network.parameters())} == {"meta"}
    assert ppo._trainer.config["device"] == "meta"


def test_time_limits_are_valued_by_the_critic() -> None:
    task = make_tiny_task(episode_steps=16)
    ended, plain = (make_ppo(task=task, gamma=0.8) for _ in range(2))
    for ppo in (ended, plain):
        torch.manual_seed(1)
        nn.init.normal_(ppo.network.networks.critic.linear.weight)
    assert ended.env.bootstrap is not None and ended.env.gamma == 0.8
    critic, values = ended.env.bootstrap, list[np.ndarray]()

    def listen(finals: np.ndarray) -> np.ndarray:
        expected = plain.network.values(torch.from_numpy(finals)).detach()  # before it is trained
        values.append(critic(finals))
        np.testing.assert_array_equal(values[-1], expected.squeeze(1))
        return values[-1]

    ended.env.bootstrap, plain.env.bootstrap = listen, None
    for ppo in (ended, plain):
        torch.manual_seed(0)
        ppo.update()
    assert len(values) == 1 and values[0].std() > 0.1
    np.testing.assert_allclose(ended.env.rewards - plain.env.rewards, 0.8 * values[0], atol=1e-6)
    assert ended.env.terminals.all() and not plain.env.terminals.any()


def test_the_share_of_clamped_rewards_is_logged() -> None:
    ppo = make_ppo(task=make_tiny_task(reward_scale=1_000.0))
    metrics = ppo.update()
    assert 0.5 < metrics["clipped_reward_share"] < 1.0
    assert metrics["clipped_reward_share"] == ppo.env.clipped_rewards / 128
    assert make_ppo(task=make_tiny_task(reward_scale=0.1)).update()["clipped_reward_share"] == 0.0


def test_it_finds_the_asset_that_always_wins() -> None:
    market = make_market("one_winner", n_assets=4, n_bars=400)
    task = over_equal_weights(make_tiny_task(market, LONG_ONLY))
    options = {"n_accounts": 32, "rollout_steps": 32, "minibatch_size": 256, "n_epochs": 4}
    ppo = make_ppo(task=task, total_env_steps=60_000, anneal_learning_rate=False, **options)
    for _ in range(ppo.config.updates):
        metrics = ppo.update()
    starts = np.arange(task.span.start, task.span.stop - task.episode_steps)
    seen = PortfolioBatch(task, starts.size).reset(starts)
    distribution, _ = ppo.network(torch.from_numpy(seen))
    scores = distribution.mean.detach().numpy()
    weights = ScoreHead(4, task.head.tilt).targets(scores, np.zeros_like(scores))  # type: ignore[attr-defined]
    assert weights[:, 0].mean() > 0.85
    assert metrics["clipped_reward_share"] < 0.01


def test_actor_and_critic_are_separate_and_start_at_zero() -> None:
    torch.manual_seed(0)
    network = PufferPolicy(2, 4, False, 0.7)
    seen = torch.randn(5, 3 * 2 + 3 * 3 + 2)
    distribution, values = network(seen)
    assert distribution.mean.shape == (5, 3) and values.shape == (5, 1)
    np.testing.assert_allclose(distribution.stddev, 0.7, rtol=1e-6)
    assert not distribution.mean.any() and not values.any()
    values.sum().backward()
    assert all(parameter.grad is None for parameter in network.networks.actor.parameters())
    assert all(parameter.grad is not None for parameter in network.networks.critic.parameters())


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("n_accounts", 0, "between 1 and 65536"),
        ("rollout_steps", 1, "between 2 and 10000"),
        ("gamma", 1.5, "between 0 and 1"),
        ("reward_scale", 0.0, "between 1e-06 and"),
        ("priority_alpha", -0.1, "between 0 and 1"),
        ("value_clip_range", 0.0, "between 1e-09 and"),
        ("minibatch_size", 1_000, "nearest that fits is 1024"),
        ("minibatch_size", 192, "nearest that fits is 128"),
        ("minibatch_size", 10_000, "nearest that fits is 4096"),
        ("minibatch_size", 32, "nearest that fits is 64"),
    ],
)
def test_nonsense_is_refused(field: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"module\.{field}={value!r}.*{message}"):
        PufferPpoConfig(**{field: value})


def test_a_budget_is_rounded_up_to_whole_rollouts() -> None:
    assert PufferPpoConfig(**{**TINY, "total_env_steps": 129}).updates == 2
    assert PufferPpoConfig(**TINY).rollout_size == 128
