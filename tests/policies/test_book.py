"""A book is its baskets, each on its share of the equity."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from rlx.data.market import Market
from rlx.data.normalizer import Normalizer
from rlx.data.synthetic import synthetic
from rlx.decisions.encoding import encode
from rlx.decisions.head import AllocationHead
from rlx.decisions.observation import Observation
from rlx.errors import ConfigError
from rlx.forecast.network import some_series
from rlx.policies.checkpoint import load_checkpoint, save_checkpoint
from rlx.policies.facts import PolicyFacts
from rlx.policies.networks import book as book_module
from rlx.policies.networks.book import BookAllocation, signals_of
from rlx.sim.rules import Rules
from tests.policies.acting import observe

NAMES = ("return_1", "volatility_5")
LEVELS = [0.1, 0.5, 0.9]
MARKET = Market(synthetic("random_walk", 5, 60, seed=2))


def book(n_assets: int, baskets: list[list[int]], shares: list[float], **options: Any) -> BookAllocation:
    shared_forecaster = options.pop("shared_forecaster", False)
    torch.manual_seed(0)
    network = BookAllocation(
        head=AllocationHead(**{"n_assets": n_assets, "long_only": True, "max_gross": 1.0, **options}),
        n_features=len(NAMES),
        window_steps=4,
        forecaster={"window_steps": 4, "hidden_size": 3, "levels": LEVELS},
        shared_forecaster=shared_forecaster,
        baskets=baskets,
        shares=shares,
        hidden_sizes=[8],
    )
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.5)
    nn.init.uniform_(network.signal_std, 0.5, 2.0)
    return network.eval()


def seen(network: BookAllocation, weights: np.ndarray) -> tuple[np.ndarray, Observation]:
    """Return scaled features of two bars, and what their accounts look like."""
    normalizer = Normalizer.fit(NAMES, MARKET.features(NAMES), slice(10, 50))
    observation = observe(
        MARKET,
        [20, 33],
        type("Asking", (), {"feature_names": NAMES, "window_steps": 4}),
        weights=weights,
        drawdown=np.array([0.0, 0.03]),
        trailing_return=np.array([0.01, -0.02]),
        cooldown_long=np.array([[0, 2, 0, 0, 1], [0, 0, 0, 3, 0]]),
    )
    return normalizer.apply(observation.features), observation


def test_forecasts_are_the_scaled_signals_that_it_decides_from(monkeypatch: pytest.MonkeyPatch) -> None:
    network = book(5, [[4, 1], [0, 2]], [0.3, 0.7])
    features, observation = seen(network, np.zeros((2, 5)))
    forecast = network.forecast(features)
    with torch.no_grad():
        signals = signals_of(network.forecaster, torch.from_numpy(features[:, :, [0, 1, 2, 4]]))[:, -1]
    np.testing.assert_allclose(forecast, network.scaled(signals).numpy(), rtol=1e-6)
    decided = network.allocate(features, observation)
    shown = []
    monkeypatch.setattr(book_module, "encode", lambda flat, *state: shown.append(flat) or encode(flat, *state))
    np.testing.assert_array_equal(network.allocate(features, observation), decided)
    np.testing.assert_array_equal(shown[0], forecast[:, [3, 1]].reshape(2, -1))  # columns of assets 4 and 1


def test_each_basket_acts_as_alone_on_its_share() -> None:
    baskets, shares = [[4, 1], [0, 2]], [0.3, 0.7]
    network = book(5, baskets, shares)
    weights = np.array([[0.2, 0.05, 0.1, 0.0, 0.15], [0.3, 0.2, 0.3, 0.0, 0.1]])
    features, observation = seen(network, weights)
    together = network.allocate(features, observation)
    assert np.all(together[:, 3] == 0.0)  # in no basket
    for number, (basket, share) in enumerate(zip(baskets, shares, strict=True)):
        alone = book(2, [[0, 1]], [1.0])
        rows = [network.traded.tolist().index(asset) for asset in basket]
        alone.forecaster.load_state_dict(some_series(network.forecaster.state_dict(), 4, rows))
        alone.actors[0].load_state_dict(network.actors[number].state_dict())
        alone.signal_mean, alone.signal_std = network.signal_mean, network.signal_std
        own = Observation(
            **{
                **vars(observation),
                "weights": weights[:, basket] / share,
                "cooldown_long": observation.cooldown_long[:, basket],
                "cooldown_short": observation.cooldown_short[:, basket],
            }
        )
        np.testing.assert_allclose(together[:, basket], share * alone.allocate(features[:, :, basket], own), atol=1e-6)


def test_baskets_with_a_common_asset_add_up() -> None:
    network = book(5, [[0, 1], [1, 2]], [0.5, 0.5])
    weights = np.full((2, 5), 0.1)
    np.testing.assert_allclose(network._held(weights)[0], [0.2, 0.1, 0.2, 0.0, 0.0])
    allocated = network.allocate(*seen(network, weights))
    assert allocated.shape == (2, 5) and np.all(allocated[:, :3] > 0.0) and np.all(allocated[:, 3:] == 0.0)
    assert np.all(allocated.sum(axis=1) < 1.0)  # each basket may leave cash


def test_a_shared_forecaster_serves_every_asset() -> None:
    network = book(5, [[0, 1], [3, 2]], [0.5, 0.5], shared_forecaster=True)
    assert network.forecaster.n_series == 1
    assert network.allocate(*seen(network, np.zeros((2, 5)))).shape == (2, 5)


@pytest.mark.parametrize("levered", [False, True])
def test_a_checkpoint_acts_as_the_book_it_was_written_from(levered: bool, tmp_path: Path) -> None:
    network = book(5, [[4, 1], [0, 2]], [0.3, 0.7], max_gross=1.5 if levered else 0.8, leverage_head=levered)
    normalizer = Normalizer.fit(NAMES, MARKET.features(NAMES), slice(10, 50))
    facts = PolicyFacts.of("pufferlib", MARKET, Rules(), normalizer, 4, {}, seen={})
    save_checkpoint(tmp_path / "policy", facts, network)
    policy = load_checkpoint(tmp_path)
    features, observation = seen(network, np.full((2, 5), 0.1))
    np.testing.assert_array_equal(policy.act(observation), network.allocate(features, observation))
    assert policy.reads_account


@pytest.mark.parametrize(("baskets", "shares"), [([[0, 5]], [1.0]), ([[-1, 0]], [1.0]), ([[0, 1]], [0.5, 0.5])])
def test_baskets_that_do_not_fit_are_refused(baskets: list[list[int]], shares: list[float]) -> None:
    with pytest.raises(ConfigError, match="must be columns of 5 assets"):
        book(5, baskets, shares)
