"""The learner of module=pufferlib: baskets, their environments, and the policies it exports."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.errors import ConfigError
from rlx.learners.base import Preparation
from rlx.learners.pufferlib.baskets import inverse_volatility, least_correlated
from rlx.learners.pufferlib.learner import PufferlibLearner, part_name
from rlx.policies.checkpoint import load_checkpoint
from rlx.sim.rules import Costs, Guard, Limits, Reward, Rules
from tests.learners.fitting import Recorder, fit, weights_of
from tests.learners.forecasts import FIT, NAMES, regimes, small, splits_of

MARKET = regimes(n_assets=4)
RULES = Rules(costs=Costs(slippage_bps=5.0, per_asset_bps={"S2": 9.0}), limits=Limits(long_only=True))
TINY = {
    "window_steps": 4,
    "cache_dir": None,
    "n_pairs": 2,
    "n_accounts": 8,
    "rollout_steps": 16,
    "minibatch_size": 64,
    "total_env_steps": 384,
    "episode_steps": 20,
    "hidden_size": 8,
}


def learner(market: Market = MARKET, rules: Rules = RULES, seed: int = 0, **options: Any) -> PufferlibLearner:
    small_stages = {"forecaster": small().forecaster, "specialists": small().specialists}
    settings = {**TINY, **small_stages, **options}
    splits = splits_of(market, small())
    return PufferlibLearner(market=market, rules=rules, splits=splits, feature_names=NAMES, seed=seed, **settings)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run whose forecasting stages are done."""
    folder = tmp_path_factory.mktemp("run")
    learner().prepare(Preparation(folder, None, FIT))
    return folder


def prepared(run: Path, tmp_path: Path, **options: Any) -> PufferlibLearner:
    one = learner(**options)
    one.prepare(Preparation(tmp_path / str(len(list(tmp_path.iterdir()))), run, FIT))
    return one


def test_the_least_correlated_pairs_without_a_common_symbol() -> None:
    random = np.random.default_rng(0)
    a, b, noise = random.normal(size=(3, 2_000))
    returns = np.stack([a, -a + 0.1 * noise, b, b + 0.5 * noise, np.zeros(2_000)], axis=1)
    pairs = least_correlated(("A", "minusA", "B", "nearB", "still"), returns, 2)
    assert pairs == [("A", "minusA"), ("B", "nearB")]


def test_more_pairs_than_symbols_allow_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    assert len(least_correlated("ABCDE", np.random.default_rng(0).normal(size=(50, 5)), 4)) == 2
    assert "module.n_pairs=4: 5 symbols form 2 disjoint pairs" in caplog.text


def test_shares_are_inverse_to_the_volatility_of_equal_weights() -> None:
    span = Span(10, 200)
    shares = inverse_volatility(MARKET, span, [("S0", "S1"), ("S3",)])
    pair = MARKET.returns[10:200, :2].mean(axis=1).std()
    single = MARKET.returns[10:200, 3].std()
    assert shares[0] / shares[1] == pytest.approx(single / pair)
    assert sum(shares) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pairs": [["S0", "S9"]]}, "module.pairs: 'S9' is not traded; the market has S0, S1, S2, S3"),
        ({"pairs": [["S0", "S0"]]}, "at least two different symbols"),
        ({"pairs": [["S0"]]}, "at least two different symbols"),
        ({"pairs": [["S0", "S1"], ["S1", "S0"]]}, "the same basket twice"),
        ({"pairs": "all"}, "module.pairs=all: give auto, or lists of symbols"),
        ({"pairs": []}, "give auto, or lists"),
        ({"stages": ["forcaster"]}, "'forcaster' is not one of.*Did you mean 'forecaster'"),
        ({"stages": []}, "name at least one of"),
        ({"leverage_limit": 1.5}, "module.leverage_limit=1.5 is above env.limits.intraday_gross=1,"),
        ({"leverage_limit": 0.0}, "module.leverage_limit=0.0: must be between 0.001 and 100"),
        ({"risk_penalty": -1.0}, "module.risk_penalty=-1.0: must be between 0 and 100"),
        ({"window_steps": 0}, "module.window_steps=0: must be a whole number"),
    ],
)
def test_invalid_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        learner(**options)


