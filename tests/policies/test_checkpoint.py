from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save

from rlx.data.market import Market
from rlx.data.normalizer import Normalizer
from rlx.data.splits import Span
from rlx.decisions.head import AllocationHead
from rlx.errors import CheckpointError
from rlx.forecast.block_bootstrap import BlockBootstrapConfig
from rlx.forecast.features import ForecastOutlook
from rlx.policies.base import Policy
from rlx.policies.checkpoint import CheckpointPolicy, load_checkpoint, save_checkpoint
from rlx.policies.facts import PolicyFacts
from rlx.policies.networks.mlp import MlpAllocation
from rlx.sim.rules import Costs, Guard, Rules
from rlx.untrusted.network_weights import MAX_HEADER_BYTES
from tests.envs.tasks import FEATURES, make_market
from tests.policies.acting import observe


@pytest.fixture
def market() -> Market:
    return make_market()


def make_facts(market: Market, **config: Any) -> PolicyFacts:
    normalizer = Normalizer.fit(FEATURES, market.features(FEATURES), slice(10, 100))
    rules = Rules(costs=Costs(per_asset_bps={"S0": 3.0}), guard=Guard(drawdown_threshold=0.05))
    return PolicyFacts.of("gymrl", market, rules, normalizer, 2, {"seed": 0, **config}, {"trained": Span(3, 9)})


def make_network(seed: int = 0) -> MlpAllocation:
    torch.manual_seed(seed)
    return MlpAllocation(AllocationHead(3, True, 1.5, True, 2.0), len(FEATURES), 2, [8])


@pytest.fixture
def folder(market: Market, tmp_path: Path) -> Path:
    save_checkpoint(tmp_path / "run" / "policy", make_facts(market), make_network())
    return tmp_path / "run" / "policy"


def edit(folder: Path, **changes: Any) -> None:
    path = folder / "policy.json"
    content = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


def test_an_option_that_its_forecaster_gained_keeps_its_default(market: Market) -> None:
    outlook = ForecastOutlook.of(BlockBootstrapConfig(n_samples=16))
    recorded = {name: value for name, value in outlook.facts.items() if name != "lookback_bars"}

    def bind(**options: Any) -> None:
        facts = make_facts(market, forecaster={**recorded, **options})
        policy = CheckpointPolicy(replace(facts, feature_names=("forecast_q50",)), make_network())
        policy.bind(Market(market.panel, outlook))

    bind()
    with pytest.raises(CheckpointError, match=r"forecaster\.n_samples=17; here it is 16"):
        bind(n_samples=17)
    with pytest.raises(CheckpointError, match=r"forecaster\.lookback_bars=9; here it is 252"):
        bind(lookback_bars=9)
    with pytest.raises(CheckpointError, match=r"forecaster\._target_=another; here"):
        bind(_target_="another")


def test_a_saved_policy_acts_as_before_and_knows_its_origin(market: Market, folder: Path) -> None:
    loaded = load_checkpoint(folder)
    assert isinstance(loaded, Policy)
    loaded.bind(market)
    loaded.reset(3)
    observation = observe(market, [20, 30, 40], loaded, drawdown=np.array([0.0, 0.1, 0.2]))
    network = make_network()
    features = Normalizer.from_dict(loaded.facts.normalizer).apply(observation.features)
    weights = loaded.act(observation)
    np.testing.assert_array_equal(weights, network.allocate(features, observation))
    assert weights.shape == (3, 3) and weights.dtype == np.float64
    np.testing.assert_allclose(weights[:1], loaded.act(observe(market, [20], loaded)), atol=1e-6)
    facts = loaded.describe()
    assert facts["kind"] == "checkpoint" and facts["network"] == "mlp_allocation"
    assert facts["rules"]["guard"]["drawdown_threshold"] == 0.05
    assert facts["rules"]["costs"]["per_asset_bps"] == {"S0": 3.0}
    assert facts["data_fingerprint"] == market.fingerprint
    json.dumps(facts)


def test_a_run_folder_and_its_policy_folder_are_the_same(folder: Path) -> None:
    assert load_checkpoint(folder.parent).facts == load_checkpoint(str(folder)).facts
    assert sorted(path.name for path in folder.iterdir()) == ["policy.json", "policy.safetensors"]


