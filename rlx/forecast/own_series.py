"""Forecasts of close, high and low, each from its own series by a model of single series, as moves of the last close."""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

import numpy as np
import torch

from rlx.compilation import Compiler
from rlx.data.market import Market
from rlx.data.panel import MarketPanel
from rlx.errors import ConfigError
from rlx.forecast.forecaster import Forecast
from rlx.forecast.paths import LEVELS, prices_of, random_at, require_history
from rlx.forecast.pretrained import PretrainedConfig
from rlx.forecast.sampling import CPU, Sampler, SamplingConfig, Units
from rlx.ranges import OneOf, check_fields
from rlx.types import FloatArray, IntArray

MOVES, PRICES_THEMSELVES = "moves", "prices"
log = logging.getLogger(__name__)


@dataclass
class OwnSeriesConfig(PretrainedConfig):
    """A model that is shown ``series``: the ``moves`` of a price against its own value one bar before, or ``prices``."""

    series: Annotated[str, OneOf((MOVES, PRICES_THEMSELVES))] = MOVES

    def __post_init__(self) -> None:
        check_fields(self, "forecaster")
        self.last_seen_date()


class SeriesModel(Protocol):
    """A model of single series: ``levels`` are those of its quantiles, none for one that draws paths.

    It sees at most ``context_limit`` values and forecasts at most ``horizon_limit``.
    """

    levels: tuple[float, ...]
    context_limit: int
    horizon_limit: int
    module: torch.nn.Module

    def forecast(self, series: FloatArray, horizon: int, uniform: FloatArray) -> FloatArray:
        """Return quantiles (N, H, K), or a path (N, H) for each row of random numbers ``uniform`` (N, H).

        ``series`` (N, L) has one series per row.
        """

    def move(self, device: str) -> None:
        """Move the model to a device."""


class OwnSeriesForecaster:
    """Joins what a model says about the separate series of each symbol's close, high and low.

    The series are independent of each other, so a high may be forecast below a low; that is counted by those who use
    the forecast, and never corrected. Counted here are ``crossed`` quantiles, which are put in ascending order
    (Chernozhukov et al. 2010), and ``impossible`` series with a price of 0 or below or no number, which become NaN.
    """

    def __init__(self, name: str, config: OwnSeriesConfig, sampling: SamplingConfig, model: SeriesModel) -> None:
        self.name, self.config, self.model = name, config, model
        self.horizon_steps, self.last_seen = config.horizon_steps, config.last_seen_date()
        self.n_samples = 1 if model.levels else sampling.n_samples
        self.counted: Counter[str] = Counter(crossed=0, impossible=0)
        self._sampling = sampling
        self._check_limits()
        self.place(CPU, "32", Compiler("off", CPU))

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
                f"forecaster.series={PRICES_THEMSELVES}, forecaster.horizon_steps=1, or a model of sample paths."
            )

    def place(self, device: str, precision: str, compiler: Compiler) -> None:
        """Run on another device, in other numbers, and compiled if ``compiler`` compiles."""
        self.model.move(device)
        self._precision, self._compiler = precision, compiler
        if compiler.used != "off":
            compiler.compile_module(self.model.module)
        self.sampler = Sampler(self.name, _NoDraw(self.model), self._sampling, device)

    def settings(self) -> dict[str, Any]:
        """Return the settings asked for and those in use, and what was counted."""
        return {
            **self.sampler.used.facts(),
            "precision": self._precision,
            "compile_asked": self._compiler.asked,
            "compile_used": self._compiler.used,
            "compile_fallback": self._compiler.fallback,
            "joint": False,
            "counted": dict(self.counted),
        }

    def first_bar(self, market: Market) -> int:
        """Return the first bar with ``context_bars`` values of each series; DataError for a market without one."""
        first = self.config.context_bars - (self.config.series != MOVES)
        return require_history(self.name, market, first, "Lower forecaster.context_bars, or use a longer history.")

    def forecast(self, market: Market, bars: IntArray, seed: int) -> Forecast:
        """Return quantiles (B, A, H, P, K), and paths (B, S, A, H, P) of a model that draws them."""
        bars = np.asarray(bars)
        prices = prices_of(market.panel)
        series = _series(market.panel, bars, self.config.context_bars, self.config.series)  # (A, B, P, L)
        task = _Task(self, series.reshape(market.n_assets, -1, series.shape[-1]), market, bars, seed)
        self.sampler.model = task
        shape = (len(bars), len(prices))
        drawn, counts = self.sampler.draw(market.symbols, shape[0] * shape[1], self.n_samples)
        values = drawn.reshape(*drawn.shape[:2], *shape, *drawn.shape[3:])  # (A, S, B, P, H[, K])
        moves = self._moves(values, market.panel, bars)
        return self._of_quantiles(moves, prices) if self.model.levels else self._of_paths(moves, prices, counts)

    def _moves(self, values: FloatArray, panel: MarketPanel, bars: IntArray) -> FloatArray:
        """Return moves against the last close from what the model says about the series (A, S, B, P, H[, K])."""
        prices = np.stack([getattr(panel, name)[bars] for name in prices_of(panel)], axis=-1)  # (B, A, P)
        close = panel.close[bars][:, :, None]

        def shaped(factors: FloatArray) -> FloatArray:
            return np.moveaxis(factors, 1, 0)[:, None].reshape(len(factors[0]), 1, *prices.shape[::2], *[1] * (values.ndim - 4))

        if self.config.series == MOVES:  # 1 + move = (1 + own move) x (last price / last close)
            return np.asarray(np.cumprod(1.0 + values, axis=4) * shaped(prices / close) - 1.0)
        return np.asarray(values / shaped(np.broadcast_to(close, prices.shape)) - 1.0)

    def _of_quantiles(self, moves: FloatArray, prices: tuple[str, ...]) -> Forecast:
        quantiles = np.moveaxis(moves[:, 0], (0, 1, 2, 3), (1, 0, 3, 2))  # (B, A, H, P, K)
        self._count("crossed", (np.diff(quantiles, axis=-1) < 0.0).any(axis=(2, 4)))
        quantiles = self._without_impossible(np.sort(quantiles, axis=-1), (2, 4))
        return Forecast(self.model.levels, quantiles, None, prices, joint=False)

    def _of_paths(self, moves: FloatArray, prices: tuple[str, ...], counts: IntArray) -> Forecast:
        paths = np.moveaxis(moves, (0, 1, 2, 3, 4), (2, 1, 0, 4, 3))  # (B, S, A, H, P)
        given = np.arange(self.n_samples)[:, None] < counts  # (S, A)
        paths = self._without_impossible(np.where(given[:, :, None, None], paths, 0.0), (1, 3))
        used = np.broadcast_to(counts, (len(paths), len(counts)))
        whole = bool(given.all())
        each = [np.quantile(paths[:, : counts[a], a], LEVELS, axis=1) for a in range(len(counts))]
        quantiles = np.moveaxis(np.stack(each, axis=2), 0, -1)
        return Forecast(
            *(LEVELS, quantiles, paths if whole else None, prices),
            joint=False,
            samples_asked=self.n_samples,
            samples_used=used,
        )

    def _without_impossible(self, moves: FloatArray, axes: tuple[int, int]) -> FloatArray:
        """Return moves with NaN for series that contain a price of 0 or below, or no number."""
        bad = ~(moves > -1.0).all(axis=axes, keepdims=True) | ~np.isfinite(moves).all(axis=axes, keepdims=True)
        self._count("impossible", bad)
        return np.where(bad, np.nan, moves)

    def _count(self, what: str, found: Any) -> None:
        number = int(np.count_nonzero(found))
        if number and not self.counted[what]:
            log.warning("forecaster=%s: %d series with %s forecasts; they are counted.", self.name, number, what)
        self.counted[what] += number


