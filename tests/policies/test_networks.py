"""Networks read their window and nothing else, and pass through a checkpoint unchanged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from rlx.decisions.head import AllocationHead
from rlx.policies.networks import network_name, network_of
from rlx.policies.networks.arguments import argument_types, build
from rlx.policies.networks.gru_dirichlet import GruDirichlet, softplus_inverse
from rlx.policies.networks.mlp import MlpAllocation
from rlx.policies.networks.sequence import SequenceNetwork
from rlx.policies.networks.transformer import TransformerAllocation, shared_lags

ASSETS, FEATURES = 3, 4


def transformer(window_steps: int = 6, n_layers: int = 2, **options: Any) -> TransformerAllocation:
    head = AllocationHead(**{"n_assets": ASSETS, "long_only": True, "max_gross": 1.0, **options})
    return TransformerAllocation(head, FEATURES, window_steps, 8, 2, n_layers, 0.0)


def gru(window_steps: int = 6, long_only: bool = True, max_gross: float = 1.0) -> GruDirichlet:
    return GruDirichlet(ASSETS, FEATURES, window_steps, 8, 1, long_only, max_gross, 0.5, 2.0)


def shaken(network: SequenceNetwork) -> SequenceNetwork:
    """Return the network with parameters far from their small first values, so that nothing is hidden by zeros."""
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.7)
    return network.double().eval()


NETWORKS = [
    *(pytest.param(lambda w=w, n=n: transformer(w, n), id=f"transformer-{w}-{n}") for w, n in ((1, 1), (6, 2), (8, 3))),
    pytest.param(lambda: transformer(4, 2, long_only=False), id="transformer-short"),
    pytest.param(lambda: transformer(4, 2, leverage_head=True), id="transformer-leverage"),
    *(pytest.param(lambda w=w: gru(w), id=f"gru-{w}") for w in (1, 6)),
    pytest.param(lambda: gru(5, long_only=False), id="gru-short"),
]


@pytest.mark.parametrize("make", NETWORKS)
def test_a_sequence_is_decided_as_its_windows_are(make: Any) -> None:
    torch.manual_seed(0)
    network = shaken(make())
    window, features = network.window_steps, torch.randn(2, 17, ASSETS, FEATURES, dtype=torch.float64)
    with torch.no_grad():
        together = network(features)
        separately = [network(features[:, end - window : end])[:, 0] for end in range(window, 18)]
    assert together.shape[1] == 17 - window + 1
    torch.testing.assert_close(together, torch.stack(separately, dim=1), atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("make", NETWORKS)
def test_every_bar_of_the_window_counts_and_no_other(make: Any) -> None:
    torch.manual_seed(1)
    network = shaken(make())
    features = torch.randn(1, 20, ASSETS, FEATURES, dtype=torch.float64, requires_grad=True)
    chosen = 20 - network.window_steps - 3  # the third but last decision
    network(features)[:, chosen].pow(2).sum().backward()
    assert features.grad is not None
    heeded = features.grad.abs().sum((0, 2, 3)) > 0
    assert torch.nonzero(heeded).flatten().tolist() == list(range(chosen, chosen + network.window_steps))


@pytest.mark.parametrize(("lags", "layers", "expected"), [(0, 2, [0, 0]), (5, 2, [3, 2]), (7, 3, [3, 2, 2])])
def test_layers_share_the_window(lags: int, layers: int, expected: list[int]) -> None:
    assert shared_lags(lags, layers) == expected


@pytest.mark.parametrize(
    ("long_only", "leverage_head", "max_gross"),
    [(True, False, 1.0), (True, True, 1.5), (False, False, 0.8), (False, True, 2)],
)
def test_the_head_reads_tensors_as_it_reads_arrays(long_only: bool, leverage_head: bool, max_gross: float) -> None:
    head = AllocationHead(4, long_only, max_gross, leverage_head, 3.0)
    actions = torch.rand(50, head.n_actions, dtype=torch.float64) * 2 - 1
    np.testing.assert_allclose(head.tensor_weights(actions).numpy(), head.weights(actions.numpy()), atol=1e-14)


@pytest.mark.parametrize("make", NETWORKS)
def test_a_network_is_built_again_from_its_arguments(make: Any) -> None:
    network = make().eval()
    again = build(network_of(network_name(network), "here"), network.arguments()).eval()
    assert again.arguments() == network.arguments()
    again.load_state_dict(network.state_dict())
    features = np.random.default_rng(0).normal(size=(2, network.window_steps, ASSETS, FEATURES)).astype(np.float32)
    np.testing.assert_array_equal(again.allocate(features, None), network.allocate(features, None))  # type: ignore[arg-type]


@pytest.mark.parametrize("make", NETWORKS)
def test_every_argument_has_a_type_that_a_file_is_held_to(make: Any) -> None:
    network = make()
    assert network.arguments().keys() == argument_types(type(network)).keys()


def test_a_file_has_the_numbers_of_a_head_one_by_one() -> None:
    network = MlpAllocation(AllocationHead(ASSETS, False, 1.5, True, 3.0), FEATURES, 2, [8, 4])
    assert list(network.arguments().items()) == [
        ("n_assets", ASSETS),
        ("n_features", FEATURES),
        ("window_steps", 2),
        ("hidden_sizes", [8, 4]),
        ("long_only", False),
        ("max_gross", 1.5),
        ("leverage_head", True),
        ("logit_scale", 3.0),
    ]
    assert build(MlpAllocation, network.arguments()).head == network.head


def test_parts_become_long_short_and_reserve() -> None:
    parts = torch.tensor([0.1, 0.2, 0.3, 0.05, 0.0, 0.25, 0.1])  # three longs, three shorts, the reserve
    weights = gru(long_only=False, max_gross=2.0).portfolio(parts)
    torch.testing.assert_close(weights, torch.tensor([0.1, 0.4, 0.1]))
    longs = gru(max_gross=1.5).portfolio(torch.tensor([0.1, 0.2, 0.3, 0.4]))
    torch.testing.assert_close(longs, torch.tensor([0.15, 0.3, 0.45]))


def test_an_untrained_gru_is_near_equal_parts() -> None:
    torch.manual_seed(0)
    concentration = gru()(torch.randn(4, 6, ASSETS, FEATURES))
    assert concentration.shape == (4, 1, ASSETS + 1)
    assert torch.all((concentration - 2.0).abs() < 0.2)
    assert softplus_inverse(np.log1p(np.e)) == pytest.approx(1.0)


def test_both_sides_of_a_short_network_can_be_told_apart() -> None:
    torch.manual_seed(0)
    network = shaken(gru(long_only=False))
    features = torch.randn(1, 6, ASSETS, FEATURES, dtype=torch.float64)
    before = network(features)[0, 0]
    network.sides.bias.data += torch.tensor([5.0, 0.0], dtype=torch.float64)  # type: ignore[union-attr, operator]
    after = network(features)[0, 0]
    assert torch.all(after[:ASSETS] > before[:ASSETS] + 1.0)  # longs come first
    assert torch.equal(after[ASSETS:], before[ASSETS:])


def test_many_windows_are_decided_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    network = transformer(3).eval()
    features = np.random.default_rng(0).normal(size=(7, 3, ASSETS, FEATURES)).astype(np.float32)
    whole = network.allocate(features, None)  # type: ignore[arg-type]
    monkeypatch.setattr("rlx.policies.networks.sequence.LARGEST_BATCH", 3)
    np.testing.assert_allclose(network.allocate(features, None), whole, atol=1e-7)  # type: ignore[arg-type]
