"""Inputs of the portfolio stage: signals of every bar of the training span, and the forecast risk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from rlx.data.market import Market
from rlx.data.normalizer import Normalizer
from rlx.data.splits import Span
from rlx.forecast.hand_over import Forecasts
from rlx.forecast.network import some_series
from rlx.policies.networks.book import SIGNAL_BOUND, signals_of
from rlx.types import FloatArray


class Feed(NamedTuple):
    """Arrays over the bars of a market, zero outside the training span and its last close.

    ``signals`` (N, A, S) are quantiles and embeddings in standard deviations, float32; ``scaling`` holds their means
    and deviations. ``cvar`` (N - 1, A) is the loss at the lowest quantile, a proxy for the expected shortfall beyond
    it. ``uncertainty`` (N - 1, A) is half the distance between the lowest and the highest quantile. Both are returns.
    """

    signals: FloatArray
    scaling: Normalizer
    cvar: FloatArray
    uncertainty: FloatArray

    def among(self, columns: Sequence[int]) -> Feed:
        """Return the feed of some of the assets."""
        cvar, uncertainty = (np.ascontiguousarray(tape[:, columns]) for tape in (self.cvar, self.uncertainty))
        return Feed(np.ascontiguousarray(self.signals[:, columns]), self.scaling, cvar, uncertainty)


def make_feed(forecasts: Forecasts, market: Market, train: Span) -> Feed:
    """Forecast each bar of the training span from its window."""
    facts, network = forecasts.facts, forecasts.network()
    bars, steps = slice(train.start, train.stop + 1), slice(train.start, train.stop)
    window = slice(train.start - facts.window_steps + 1, bars.stop)
    seen = Normalizer.from_dict(facts.normalizer).apply(market.features(facts.feature_names)[window])
    with torch.inference_mode():
        raw = signals_of(network, torch.from_numpy(seen)[None])[0].numpy()  # (T, A, S)
    names = [f"signal_{number}" for number in range(raw.shape[-1])]
    scaling = Normalizer.fit(names, raw, slice(0, len(train)), SIGNAL_BOUND)  # of decisions only, as for features
    signals = np.zeros((market.n_bars, *raw.shape[1:]), dtype=np.float32)
    signals[bars] = scaling.apply(raw)
    quantiles = raw[:-1, :, : len(network.levels)] * np.array(facts.scale)[:, None]
    cvar, uncertainty = np.zeros((2, market.n_bars - 1, market.n_assets))
    cvar[steps] = np.maximum(0.0, -quantiles[..., 0])
    uncertainty[steps] = (quantiles[..., -1] - quantiles[..., 0]) / 2.0
    return Feed(signals, scaling, cvar, uncertainty)


def weights_of(forecasts: Forecasts, columns: Sequence[int]) -> dict[str, Tensor]:
    """Return the weights that forecast some of the assets: their own, or the shared weights."""
    n_series = forecasts.facts.n_series
    return forecasts.weights if n_series == 1 else some_series(forecasts.weights, n_series, columns)
