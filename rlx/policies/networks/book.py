"""Baskets of assets, each allocated by its own network from forecasts, and combined into one book."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rlx.decisions.encoding import encode, observation_size
from rlx.decisions.head import AllocationHead
from rlx.decisions.observation import Observation
from rlx.errors import ConfigError
from rlx.forecast.network import QuantileForecaster
from rlx.policies.networks.base import PolicyNetwork
from rlx.policies.networks.mlp import perceptron
from rlx.types import FloatArray

SIGNAL_BOUND = 5.0  # standard deviations at which a forecast's number is clipped


class Book(PolicyNetwork):
    """Forecasters of the traded assets, and for each basket a network with forecasts and its account as inputs.

    There is a forecaster for each asset in a basket, in the order of the assets, or one shared by all. An asset's
    signals are its quantiles and its embedding, scaled by the buffers ``signal_mean`` and ``signal_std``. A basket
    decides as if its part of ``shares`` were its own account: it sees the weights held as fractions of that part, its
    assets' cooldowns, and drawdown and trailing return of the whole account. Other assets are not held. A subclass
    implements ``act``.
    """

    signal_mean: Tensor
    signal_std: Tensor

    def __init__(
        self,
        n_assets: int,
        n_features: int,
        window_steps: int,
        forecaster: Mapping[str, Any],
        shared_forecaster: bool,
        baskets: Sequence[Sequence[int]],
        shares: Sequence[float],
        **own: Any,
    ) -> None:
        super().__init__(
            n_assets=n_assets,
            n_features=n_features,
            window_steps=window_steps,
            forecaster=forecaster,
            shared_forecaster=shared_forecaster,
            baskets=baskets,
            shares=shares,
            **own,
        )
        self.baskets, self.n_assets = [np.array(basket) for basket in baskets], n_assets
        self.traded = np.unique(np.concatenate(self.baskets))  # columns of the assets that are forecast, ascending
        self.shares = np.array(shares, dtype=np.float64)
        if self.traded[0] < 0 or self.traded[-1] >= n_assets or len(shares) != len(baskets):
            raise ConfigError(
                f"baskets={baskets}, shares={shares}: must be columns of {n_assets} assets, with a share each."
            )
        n_series = 1 if shared_forecaster else self.traded.size
        self.forecaster = QuantileForecaster(n_series, n_features, **forecaster)
        self.width = signal_width(self.forecaster)
        self.register_buffer("signal_mean", torch.zeros(self.width))
        self.register_buffer("signal_std", torch.ones(self.width))

    def act(self, number: int, encoded: FloatArray, held: FloatArray) -> FloatArray:
        """Return the weights of a basket (B, n) as fractions of its equity, from what it observes and holds (B, n)."""
        raise NotImplementedError

    def allocate(self, features: FloatArray, observation: Observation) -> FloatArray:
        """Forecast, let each basket act, and combine the baskets."""
        signals = self.forecast(features)
        weights = np.zeros((signals.shape[0], self.n_assets))
        held = self._held(observation.weights)
        for number, (basket, share) in enumerate(zip(self.baskets, self.shares, strict=True)):
            encoded = encode(
                signals[:, np.searchsorted(self.traded, basket)].reshape(signals.shape[0], -1),
                held[:, basket],
                observation.drawdown,
                observation.trailing_return,
                observation.cooldown_long[:, basket],
                observation.cooldown_short[:, basket],
            )
            weights[:, basket] += share * self.act(number, encoded, held[:, basket])
        return weights

    def forecast(self, features: FloatArray) -> FloatArray:
        """Return the scaled quantiles and embeddings (B, traded, S) of ``features`` (B, W, A, F)."""
        with torch.inference_mode():
            seen = torch.from_numpy(features[:, :, self.traded])
            signals: FloatArray = self.scaled(signals_of(self.forecaster, seen))[:, -1].numpy()
        return signals

    def scaled(self, signals: Tensor) -> Tensor:
        """Return signals (..., S) in standard deviations, clipped."""
        return ((signals - self.signal_mean) / self.signal_std).clamp(-SIGNAL_BOUND, SIGNAL_BOUND)

    def _held(self, weights: FloatArray) -> FloatArray:
        """Return weights (B, A) as fractions of the equity shared by the baskets with that asset."""
        of_asset = np.zeros(self.n_assets)
        for basket, share in zip(self.baskets, self.shares, strict=True):
            of_asset[basket] += share
        return np.divide(weights, of_asset, out=np.zeros_like(weights), where=of_asset > 0.0)


class BookAllocation(Book):
    """A tanh perceptron for each basket, which has the ``head`` over its own assets: older checkpoints have it."""

    def __init__(
        self,
        head: AllocationHead,
        n_features: int,
        window_steps: int,
        forecaster: Mapping[str, Any],
        shared_forecaster: bool,
        baskets: Sequence[Sequence[int]],
        shares: Sequence[float],
        hidden_sizes: Sequence[int],
    ) -> None:
        super().__init__(
            head.n_assets,
            n_features,
            window_steps,
            forecaster,
            shared_forecaster,
            baskets,
            shares,
            hidden_sizes=hidden_sizes,
            **head.bounds(),
        )
        self.heads = [head.over(len(basket)) for basket in baskets]
        self.actors = nn.ModuleList(
            perceptron(observation_size(own.n_assets, self.width, 1), hidden_sizes, own.n_actions) for own in self.heads
        )

    def act(self, number: int, encoded: FloatArray, held: FloatArray) -> FloatArray:
        """Return the weights of the basket's mean action."""
        with torch.inference_mode():
            actions = self.actors[number](torch.from_numpy(encoded)).numpy()
        return self.heads[number].weights(actions)


def signal_width(forecaster: QuantileForecaster) -> int:
    """Return the number of signals S of an asset: its quantiles and its embedding."""
    return len(forecaster.levels) + forecaster.hidden_size


def signals_of(forecaster: QuantileForecaster, features: Tensor) -> Tensor:
    """Return quantiles and embeddings (B, T, A, S) of normalized features (B, L, A, F)."""
    return torch.cat(forecaster(features), dim=-1)
