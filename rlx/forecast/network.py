"""Causal convolutions over each asset's bars, which output quantiles of its next return."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from rlx.untrusted.network_weights import constructor_types

OUTPUT_SCALE = 0.02  # standard deviation of the last layer's initial weights: forecasts start near the climatology


class QuantileForecaster(nn.Module):
    """Temporal convolutional network (Bai, Kolter and Koltun 2018, arXiv:1803.01271) with ordered quantiles.

    It has ``n_series`` parallel sets of weights, as groups of convolutions: all assets share a single set, or each
    asset has its own. Dilations double until the receptive field is exactly ``window_steps`` bars. The quantiles are
    the lowest quantile plus increments that are positive by construction.
    """

    def __init__(
        self, n_series: int, n_features: int, window_steps: int, hidden_size: int, levels: Sequence[float]
    ) -> None:
        super().__init__()
        self.n_series, self.window_steps, self.hidden_size = n_series, window_steps, hidden_size
        self.levels = tuple(float(level) for level in levels)
        if not 0.0 < self.levels[0] <= self.levels[-1] < 1.0 or list(self.levels) != sorted(set(self.levels)):
            raise ValueError(f"levels={self.levels}: must be ascending, above 0 and below 1")
        width = n_series * hidden_size
        self.embed = nn.Conv1d(n_series * n_features, width, 1, groups=n_series)
        self.layers = nn.ModuleList(
            nn.Conv1d(width, width, 2, dilation=dilation, groups=n_series) for dilation in dilations(window_steps)
        )
        self.head = nn.Conv1d(width, n_series * len(self.levels), 1, groups=n_series)
        nn.init.normal_(self.head.weight, std=OUTPUT_SCALE)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return quantiles (B, T, A, K) and embeddings (B, T, A, H) in (-1, 1) of ``features`` (B, L, A, F).

        T = L - window_steps + 1: each of the last T bars is forecast from its own window. Quantiles are in units of
        the asset's scale.
        """
        batch, length, n_assets, _ = features.shape
        shared = self.n_series == 1
        series = features.transpose(1, 2).flatten(0, 1).unsqueeze(2) if shared else features  # (B * A, L, 1, F)
        x = self.embed(series.permute(0, 2, 3, 1).flatten(1, 2))  # (N, S * H, L)
        for layer, dilation in zip(self.layers, dilations(self.window_steps), strict=True):
            x = x[..., dilation:] + functional.gelu(layer(x))
        x = torch.tanh(x)
        steps = length - self.window_steps + 1
        parts = (self._by_step(part, steps) for part in (self.head(x), x))
        raw, embedding = (part.view(batch, n_assets, steps, -1).transpose(1, 2) if shared else part for part in parts)
        return ordered(raw.float()), embedding

    def _by_step(self, x: Tensor, steps: int) -> Tensor:
        """Return channels (N, S * C, T) as (N, T, S, C)."""
        return x.view(x.shape[0], self.n_series, -1, steps).permute(0, 3, 1, 2)

    def start_at(self, quantiles: Tensor) -> None:
        """Initialise the forecasts at approximately ``quantiles`` (K,)."""
        increments = torch.diff(quantiles).clamp(min=1e-3)
        raw = torch.cat((quantiles[:1], torch.log(torch.expm1(increments))))
        with torch.no_grad():
            assert self.head.bias is not None
            self.head.bias.copy_(raw.repeat(self.n_series))

    def arguments(self) -> dict[str, Any]:
        """Return the shapes, except the number of series and features."""
        return {"window_steps": self.window_steps, "hidden_size": self.hidden_size, "levels": list(self.levels)}


def shape_types() -> dict[str, Any]:
    """Return the types of ``QuantileForecaster.arguments()`` by name."""
    types = constructor_types(QuantileForecaster)
    return {name: types[name] for name in types if name not in ("n_series", "n_features")}


def ordered(raw: Tensor) -> Tensor:
    """Return ascending quantiles (..., K): the first unchanged, the others by increments softplus(raw)."""
    lowest, increments = raw[..., :1], functional.softplus(raw[..., 1:])
    return torch.cat((lowest, lowest + increments.cumsum(-1)), dim=-1)


def dilations(window_steps: int) -> list[int]:
    """Return dilations 1, 2, 4, ... of kernels of size two, the last one cut, that add up to ``window_steps`` - 1."""
    found: list[int] = []
    while sum(found) < window_steps - 1:
        found.append(min(2 ** len(found), window_steps - 1 - sum(found)))
    return found


def one_for_each(shared: QuantileForecaster, n_series: int, n_features: int) -> QuantileForecaster:
    """Return a forecaster with ``n_series`` copies of one set of weights."""
    network = QuantileForecaster(n_series, n_features, **shared.arguments())
    copies = {name: torch.cat([tensor] * n_series) for name, tensor in shared.state_dict().items()}
    network.load_state_dict(copies)
    return network


def some_series(state: dict[str, Tensor], n_series: int, chosen: Sequence[int]) -> dict[str, Tensor]:
    """Return the weights of the ``chosen`` series of ``n_series``, in that order."""
    rows = torch.as_tensor(list(chosen))
    return {
        name: tensor.view(n_series, -1, *tensor.shape[1:])[rows].flatten(0, 1).clone() for name, tensor in state.items()
    }
