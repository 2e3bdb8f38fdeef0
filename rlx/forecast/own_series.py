"""Forecasts of close, high and low, each from its own series, by a model of single series."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch

from rlx.data.market import Market
from rlx.errors import ConfigError
from rlx.forecast.forecaster import Forecast
from rlx.forecast.paths import prices_of, require_history
from rlx.forecast.placed import PlacedForecaster
from rlx.forecast.pretrained_config import LEVELS_OF_PRICE, MOVES, OwnSeriesConfig
from rlx.forecast.sampling import SamplingConfig, Units
from rlx.forecast.series import as_moves, bars_before, contexts
from rlx.types import FloatArray, IntArray


class SeriesModel(Protocol):
    """A model of single series: ``levels`` are those of its quantiles, none for one that draws paths.

    It sees at most ``context_limit`` values and forecasts at most ``horizon_limit``. ``module`` has its weights.
    """

    levels: tuple[float, ...]
    context_limit: int
    horizon_limit: int
    module: torch.nn.Module

    def forecast(self, series: FloatArray, horizon: int, uniform: FloatArray) -> FloatArray:
        """Return quantiles (N, H, K), or a path (N, H) for each row of random numbers ``uniform`` (N, H).

        ``series`` (N, L) has one series per row.
        """


class OwnSeriesForecaster(PlacedForecaster):
    """Joins what a model says about the separate series of each symbol's close, high and low.

    The series are independent of each other, so a high may be forecast below a low; users of a forecast count that, and
    nothing corrects it. ``crossed`` quantiles are counted and put in ascending order (Chernozhukov et al. 2010).
    """

    def __init__(self, name: str, config: OwnSeriesConfig, sampling: SamplingConfig, model: SeriesModel) -> None:
        self.config, self.model = config, model
        self._check_limits()
        super().__init__(name, config, sampling, [model.module])
        self.counted["crossed"] = 0

    def _check_limits(self) -> None:
        config, model = self.config, self.model
        for key, value, limit in (
            ("context_bars", config.context_bars, model.context_limit),
            ("horizon_steps", config.horizon_steps, model.horizon_limit),
        ):
            if value > limit:
                raise ConfigError(f"forecaster.{key}={value}: this model allows at most {limit}.")
        if model.levels and config.series == MOVES and config.horizon_steps > 1:
            raise ConfigError(
                f"forecaster.horizon_steps={config.horizon_steps}: quantiles of single moves do not compound. Use "
                f"forecaster.series={LEVELS_OF_PRICE}, forecaster.horizon_steps=1, or a model of sample paths."
            )

    def first_bar(self, market: Market) -> int:
        """Return the first bar with ``context_bars`` values of each series; DataError for a market without one."""
        first = bars_before(self.config.series, self.config.context_bars)
        return require_history(self.name, market, first, "Lower forecaster.context_bars, or use a longer history.")

    def forecast(self, market: Market, bars: IntArray, seed: int) -> Forecast:
        """Return quantiles (B, A, H, P, K), and paths (B, S, A, H, P) of a model that draws them."""
        bars, prices = np.asarray(bars), prices_of(market.panel)
        drawn, counts = self.sampler.draw(_Task(self, market, bars, seed), market.symbols, len(bars) * len(prices))
        shape = (*drawn.shape[:2], len(bars), len(prices), *drawn.shape[3:])  # (A, S, B, P, H[, K])
        values = np.moveaxis(drawn.reshape(shape), (0, 1, 2, 3), (1, 3, 0, 2))  # (B, A, P, S, H[, K])
        moves = as_moves(values, market.panel, bars, self.config.series)
        if not self.model.levels:
            return self.of_paths(moves.transpose(0, 3, 1, 4, 2), counts, prices)
        return self._of_quantiles(np.swapaxes(moves[:, :, :, 0], 2, 3), prices)

    def _of_quantiles(self, moves: FloatArray, prices: tuple[str, ...]) -> Forecast:
        """Return the forecast of quantiles (B, A, H, P, K)."""
        self.count("crossed", (np.diff(moves, axis=-1) < 0.0).any(axis=(2, 4)))
        quantiles = np.sort(self.without_impossible(moves, (2, 4)), axis=-1)
        return Forecast(self.model.levels, quantiles, None, prices, joint=False)


class _Task:
    """The series of one call for the sampler: a row is a bar and a price."""

    def __init__(self, forecaster: OwnSeriesForecaster, market: Market, bars: IntArray, seed: int) -> None:
        self.forecaster, self.market, self.bars, self.seed = forecaster, market, bars, seed
        config = forecaster.config
        self._contexts = contexts(market.panel, config.context_bars, config.series)
        self._places = bars - bars_before(config.series, config.context_bars)
        self._prices = prices_of(market.panel)

    def draw(self, units: Units) -> FloatArray:
        """Return what the model says about each unit's series."""
        model, horizon = self.forecaster.model, self.forecaster.horizon_steps
        bar, price = np.divmod(units.row, len(self._prices))
        series = self._contexts[self._places[bar], units.symbol, price]  # (N, L)
        none = np.zeros((len(units), 0))
        uniform = none if model.levels else self.forecaster.random_rows(self.seed, units, self._named, horizon)
        with self.forecaster.inference():
            return model.forecast(series, horizon, uniform)

    def move(self, device: str) -> None:
        """Move the model."""
        self.forecaster.move(device)

    def _named(self, symbol: int, row: int) -> tuple[np.datetime64, str]:
        bar, price = divmod(row, len(self._prices))
        return self.market.timestamps[self.bars[bar]], f"{self.market.symbols[symbol]}\0{self._prices[price]}"
