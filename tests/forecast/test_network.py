"""The forecasting network reads only its window; copies and selections of series keep its forecasts."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rlx.forecast.network import QuantileForecaster, dilations, one_for_each, some_series

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
ASSETS, FEATURES = 4, 3


def forecaster(n_series: int = 1, window_steps: int = 6) -> QuantileForecaster:
    torch.manual_seed(0)
    network = QuantileForecaster(n_series, FEATURES, window_steps, 5, LEVELS).double().eval()
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.7)
    return network


def bars(length: int = 20, batch: int = 2) -> torch.Tensor:
    return torch.randn(batch, length, ASSETS, FEATURES, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("n_series", [1, ASSETS])
@pytest.mark.parametrize("window_steps", [1, 2, 6, 9])
def test_a_forecast_depends_on_the_whole_window_of_its_asset_and_on_nothing_else(
    n_series: int, window_steps: int
) -> None:
    network, features = forecaster(n_series, window_steps), bars().requires_grad_()
    quantiles, embedding = network(features)
    assert quantiles.shape == (2, 21 - window_steps, ASSETS, len(LEVELS))
    assert embedding.shape == (2, 21 - window_steps, ASSETS, 5)
    chosen = 7
    (quantiles[0, chosen, 2].pow(2).sum() + embedding[0, chosen, 2].sum()).backward()
    assert features.grad is not None
    used = torch.nonzero(features.grad.abs().sum(-1))  # rows of window, bar, asset
    assert used.tolist() == [[0, bar, 2] for bar in range(chosen, chosen + window_steps)]


def test_quantiles_ascend_and_start_where_requested() -> None:
    quantiles, _ = forecaster()(bars())
    assert torch.all(quantiles.diff(dim=-1) > 0)
    network, wanted = QuantileForecaster(2, FEATURES, 3, 5, LEVELS), torch.tensor([-1.6, -0.6, 0.0, 0.7, 1.5])
    network.start_at(wanted)
    nn.init.zeros_(network.head.weight)
    started, _ = network(torch.randn(1, 3, 2, FEATURES))
    torch.testing.assert_close(started, wanted.expand(1, 1, 2, 5))


def test_one_for_each_forecasts_as_the_shared_one_until_it_is_trained() -> None:
    shared, features = forecaster().float(), bars().float()
    copies = one_for_each(shared, ASSETS, FEATURES)
    for own, common in zip(copies(features), shared(features), strict=True):
        torch.testing.assert_close(own, common)


def test_selected_series_forecast_their_assets_as_before() -> None:
    network, features, chosen = forecaster(ASSETS), bars(), [3, 1]
    part = QuantileForecaster(2, FEATURES, 6, 5, LEVELS).double()
    part.load_state_dict(some_series(network.state_dict(), ASSETS, chosen))
    for own, whole in zip(part(features[:, :, chosen]), network(features), strict=True):
        torch.testing.assert_close(own, whole[:, :, chosen])


@pytest.mark.parametrize(
    ("window", "expected"), [(1, []), (2, [1]), (7, [1, 2, 3]), (16, [1, 2, 4, 8]), (20, [1, 2, 4, 8, 4])]
)
def test_dilations_add_up_to_the_window(window: int, expected: list[int]) -> None:
    assert dilations(window) == expected
