from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint

from rlx.compilation import Compiler
from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.envs.portfolio import PortfolioBatch
from rlx.errors import ConfigError
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.windows import HOLDOUT, holdout_windows
from rlx.learners.gymrl.learner import GymrlLearner
from rlx.learners.gymrl.ppo import network_of
from rlx.policies.base import Policy
from rlx.policies.baselines import BuyAndHold, EqualWeight
from rlx.policies.checkpoint import load_checkpoint, save_checkpoint
from rlx.policies.gate import Gate
from rlx.sim.rules import Limits, Rules
from tests.backends import backends, use_backend
from tests.envs.tasks import ALL_RULES, FEATURES, LONG_ONLY, make_market, splits_of
from tests.learners.fitting import Recorder, fit, weights_of
from tests.policies.acting import observe

TINY: dict[str, Any] = {
    "total_env_steps": 768,
    "n_accounts": 8,
    "rollout_steps": 16,
    "minibatch_size": 64,
    "n_epochs": 2,
    "episode_steps": 20,
    "n_folds": 2,
    "purge_steps": 2,
    "hidden_size": 8,
}


def make_learner(market: Market, rules: Rules = ALL_RULES, seed: int = 0, **options: Any) -> GymrlLearner:
    options = {**TINY, **options}
    splits = splits_of(market, options.get("window_steps", 1))
    return GymrlLearner(market=market, rules=rules, splits=splits, feature_names=FEATURES, seed=seed, **options)


