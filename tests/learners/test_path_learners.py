"""Requirements of both learners that train through the simulator."""

from __future__ import annotations

import gc
import resource
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rlx.compilation import Compiler
from rlx.data.market import Market
from rlx.errors import ConfigError, DataError, RlxError
from rlx.learners.differentiable_market.learner import DifferentiableMarketLearner
from rlx.learners.hftraining.learner import HftrainingLearner
from rlx.learners.path_learner import PathLearner
from rlx.policies.baselines import BuyAndHold, EqualWeight
from rlx.policies.checkpoint import load_checkpoint
from rlx.sim.rules import Costs, Guard, Limits, Rules
from rlx.types import Execution
from tests.backends import backends, use_backend
from tests.envs.tasks import ALL_RULES, FEATURES, LONG_ONLY, make_market, splits_of
from tests.learners.fitting import FirstGradient, Recorder, SaveAfter, assert_same_gradient, fit, played, weights_of
from tests.policies.acting import observe

SHARED = {
    "updates": 6,
    "n_folds": 2,
    "purge_steps": 3,
    "n_windows": 4,
    "rollout_steps": 12,
    "window_steps": 4,
    "smooth_steps": 2,
    "warmup_updates": 2,
}
TINY: dict[type[PathLearner], dict[str, Any]] = {
    HftrainingLearner: {**SHARED, "d_model": 8, "n_heads": 2, "n_layers": 2},
    DifferentiableMarketLearner: {**SHARED, "hidden_size": 8, "n_paths": 3, "diagnose_every_updates": 2},
}
LONG_SHORT = Rules(costs=Costs(slippage_bps=5.0, short_borrow_annual=0.01), limits=Limits(intraday_gross=1.5))
both = pytest.mark.parametrize("kind", [HftrainingLearner, DifferentiableMarketLearner])


def make(
    kind: type[PathLearner], market: Market, rules: Rules = LONG_ONLY, seed: int = 0, **options: Any
) -> PathLearner:
    options = {**TINY[kind], **options}
    splits = splits_of(market, options["window_steps"])
    learner: PathLearner = kind(market=market, rules=rules, splits=splits, feature_names=FEATURES, seed=seed, **options)  # type: ignore[call-arg]
    return learner


@both
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_one_update_a_training_step_whatever_the_optimizer(kind: type[PathLearner], optimizer: str) -> None:
    recorder, learner = Recorder(), make(kind, make_market(), optimizer=optimizer, learning_rate=0.01)
    before = weights_of(learner)
    trainer = fit(learner, recorder)
    assert trainer.global_step == len(recorder.history) == learner.updates == learner.totals.updates == 6
    rates = [metrics["train/learning_rate"] for metrics in recorder.history]
    np.testing.assert_allclose(rates[:3], [0.01 / 3, 0.02 / 3, 0.01], rtol=1e-6)
    assert rates[2] > rates[3] > rates[4] > rates[5] == pytest.approx(1e-4)
    moved = {name for name, tensor in weights_of(learner).items() if not np.array_equal(tensor, before[name])}
    assert {name for name, _ in learner.named_parameters()} <= moved  # the network and its average, every tensor


@both
def test_the_same_seed_trains_the_same_policy(kind: type[PathLearner]) -> None:
    market, runs = make_market(), []
    for seed in (0, 0, 1):
        torch.manual_seed(99)  # what was drawn before does not matter
        learner = make(kind, market, seed=seed)
        fit(learner)
        runs.append(weights_of(learner))
    assert all(np.array_equal(tensor, runs[1][name]) for name, tensor in runs[0].items())
    assert any(not np.array_equal(tensor, runs[2][name]) for name, tensor in runs[0].items())


@both
def test_the_moving_average_is_what_is_exported(kind: type[PathLearner], tmp_path: Path) -> None:
    market = make_market()
    learner = make(kind, market, learning_rate=0.01, ema_decay=0.5)
    fit(learner)
    learner.export(tmp_path / "policy")
    loaded, observation = load_checkpoint(tmp_path), observe(market, [30, 40], learner.policy())
    weights = loaded.act(observation)
    np.testing.assert_array_equal(weights, learner.policy().act(observation))
    features = learner.normalizer.apply(observation.features)
    np.testing.assert_allclose(weights, learner.averaged.module.eval().allocate(features, observation), atol=1e-7)
    assert not np.allclose(weights, learner.net.eval().allocate(features, observation), atol=1e-6)


@both
@pytest.mark.parametrize("rules", [ALL_RULES, LONG_SHORT, replace(LONG_ONLY, execution=Execution.next_open)])
def test_it_trains_under_any_rules(kind: type[PathLearner], rules: Rules) -> None:
    recorder, market = Recorder(), make_market()
    learner = make(kind, market, rules)
    fit(learner, recorder)
    logged = [name for name in recorder.history[0] if not name.startswith("train/grad_norm_")]
    assert all(np.isfinite(metrics[name]) for metrics in recorder.history for name in logged)
    ledger = played(learner.policy(), market, rules, learner.splits.test)
    assert np.all(ledger.gross_exposure <= (rules.limits.intraday_gross or 1.0) + 1e-6)
    assert np.all(ledger.limit_clipped < 1e-6)  # it asks for nothing that the limits forbid
    assert learner.play.parallel is (rules is not ALL_RULES)