def test_saving_again_replaces_the_whole_folder_and_leaves_nothing_beside_it(market: Market, folder: Path) -> None:
    (folder / "stray").touch()
    save_checkpoint(folder, make_facts(market, seed=1), make_network(seed=1))
    assert load_checkpoint(folder).facts.config["seed"] == 1
    assert [path.name for path in folder.parent.iterdir()] == ["policy"]
    assert not (folder / "stray").exists()


def test_a_save_that_fails_keeps_the_old_policy(market: Market, folder: Path) -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        save_checkpoint(folder, make_facts(market, learning_rate=float("nan")), make_network(seed=1))
    assert load_checkpoint(folder).facts.config == {"seed": 0}
    assert [path.name for path in folder.parent.iterdir()] == ["policy"]


def test_another_universe_is_refused_with_both_lists_and_the_way_out(folder: Path) -> None:
    policy = load_checkpoint(folder)
    other = make_market(n_assets=2)
    with pytest.raises(
        CheckpointError, match=r"trades S0, S1, S2; the data have S0, S1\. .*data\.symbols=\[S0,S1,S2\]"
    ):
        policy.bind(other)
    shuffled = Market(make_market().panel.select(["S2", "S0", "S1"]))
    with pytest.raises(CheckpointError, match="same symbols in another order"):
        policy.bind(shuffled)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nothing there"):
        load_checkpoint(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match=r"no policy\.json in it or in its policy/ folder"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("kept", [0, 4, 60, 400, -1])
def test_truncated_weights(folder: Path, kept: int) -> None:
    weights = folder / "policy.safetensors"
    weights.write_bytes(weights.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match=r"policy\.safetensors: damaged or truncated"):
        load_checkpoint(folder)


def test_missing_weights(folder: Path) -> None:
    (folder / "policy.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"policy\.safetensors: missing"):
        load_checkpoint(folder)


def test_weights_of_another_policy(market: Market, folder: Path) -> None:
    save_checkpoint(folder.parent / "other", make_facts(market), make_network(seed=1))
    (folder.parent / "other" / "policy.safetensors").replace(folder / "policy.safetensors")
    with pytest.raises(CheckpointError, match=r"not the file that belongs to policy\.json"):
        load_checkpoint(folder)


def test_weights_are_never_unpickled(folder: Path) -> None:
    torch.save({"layers.0.weight": torch.zeros(1)}, folder / "policy.safetensors")
    with pytest.raises(CheckpointError, match="damaged or truncated"):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": 2}, "format_version is 2, this version of rlx reads 1"),
        ({"format_version": None}, "format_version is null"),
        ({"symbols": None, "normalizer": None}, r"policy\.json: symbols is missing, expected a list"),
        ({"network": {"name": "mlp_alocation", "arguments": {}}}, "Did you mean 'mlp_allocation'"),
        (
            {"network": {"name": "evil.Net", "arguments": {}}},
            r'policy\.json: network\.name is "evil\.Net", which is unknown: installed are',
        ),
        (
            {"network": {"name": "mlp_allocation", "arguments": {"n_assets": 3}}},
            r"network\.arguments: lacks .*hidden_sizes",
        ),
        ({"network": "mlp"}, 'network is "mlp", expected a mapping'),
        ({"normalizer": {"mean": [0.0]}}, "normalizer.feature_names is missing"),
    ],
)
def test_damaged_facts(folder: Path, changes: dict[str, Any], message: str) -> None:
    edit(folder, **changes)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(folder)


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '{"format_version": 1}', "\x00"])
def test_facts_that_are_not_facts(folder: Path, text: str) -> None:
    (folder / "policy.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"policy\.json: "):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("dropped", "added", "said"),
    [
        ((), {"evil": 1}, r'network\.arguments: has unknown \["evil"\]\. Copy'),
        (("n_assets",), {}, r'network\.arguments: lacks \["n_assets"\]\. Copy'),
        (("n_assets",), {"evil": 1}, r'lacks \["n_assets"\], has unknown \["evil"\]\. Copy'),
    ],
)
def test_only_what_is_wrong_with_the_arguments_is_said(
    folder: Path, dropped: tuple[str, ...], added: dict[str, int], said: str
) -> None:
    network = json.loads((folder / "policy.json").read_text())["network"]
    kept = {name: value for name, value in network["arguments"].items() if name not in dropped}
    edit(folder, network=network | {"arguments": kept | added})
    with pytest.raises(CheckpointError, match=said):
        load_checkpoint(folder)


