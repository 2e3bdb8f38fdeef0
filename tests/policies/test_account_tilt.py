from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from rlx.decisions.observation import Observation
from rlx.decisions.tilt import TiltHead
from rlx.policies.checkpoint import CheckpointPolicy, load_checkpoint, save_checkpoint
from rlx.policies.facts import PolicyFacts
from rlx.policies.networks import network_name, network_of
from rlx.policies.networks.account_tilt import AccountTilt
from rlx.policies.networks.arguments import argument_types, build
from tests.envs.tasks import FEATURES, LONG_ONLY, make_market, normalizer_of
from tests.policies.acting import observe

N_FEATURES, WINDOW = 3, 2


def make_network(n_members: int = 2, head: TiltHead | None = None) -> AccountTilt:
    return AccountTilt(head or TiltHead(True, 1.0), N_FEATURES, WINDOW, 4, n_members, 1.5, 0.5)


def shaken(network: AccountTilt) -> AccountTilt:
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter))
    return network


def situation(n_assets: int, batch: int = 6, held: bool = True) -> tuple[np.ndarray, Observation]:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(batch, WINDOW, n_assets, N_FEATURES)).astype(np.float32)
    weights = rng.dirichlet(np.ones(n_assets), batch) if held else np.zeros((batch, n_assets))
    nothing, no_cooldown = np.zeros(batch), np.zeros((batch, n_assets), dtype=np.int64)
    bars = np.zeros(batch, dtype=np.int64)
    stamps = bars.astype("datetime64[ns]")
    return features, Observation(
        features, weights, nothing + 1.0, nothing, nothing, no_cooldown, no_cooldown, bars, stamps, bars
    )


def permuted(seen: Observation, order: list[int]) -> Observation:
    columns = {name: getattr(seen, name)[:, order] for name in ("weights", "cooldown_long", "cooldown_short")}
    return Observation(**{**vars(seen), **columns})


def test_an_untrained_network_holds_equal_weights() -> None:
    weights = make_network().allocate(*situation(4, held=False))
    np.testing.assert_array_equal(weights, np.full((6, 4), 0.25))


def test_weights_do_not_depend_on_the_order_of_the_assets() -> None:
    network, (features, seen) = shaken(make_network()), situation(5)
    order = [3, 1, 4, 0, 2]
    weights = network.allocate(features, seen)
    assert np.abs(weights - 0.2).max() > 0.05
    np.testing.assert_allclose(
        network.allocate(features[:, :, order], permuted(seen, order)), weights[:, order], atol=1e-6
    )


def test_it_sees_what_differs_between_the_assets_and_not_what_they_share() -> None:
    network, (features, seen) = shaken(make_network()), situation(3)
    moved = features + np.float32(2.0)
    np.testing.assert_allclose(network.allocate(moved, seen), network.allocate(features, seen), atol=1e-5)


def test_what_is_held_counts() -> None:
    network, (features, seen) = shaken(make_network()), situation(3)
    other = Observation(**{**vars(seen), "weights": np.roll(seen.weights, 1, axis=1)})
    network.speed = 1.0
    assert np.abs(network.allocate(features, seen) - network.allocate(features, other)).max() > 0.01


def test_the_same_weights_decide_for_any_number_of_assets() -> None:
    network = shaken(make_network())
    for n_assets in (2, 3, 30):
        weights = network.allocate(*situation(n_assets))
        assert weights.shape == (6, n_assets)
        np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-9)


def test_members_decide_by_their_mean_score() -> None:
    network = shaken(make_network(3))
    encoded = torch.randn(7, WINDOW * 3 * N_FEATURES + 3 * 3 + 2)
    alone = [network.among(slice(number, number + 1)) for number in range(3)]
    assert [one.arguments()["n_members"] for one in alone] == [1, 1, 1]
    with torch.no_grad():
        torch.testing.assert_close(network(encoded), torch.stack([one(encoded) for one in alone]).mean(0))


def test_a_network_is_built_again_from_its_arguments() -> None:
    network = shaken(make_network())
    assert network.arguments().keys() == argument_types(AccountTilt).keys()
    again = build(network_of(network_name(network), "here"), network.arguments())
    again.load_state_dict(network.state_dict())
    np.testing.assert_array_equal(again.allocate(*situation(4)), network.allocate(*situation(4)))


def test_a_checkpoint_decides_for_other_symbols_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    market = make_market(n_assets=3)
    facts = PolicyFacts.of("gymrl", market, LONG_ONLY, normalizer_of(market, WINDOW), WINDOW, {}, {})
    assert len(FEATURES) == N_FEATURES
    save_checkpoint(tmp_path / "policy", facts, shaken(make_network()))
    policy: CheckpointPolicy = load_checkpoint(tmp_path)
    larger = make_market(n_assets=5)
    policy.bind(larger)
    assert "it also decides for" in caplog.text
    assert policy.act(observe(larger, [40, 60], policy)).shape == (2, 5)