@both
def test_bfloat16_leaves_weights_and_simulation_in_float32(kind: type[PathLearner]) -> None:
    recorder, learner = Recorder(), make(kind, make_market())
    fit(learner, recorder, precision="bf16-mixed")
    assert all(np.isfinite(metrics["train/loss"]) for metrics in recorder.history)
    assert {tensor.dtype for tensor in learner.parameters()} == {torch.float32}
    exact = Recorder()
    fit(make(kind, make_market()), exact)
    last, other = exact.history[-1]["train/loss"], recorder.history[-1]["train/loss"]
    assert last != other and last == pytest.approx(other, rel=0.1, abs=0.05)


@both
@pytest.mark.parametrize("n_folds", [1, 2])
def test_training_reads_nothing_after_its_span(kind: type[PathLearner], n_folds: int) -> None:
    market = make_market()
    splits = splits_of(market, 4)
    stop = splits.train.stop if n_folds == 1 else splits.validation.stop
    fields = {n: getattr(market.panel, n).copy() for n in ("open", "high", "low", "close", "volume")}
    for values in fields.values():
        values[stop + 1 :] *= 3.0
    runs = []
    for traded in (market, Market(replace(market.panel, **fields))):
        learner = make(kind, traded, ALL_RULES, n_folds=n_folds)
        fit(learner)
        runs.append(weights_of(learner))
    for name, tensor in runs[0].items():
        np.testing.assert_array_equal(tensor, runs[1][name])


FINDS: dict[type[PathLearner], dict[str, Any]] = {
    HftrainingLearner: {"updates": 60, "learning_rate": 0.03},
    DifferentiableMarketLearner: {"updates": 60, "learning_rate": 0.03},
}


@both
def test_it_finds_the_asset_that_always_wins(kind: type[PathLearner]) -> None:
    market = make_market("one_winner", n_assets=4, n_bars=400)
    learner = make(kind, market, LONG_ONLY, **{**FINDS[kind], "ema_decay": 0.9})
    fit(learner)
    span = learner.splits.test
    ledger = played(learner.policy(), market, LONG_ONLY, span)
    assert ledger.executed_weights[:, 0].mean() > 0.85
    possible = float(np.log1p(market.returns[span.start : span.stop, 0]).sum())
    rivals = [played(rival, market, LONG_ONLY, span).value[-1] for rival in (EqualWeight(), BuyAndHold())]
    assert np.log(ledger.value[-1]) > max(0.8 * possible, *np.log(rivals))


@both
def test_a_guard_that_fires_changes_what_is_learnt(kind: type[PathLearner]) -> None:
    market = make_market()
    guarded = Rules(costs=LONG_ONLY.costs, limits=LONG_ONLY.limits, guard=Guard(drawdown_threshold=0.001))
    recorders = []
    for rules in (LONG_ONLY, guarded):
        recorders.append(Recorder())
        fit(make(kind, market, rules), recorders[-1])
    exposures = [recorder.history[0]["train/path_gross_exposure"] for recorder in recorders]
    assert exposures[1] < 0.9 * exposures[0]


@both
def test_a_segment_is_what_the_judge_shows_and_pays(kind: type[PathLearner]) -> None:
    market = make_market()
    learner = make(kind, market, replace(LONG_ONLY, execution=Execution.next_open))
    first, policy = learner.splits.train.start, learner.policy()
    last = len(learner.cross_fit.span) - 12
    segment = learner.segments.at(torch.tensor([0, last]))
    for row, start in enumerate((first, first + last)):
        for t in (0, 5, 11):
            shown = learner.normalizer.apply(observe(market, [start + t], policy).features)[0]
            np.testing.assert_array_equal(segment.features[row, t : t + policy.window_steps].numpy(), shown)
        bars = slice(start, start + 12)
        np.testing.assert_allclose(segment.tape.returns[row].numpy(), market.returns[bars], rtol=1e-6)
        assert segment.tape.overnight is not None and market.overnight_returns is not None
        np.testing.assert_allclose(segment.tape.overnight[row].numpy(), market.overnight_returns[bars], atol=1e-8)
    assert first + last + 12 == learner.splits.validation.stop


@both
@pytest.mark.parametrize("n_folds", [1, 3])
def test_a_member_is_shown_nothing_that_is_held_out_from_it(kind: type[PathLearner], n_folds: int) -> None:
    market = make_market()
    learner = make(kind, market, n_folds=n_folds)
    plan, drawn = learner.cross_fit, learner.segments.draw(60).tape.returns.numpy()
    paid = market.returns[plan.span.start : plan.span.stop].astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(paid, 12, axis=0).transpose(0, 2, 1)  # (starts, 12, A)
    starts = [int(np.flatnonzero((windows == one).all((1, 2)))[0]) for one in drawn]
    for number, member in enumerate(plan.members):
        mine = starts[60 * number : 60 * number + 60]
        assert all(member.fitted[start : start + 12].all() for start in mine)
        fitted = {bar for start in mine for bar in range(start, start + 12)}
        assert len(fitted) > 0.9 * member.fitted.sum()