def test_shapes_that_do_not_fit_the_weights(folder: Path) -> None:
    network = json.loads((folder / "policy.json").read_text())["network"]
    network["arguments"]["hidden_sizes"] = [16]
    edit(folder, network=network)
    with pytest.raises(
        CheckpointError, match=r"layers\.0\.weight\" has shape \(8, 29\), and its network needs \(16, 29\)"
    ):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("feature_names", list(FEATURES)[::-1], r"expected those of the normalizer, in order: \["),
        ("feature_names", list(FEATURES)[1:], r"expected those of the normalizer, in order: \["),
        ("feature_names", 5, "expected a list"),
        ("symbols", ["S0", "S1"], r"expected 3 as in network\.arguments\.n_assets"),
        ("symbols", ["S0", "S1", 2], r"\[2\] is 2, expected text"),
        ("asset_classes", ["equity"], "expected 3, one per symbol"),
        ("window_steps", 0, "is 0, expected a whole number above 0"),
        ("window_steps", "1", 'is "1", expected a whole number'),
        ("window_steps", True, "is true, expected a whole number"),
        ("window_steps", 3, r"is 3, expected 2 as in network\.arguments\.window_steps"),
        ("config", None, "is null, expected a mapping"),
        ("config", [], r"is \[\], expected a mapping"),
        ("normalizer", [1], r"is \[1\], expected a mapping"),
        ("module", 7, "is 7, expected text"),
    ],
)
def test_facts_that_contradict_each_other(folder: Path, field: str, value: Any, expected: str) -> None:
    path = folder / "policy.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(CheckpointError, match=rf"policy\.json: {field}.*{expected}"):
        load_checkpoint(folder)


def test_features_that_the_network_does_not_take(folder: Path) -> None:
    content = json.loads((folder / "policy.json").read_text())
    scales = {name: values[1:] for name, values in content["normalizer"].items() if name != "clip"}
    normalizer = {**content["normalizer"], **scales}
    edit(folder, normalizer=normalizer, feature_names=content["feature_names"][1:])
    expected = rf"feature_names is .*expected {len(FEATURES)} as in network\.arguments\.n_features"
    with pytest.raises(CheckpointError, match=expected):
        load_checkpoint(folder)


def reseal(folder: Path, weights: bytes) -> None:
    """Write other weights, and their hash into the facts."""
    (folder / "policy.safetensors").write_bytes(weights)
    edit(folder, weights_sha256=hashlib.sha256(weights).hexdigest())


@pytest.mark.parametrize(
    ("argument", "value"),
    [("hidden_sizes", [10_000_000, 10_000_000]), ("hidden_sizes", [1] * 100_000), ("n_assets", 10**12)],
)
def test_no_network_is_built_that_the_weights_do_not_hold(
    folder: Path, argument: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def built(self: Any, *arguments: Any, **named: Any) -> None:
        raise AssertionError("a network was built")

    monkeypatch.setattr(torch.nn.Module, "__init__", built)
    network = json.loads((folder / "policy.json").read_text())["network"]
    network["arguments"][argument] = value
    edit(folder, network=network)
    with pytest.raises(CheckpointError, match=r"more than its weights have|expected 1000000000000 as in"):
        load_checkpoint(folder)


@pytest.mark.parametrize(("argument", "value"), [("hidden_sizes", [0]), ("hidden_sizes", [None]), ("n_assets", True)])
def test_sizes_that_are_none(folder: Path, argument: str, value: Any) -> None:
    network = json.loads((folder / "policy.json").read_text())["network"]
    network["arguments"][argument] = value
    edit(folder, network=network)
    with pytest.raises(CheckpointError, match=rf"policy\.json: .*{argument}"):
        load_checkpoint(folder)


def test_a_header_longer_than_the_file_or_than_any(folder: Path) -> None:
    for header in (2**40, MAX_HEADER_BYTES + 1):
        weights = header.to_bytes(8, "little") + b"{}"
        reseal(folder, weights)
        with pytest.raises(CheckpointError, match="a header of"):
            load_checkpoint(folder)


def test_weights_that_are_no_numbers_are_refused(folder: Path) -> None:
    tensors = load_file(folder / "policy.safetensors")
    next(iter(tensors.values()))[0] = float("nan")
    reseal(folder, save(tensors))
    with pytest.raises(CheckpointError, match="has numbers that are not finite 32-bit"):
        load_checkpoint(folder)