@dataclass
class _Task:
    """One call's series for the sampler: rows are bars and prices, in this order."""

    forecaster: OwnSeriesForecaster
    series: FloatArray  # (A, R, L)
    market: Market
    bars: IntArray
    seed: int

    def __post_init__(self) -> None:
        self._uniform: dict[tuple[int, int], FloatArray] = {}

    def draw(self, units: Units) -> FloatArray:
        """Return what the model says about each unit's series."""
        model, config = self.forecaster.model, self.forecaster.config
        device = next(model.module.parameters()).device.type
        half = self.forecaster._precision == "bf16-mixed"
        uniform = self._random(units) if not model.levels else np.zeros((len(units), 0))
        with torch.inference_mode(), torch.autocast(device, torch.bfloat16) if half else nullcontext():
            return model.forecast(self.series[units.symbol, units.row], config.horizon_steps, uniform)

    def move(self, device: str) -> None:
        """Move the model, and free the other device's memory."""
        _NoDraw(self.forecaster.model).move(device)

    def _random(self, units: Units) -> FloatArray:
        """Return the random numbers (N, H) of each unit: those of its seed, series, bar and sample."""
        rows = zip(units.symbol, units.row, units.sample, strict=True)
        return np.stack([self._of_row(int(symbol), int(row))[sample] for symbol, row, sample in rows])

    def _of_row(self, symbol: int, row: int) -> FloatArray:
        if (symbol, row) not in self._uniform:
            prices = prices_of(self.market.panel)
            bar, price = divmod(row, len(prices))
            series = f"{self.market.symbols[symbol]}\0{prices[price]}"
            random = random_at(self.seed, self.market.timestamps[self.bars[bar]], series)
            shape = (self.forecaster.n_samples, self.forecaster.horizon_steps)
            self._uniform[symbol, row] = random.random(shape)
        return self._uniform[symbol, row]