def test_one_update_a_training_step_and_every_gradient_step_counts() -> None:
    recorder = Recorder()
    learner = make_learner(make_market())
    trainer = fit(learner, recorder)
    assert learner.updates == len(recorder.history) == 6
    assert trainer.global_step == 2 * 6 * 2 * (128 // 64)  # members x updates x epochs x minibatches
    assert [ppo.num_timesteps for ppo in learner.ppos] == [768, 768]
    last = recorder.history[-1]
    assert all(np.isfinite(value) for value in last.values())
    expected = {"loss", "policy_loss", "value_loss", "approx_kl", "clip_fraction", "episode_reward", "excess_growth"}
    assert {f"train/{name}" for name in expected} <= set(last)
    assert last["perf/env_steps_per_second"] == pytest.approx(2 * 128 * last["perf/updates_per_second"], rel=1e-5)


@pytest.mark.parametrize("seed", [0, 3])
def test_the_same_seed_trains_the_same_policy(seed: int) -> None:
    market = make_market()
    runs = []
    for _ in range(2):
        learner = make_learner(market, seed=seed)
        fit(learner)
        runs.append(weights_of(learner))
    for name, tensor in runs[0].items():
        np.testing.assert_array_equal(tensor, runs[1][name])
    other = make_learner(market, seed=seed + 1)
    fit(other)
    assert any(not np.array_equal(tensor, weights_of(other)[name]) for name, tensor in runs[0].items())


@pytest.mark.parametrize(
    ("rules", "options"),
    [
        (ALL_RULES, {"leverage_head": True, "window_steps": 3}),
        (LONG_ONLY, {}),
        (Rules(limits=Limits(long_only=False, intraday_gross=1.5)), {"leverage_head": True}),
    ],
)
def test_the_exported_members_act_as_sb3_does(rules: Rules, options: dict[str, Any], tmp_path: Path) -> None:
    market = make_market()
    learner = make_learner(market, rules, **options)
    fit(learner)
    save_checkpoint(tmp_path / "policy", learner.facts(), learner.held_out()[1].network)
    policy = load_checkpoint(tmp_path)
    policy.bind(market)
    core = PortfolioBatch(learner.tasks[1], 16, seed=1)
    encoded = core.reset()
    for _ in range(10):
        accounts = core.accounts
        names = ("weights", "value", "drawdown", "trailing_return", "cooldown_long", "cooldown_short")
        state = {name: getattr(accounts, name).copy() for name in names}
        observation = observe(market, accounts.bar.tolist(), policy, **state)
        actions, _ = learner.ppos[1].predict(encoded, deterministic=True)
        expected = core.task.head.targets(actions, accounts.weights)
        np.testing.assert_allclose(policy.act(observation), expected, atol=1e-6)
        encoded = core.step(actions).observation


def test_the_policy_acts_by_the_members_mean_score() -> None:
    learner = make_learner(make_market())
    fit(learner)
    encoded = torch.from_numpy(PortfolioBatch(learner.tasks[0], 16, seed=1).reset())
    with torch.no_grad():
        means = [ppo.policy.get_distribution(encoded).distribution.mean for ppo in learner.ppos]
        assert not torch.equal(*means)
        torch.testing.assert_close(learner.network()(encoded), torch.stack(means).mean(0))


def test_final_values_are_those_that_sb3_would_add() -> None:
    learnt = []
    for own in (True, False):
        learner = make_learner(make_market(), gamma=0.9)
        if not own:
            for ppo in learner.ppos:
                ppo.env.bootstrap = None  # SB3 reads from the infos which episodes were truncated
        fit(learner)
        learnt.append(weights_of(learner))
    first = weights_of(make_learner(make_market(), gamma=0.9))
    for name, tensor in learnt[0].items():
        np.testing.assert_allclose(tensor, learnt[1][name], atol=1e-3)
    moved = [np.abs(tensor - first[name]).max() for name, tensor in learnt[0].items()]
    assert max(moved) > 0.01


def test_parameters_do_not_grow_with_the_number_of_assets() -> None:
    sizes = [
        [parameter.shape for ppo in make_learner(make_market(n_assets=n)).ppos for parameter in ppo.policy.parameters()]
        for n in (3, 7)
    ]
    n_actions = [shapes.pop(0) for shapes in sizes for _ in range(1)]
    assert n_actions == [(3,), (7,)]  # the fixed noise
    assert [shape for shape in sizes[0] if shape != (3,)] == [shape for shape in sizes[1] if shape != (7,)]


def test_an_untrained_policy_earns_what_equal_weights_earn() -> None:
    market = make_market()
    learner = make_learner(market, LONG_ONLY, speed=1.0, group_size=1)
    assert score(learner.policy(), market, LONG_ONLY, learner.splits.test) == pytest.approx(
        score(EqualWeight(), market, LONG_ONLY, learner.splits.test), abs=1e-12
    )
    core = PortfolioBatch(learner.tasks[0], 4, seed=0)
    core.reset()
    core.step(np.zeros((4, 3)))  # buys
    np.testing.assert_allclose(core.step(np.zeros((4, 3))).reward, 0.0, atol=1e-6)


def test_behind_a_shut_gate_the_policy_holds_equal_weights() -> None:
    market = make_market()
    learner = make_learner(market, LONG_ONLY)
    fit(learner)
    policy = learner.policy()
    assert np.abs(policy.act(observe(market, [40, 50], policy)) - 1 / 3).max() > 1e-4
    learner.gate = Gate(False, 0.0, 0.1, 1.6, None, 1.0, 100, 0.05)
    np.testing.assert_array_equal(learner.policy().act(observe(market, [40, 50], policy)), np.full((2, 3), 1 / 3))


def test_no_episode_leaves_what_its_member_is_fitted_to() -> None:
    learner = make_learner(make_market(), n_accounts=64)
    for task, ppo, member in zip(learner.tasks, learner.ppos, learner.cross_fit.members, strict=True):
        core = PortfolioBatch(task, 504, seed=0)
        core.reset()
        decided = core.accounts.bar[:, None] + np.arange(task.episode_steps)
        assert member.fitted[decided - learner.cross_fit.span.start].all()
        assert ppo.env is not None and ppo.env.get_attr("core")[0].task is task


def test_the_policy_in_memory_is_a_copy_of_what_is_exported(tmp_path: Path) -> None:
    market = make_market()
    learner = make_learner(market)
    before = learner.policy()
    observation = observe(market, [30, 40], before)
    weights = before.act(observation)
    fit(learner)
    np.testing.assert_array_equal(before.act(observation), weights)
    learner.resolved_config = {"module": {"n_accounts": 8}, "seed": 0}
    learner.export(tmp_path / "policy")
    np.testing.assert_array_equal(load_checkpoint(tmp_path).act(observation), learner.policy().act(observation))
    assert not np.array_equal(learner.policy().act(observation), weights)
    assert load_checkpoint(tmp_path).facts.config == learner.resolved_config


class ScoreByStep(Callback):
    """Logs a validation metric that is best at the second validation."""

    def __init__(self) -> None:
        self.seen: list[dict[str, np.ndarray]] = []

    def on_validation_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        assert isinstance(pl_module, GymrlLearner)
        self.seen.append(weights_of(pl_module))
        pl_module.log("val/score", -abs(len(self.seen) - 2.0))


def test_the_best_checkpoint_holds_the_weights_that_were_judged_best(tmp_path: Path) -> None:
    best = ModelCheckpoint(tmp_path, monitor="val/score", mode="max")
    judge = ScoreByStep()
    market = make_market()
    learner = make_learner(market)
    fit(learner, judge, best, val_check_interval=2)
    assert len(judge.seen) == 3
    state = torch.load(best.best_model_path, weights_only=True)
    fresh = make_learner(market, seed=9)
    fresh.load_state_dict(state["state_dict"])
    for name, tensor in weights_of(fresh).items():
        np.testing.assert_array_equal(tensor, judge.seen[1][name])
    assert any(not np.array_equal(judge.seen[1][name], judge.seen[2][name]) for name in judge.seen[1])


def score(policy: Policy, market: Market, rules: Rules, span: Span) -> float:
    ledger = evaluate(policy, market, [holdout_windows(span)], rules).sets[HOLDOUT].ledger
    return float(np.log(ledger.value[0, -1]))


def test_it_finds_the_asset_that_always_wins() -> None:
    market = make_market("one_winner", n_assets=4, n_bars=400)
    learner = make_learner(market, LONG_ONLY, total_env_steps=60_000, n_accounts=64, minibatch_size=256, n_epochs=4)
    fit(learner)
    span, policy = learner.splits.test, learner.policy()
    ledger = evaluate(policy, market, [holdout_windows(span)], LONG_ONLY).sets[HOLDOUT].ledger
    assert ledger.executed_weights[..., 0].mean() > 0.85
    found = score(policy, market, LONG_ONLY, span)
    possible = float(np.log1p(market.returns[span.start : span.stop, 0]).sum())
    assert found > 0.8 * possible
    assert found > max(score(rival, market, LONG_ONLY, span) for rival in (EqualWeight(), BuyAndHold()))


def test_training_reads_nothing_after_its_span() -> None:
    market = make_market()
    stop = splits_of(market).validation.stop
    panel = market.panel
    fields = {name: getattr(panel, name).copy() for name in ("open", "high", "low", "close", "volume")}
    for values in fields.values():
        values[stop + 1 :] *= 3.0
    changed = Market(replace(panel, **fields))
    runs = []
    for traded in (market, changed):
        learner = make_learner(traded)
        fit(learner)
        runs.append(weights_of(learner))
    for name, tensor in runs[0].items():
        np.testing.assert_array_equal(tensor, runs[1][name])


def test_a_training_span_before_the_features_exist_is_refused() -> None:
    market = make_market()
    splits = splits_of(market)
    with pytest.raises(ConfigError, match=r"module\.window_steps=4"):
        GymrlLearner(
            market=market, rules=LONG_ONLY, splits=splits, feature_names=FEATURES, seed=0, window_steps=4, **TINY
        )


def outputs_of_the_trunk(learner: GymrlLearner, dtypes: list[Any]) -> None:
    """Record the number formats in which the actor's first layer computes, and in which it returns scores."""
    trunk = network_of(learner.ppos[0])
    trunk.actor.assets.hidden.register_forward_hook(lambda module, given, output: dtypes.append(output.dtype))
    trunk.register_forward_hook(lambda module, given, output: dtypes.append(output[0].dtype))


@pytest.mark.parametrize(("precision", "inside"), [("32", torch.float32), ("bf16-mixed", torch.bfloat16)])
def test_hidden_layers_compute_in_the_trainers_precision(precision: str, inside: torch.dtype) -> None:
    learner, dtypes = make_learner(make_market()), list[Any]()
    outputs_of_the_trunk(learner, dtypes)
    fit(learner, precision=precision)
    assert set(dtypes[0::2]) == {inside}
    assert set(dtypes[1::2]) == {torch.float32}
    assert all(tensor.dtype == np.float32 for tensor in weights_of(learner).values())
    dtypes.clear()
    network_of(learner.ppos[0])(torch.zeros(1, learner.tasks[0].n_observations))
    assert set(dtypes) == {torch.float32}  # nothing is left of it after the fit


class CountingCompiler(Compiler):
    """Compiles nothing, and counts the calls of what it was given."""

    def __init__(self) -> None:
        super().__init__("default", "cpu")
        self.calls = 0

    def __call__(self, function: Any) -> Any:
        def run(*args: Any) -> Any:
            self.calls += 1
            return function(*args)

        return run


def test_the_compiler_is_given_the_networks_for_the_time_of_the_fit() -> None:
    market = make_market()
    compiled = make_learner(market)
    compiled.compiler = compiler = CountingCompiler()
    fit(compiled)
    eager = make_learner(market)
    fit(eager)
    assert compiler.calls >= 2 * 6 * (16 + 2 * 2)  # every step of a rollout and every minibatch
    assert list(compiled.state_dict()) == list(eager.state_dict())
    for name, tensor in weights_of(eager).items():
        np.testing.assert_array_equal(tensor, weights_of(compiled)[name])
    calls = compiler.calls
    network_of(compiled.ppos[0])(torch.zeros(1, compiled.tasks[0].n_observations))
    assert compiler.calls == calls


@backends
@pytest.mark.slow
@pytest.mark.parametrize("precision", ["32", "bf16-mixed"])
def test_compiled_networks_learn_the_same(precision: str, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use_backend(monkeypatch, backend)
    market = make_market()
    runs = []
    for mode in ("off", "default"):
        learner = make_learner(market)
        learner.compiler = Compiler(mode, "cpu")
        fit(learner, precision=precision, max_steps=16)
        assert learner.compiler.used == mode
        runs.append(weights_of(learner))
    assert any(not np.array_equal(tensor, weights_of(make_learner(market))[name]) for name, tensor in runs[0].items())
    for name, tensor in runs[0].items():
        np.testing.assert_allclose(tensor, runs[1][name], atol=1e-5 if precision == "32" else 5e-3)