@both
def test_each_member_is_clipped_by_its_own_gradient(kind: type[PathLearner]) -> None:
    learner = make(kind, make_market(), updates=1, warmup_updates=0, max_grad_norm=1e-4)
    clipped = FirstGradient()
    fit(learner, clipped)
    assert clipped.gradient is not None
    sizes = [sum(p.numel() for p in parameters) for parameters in learner.net.parameters_by_member()]
    norms = [float(np.linalg.norm(part)) for part in np.split(clipped.gradient, np.cumsum(sizes)[:-1])]
    assert norms == pytest.approx([1e-4] * 2, rel=1e-3)  # together, their squares would add up to that of 1e-4


def test_a_rollout_longer_than_the_training_span_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"module\.rollout_steps=5000: must be at most"):
        make(HftrainingLearner, make_market(), rollout_steps=5000)


def test_next_open_without_opens_is_refused() -> None:
    market = make_market()
    bare = Market(replace(market.panel, open=None, high=None, low=None))
    with pytest.raises(DataError, match="needs opening prices"):
        make(HftrainingLearner, bare, replace(LONG_ONLY, execution=Execution.next_open))


@both
def test_a_diverged_network_stops_with_advice_to_learn_slower(kind: type[PathLearner]) -> None:
    learner = make(kind, make_market())
    for parameter in learner.net.parameters():
        parameter.data.fill_(float("nan"))
    with pytest.raises(RlxError, match=r"update 1 is not finite.*lower module\.learning_rate"):
        fit(learner)


def test_a_gradient_that_is_not_finite_stops_the_run() -> None:
    learner = make(HftrainingLearner, make_market())
    learner.segments.returns.fill_(float("nan"))
    with pytest.raises(RlxError, match="gradient of update 1 is not finite"):
        fit(learner)


@both
@pytest.mark.slow
def test_memory_does_not_grow_from_update_to_update(kind: type[PathLearner]) -> None:
    sizes: list[int] = []

    class Weigh(Recorder):
        def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
            if trainer.global_step in (60, 180):
                gc.collect()
                sizes.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

    fit(make(kind, make_market(), updates=180, n_windows=2, rollout_steps=4), Weigh())
    assert sizes[1] - sizes[0] < 600  # kilobytes: five for each update


@both
def test_resuming_gives_the_uninterrupted_run(kind: type[PathLearner], tmp_path: Path) -> None:
    market, path = make_market(), tmp_path / "half.ckpt"
    whole, recorder = make(kind, market, optimizer="muon"), Recorder()
    fit(whole, recorder, SaveAfter(3, path))
    rest, resumed = Recorder(), make(kind, market, optimizer="muon", seed=5)
    trainer = fit(resumed, rest, ckpt_path=path)
    assert trainer.global_step == 6
    for mine, theirs in zip(rest.history, recorder.history[3:], strict=True):
        logged = {name for name in theirs if name.startswith("train/")}
        np.testing.assert_equal({n: mine[n] for n in logged}, {n: theirs[n] for n in logged})
    for name, tensor in weights_of(whole).items():
        np.testing.assert_array_equal(tensor, weights_of(resumed)[name])


@both
@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_it_trains_on_a_gpu_and_leaves_a_policy_for_the_cpu(kind: type[PathLearner]) -> None:
    recorder, market = Recorder(), make_market()
    learner = make(kind, market, ALL_RULES)
    fit(learner, recorder, accelerator="cuda", devices=1)
    assert all(np.isfinite(metrics["train/loss"]) for metrics in recorder.history)
    ledger = played(learner.policy(), market, ALL_RULES, learner.splits.test)
    assert np.all(np.isfinite(ledger.value))


@pytest.mark.slow
@backends
@pytest.mark.parametrize(("kind", "rules"), [(HftrainingLearner, LONG_ONLY), (DifferentiableMarketLearner, ALL_RULES)])
def test_compiled_it_learns_the_same(
    kind: type[PathLearner], rules: Rules, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_backend(monkeypatch, backend)
    recorders, gradients = [Recorder(), Recorder()], [FirstGradient(), FirstGradient()]
    for mode, recorder, gradient in zip(("off", "default"), recorders, gradients, strict=True):
        # A small graph, which is compiled in seconds; with dropout, compiled code draws other random numbers.
        options = {"dropout": 0.0, "n_layers": 1} if kind is HftrainingLearner else {}
        learner = make(kind, make_market(), rules, updates=2, warmup_updates=1, rollout_steps=4, **options)
        learner.compiler = Compiler(mode, "cpu")
        fit(learner, recorder, gradient)
        assert learner.compiler.used == mode
    assert_same_gradient(*gradients)
    logged = [{n: x for n, x in recorder.history[0].items() if n.startswith("train/")} for recorder in recorders]
    assert logged[1] == pytest.approx(logged[0], rel=1e-3, abs=1e-5)