@pytest.mark.parametrize(
    ("stage", "options", "message"),
    [
        ("forecaster", {"levels": [0.5]}, "must be a list of 2 to 100, each between"),
        ("forecaster", {"levels": [0.9, 0.1]}, "must be ascending numbers"),
        ("forecaster", {"levels": [0.0, 0.5]}, "must be a list of 2 to 100, each between"),
        ("forecaster", {"updates": 0}, "module.forecaster.updates=0: must be a whole number"),
        ("specialists", {"learning_rate": 0.0}, "module.specialists.learning_rate=0.0"),
        ("specialists", {"validation_fraction": 0.9}, "module.specialists.validation_fraction=0.9"),
    ],
)
def test_invalid_options_of_a_stage_are_refused(stage: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        replace(getattr(small(), stage), **options)


def test_one_symbol_makes_no_pairs() -> None:
    rules = Rules(limits=Limits(long_only=True))
    with pytest.raises(ConfigError, match="needs at least two symbols to form pairs; this market has only S1"):
        learner(MARKET.select(["S1"]), rules)


def test_an_environment_trades_its_symbols_under_the_rules_that_concern_them(run: Path, tmp_path: Path) -> None:
    rules = replace(RULES, reward=Reward(cvar_penalty=0.25), guard=Guard(drawdown_threshold=0.1))
    one = prepared(run, tmp_path, rules=rules, pairs=[["S2", "S0"], ["S1", "S3", "S0"]], risk_penalty=0.5)
    first, second = (ppo.env.task for ppo in one.ppos)
    assert first.market.symbols == ("S2", "S0")
    assert first.rules.costs.per_asset_bps == {"S2": 9.0} and second.rules.costs.per_asset_bps is None
    assert first.rules.guard == second.rules.guard == rules.guard
    assert first.rules.reward.cvar_penalty == 0.75  # that of the environment and that of the module
    np.testing.assert_array_equal(first.market.returns, MARKET.returns[:, [2, 0]])
    np.testing.assert_array_equal(first.signals, one.feed.signals[:, [2, 0]])
    np.testing.assert_array_equal(second.cvar, one.feed.cvar[:, [1, 3, 0]])
    assert (first.span, second.head.n_assets) == (one.splits.train, 3)
    parts = one.parts()
    assert parts["S2_S0"].rules == replace(rules, costs=replace(rules.costs, per_asset_bps={"S2": 9.0}))


def test_an_update_of_every_basket_is_logged_and_counted(run: Path, tmp_path: Path) -> None:
    one, recorder = prepared(run, tmp_path), Recorder()
    trainer = fit(one, recorder)
    assert one.updates == len(recorder.history) == 3
    assert one.totals.env_steps == 3 * 2 * 128
    assert trainer.global_step == 3 * 2 * 2 * 2  # updates, baskets, epochs, minibatches
    assert recorder.history[-1]["train/env_steps"] == 3 * 128


def test_the_same_seed_gives_the_same_numbers(run: Path, tmp_path: Path) -> None:
    runs = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        one = prepared(run, tmp_path, seed=seed)
        fit(one)
        runs.append(weights_of(one))
    assert all(np.array_equal(x, runs[1][name]) for name, x in runs[0].items())
    assert any(not np.array_equal(x, runs[2][name]) for name, x in runs[0].items())


def test_whether_stages_were_done_or_taken_changes_nothing_of_the_portfolio(run: Path, tmp_path: Path) -> None:
    runs = []
    for number, earlier in enumerate((None, run)):
        torch.manual_seed(3)
        one = learner()
        one.prepare(Preparation(tmp_path / str(number), earlier, FIT))
        fit(one)
        runs.append(weights_of(one))
    assert all(np.array_equal(x, runs[1][name]) for name, x in runs[0].items())


def test_the_book_holds_each_pair_on_its_share(run: Path, tmp_path: Path) -> None:
    one = prepared(run, tmp_path, pairs=[["S3", "S1"], ["S0", "S2"]])
    fit(one)
    book = one.network()
    assert [basket.tolist() for basket in book.baskets] == [[3, 1], [0, 2]]
    assert book.shares.tolist() == pytest.approx(one.shares)
    for number, part in enumerate(one.parts().values()):
        weights = part.network.state_dict()
        for name, tensor in weights.items():
            if name.startswith("actors.0"):
                assert torch.equal(tensor, book.state_dict()[name.replace("actors.0", f"actors.{number}")])
    policy, part = one.policy(), one.parts()["S3_S1"]
    assert policy.feature_names == NAMES
    assert part.facts.symbols == ("S3", "S1")
    assert part.facts.seen == one.facts().seen


def test_the_exported_policy_acts_as_the_network_that_was_trained(run: Path, tmp_path: Path) -> None:
    one = prepared(run, tmp_path, pairs=[["S3", "S1"]])
    fit(one)
    env, part = one.ppos[0].env, one.parts()["S3_S1"]
    observations, _ = env.reset(seed=1)
    with torch.no_grad():
        trained = one.ppos[0].network(torch.as_tensor(observations))[0].mean.numpy()
    from tests.policies.acting import observe

    bars = env.core.accounts.bar.tolist()
    names = type("Asking", (), {"feature_names": NAMES, "window_steps": 4})
    seen = observe(part.market, bars, names)
    acted = part.network.allocate(one.normalizer.apply(seen.features), seen)
    np.testing.assert_allclose(acted, env.task.head.targets(trained, np.zeros((len(trained), 2))), atol=1e-5)
    one.export(tmp_path / "policy")
    whole = load_checkpoint(tmp_path / "policy")
    np.testing.assert_allclose(whole.act(observe(MARKET, bars, names))[:, [3, 1]], acted, atol=1e-6)


def test_a_limit_above_one_has_an_action_of_its_own() -> None:
    rules = Rules(limits=Limits(long_only=True, intraday_gross=1.5, closing_gross=1.5))
    heads = [learner(rules=rules, leverage_limit=limit).head for limit in (0.7, 1.3)]
    for levered, head in zip((False, True), heads, strict=True):
        assert head.leverage_head == levered
        most = head.weights(torch.zeros(1, 2), torch.tensor([10.0]) if levered else None)
        assert float(most.sum()) == pytest.approx(1.3 if levered else 0.7, rel=0.02)


def test_behind_a_shut_gate_the_book_holds_equal_weights(run: Path, tmp_path: Path) -> None:
    from rlx.policies.gate import Gate
    from tests.policies.acting import observe

    one = prepared(run, tmp_path, pairs=[["S3", "S1"]])
    fit(one)
    seen = observe(MARKET, [200, 210], one.policy())
    assert np.ptp(one.policy().act(seen)) > 0.1
    one.gate = Gate(False, 0.0, 0.1, 1.6, None, 1.0, 100, 0.05)
    np.testing.assert_array_equal(one.policy().act(seen), np.full((2, 4), 0.25))


def test_without_the_portfolio_there_are_no_updates_and_no_policy(tmp_path: Path) -> None:
    one = learner(stages=["forecaster"])
    one.prepare(Preparation(tmp_path, None, FIT))
    assert one.updates == 0
    name, summary = one.report({}, 0.0)
    assert name == "pipeline_summary.json"
    assert list(summary["stages"]) == ["forecaster"]


def test_specialists_that_are_left_out_make_one_forecaster_for_all(tmp_path: Path) -> None:
    one = learner(stages=["forecaster", "portfolio"])
    one.prepare(Preparation(tmp_path, None, FIT))
    assert one.network().forecaster.n_series == 1
    assert one.report({"book": {}}, 1.0)[1]["stages"]["portfolio"]["inputs"]["forecasts_of"] == "forecaster"


def test_the_summary_has_inputs_and_results_of_each_stage(run: Path, tmp_path: Path) -> None:
    one = prepared(run, tmp_path)
    _, summary = one.report({"book": {"sharpe": 0.5}}, 2.0)
    stages = summary["stages"]
    assert list(stages) == ["forecaster", "specialists", "portfolio"]
    for stage in stages.values():
        assert set(stage) == {"source", "inputs", "artefacts", "metrics", "wall_seconds"}
    assert stages["specialists"]["inputs"]["upstream"] == stages["forecaster"]["artefacts"]["key"]
    assert stages["portfolio"]["metrics"] == {"book": {"sharpe": 0.5}}
    assert sum(stages["portfolio"]["inputs"]["shares"].values()) == pytest.approx(1.0)
    assert set(one.preparation_metrics()) >= {"forecast/forecaster_skill", "forecast/specialists_pinball_loss"}


def test_a_name_can_be_that_of_a_folder() -> None:
    assert part_name(("BTC/USD", "ETH/USD")) == "BTC-USD_ETH-USD"
    assert part_name(("..",)).startswith("unnamed_") and part_name(("^A", "B")) != part_name(("=A", "B"))


@pytest.mark.slow
def test_predictable_gains_are_held(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The forecaster predicts returns that alternate in sign, and PPO holds the asset that will rise."""
    from rlx.data.synthetic import synthetic
    from tests.learners.fitting import played

    caplog.set_level(logging.ERROR)
    market = Market(synthetic("mean_reverting", 4, 600, 1))
    free = Rules(limits=Limits(long_only=True))
    settings = {"total_env_steps": 20_000, "n_accounts": 32, "rollout_steps": 32, "minibatch_size": 256}
    one = learner(market, free, **{**settings, "forecaster": replace(small().forecaster, updates=200)})
    one.prepare(Preparation(tmp_path, None, FIT))
    assert one.forecasts["forecaster"].facts.metrics["skill"] > 0.3
    fit(one)
    earned = played(one.policy(), market, free, one.splits.test).net_return.mean()
    equal = market.returns[one.splits.test.start : one.splits.test.stop].mean()
    assert earned > equal + 0.002
