"""Forecasts of the next bars, and the protocol of the forecasters that make them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol, runtime_checkable

import numpy as np

from rlx import registry
from rlx.compilation import Compiler
from rlx.data.market import Market
from rlx.errors import ConfigError
from rlx.types import BoolArray, FloatArray, IntArray

PRICES = ("close", "high", "low")


@dataclass(frozen=True)
class Forecast:
    """Forecasts for A symbols, made at the close of each of B bars for the H bars after it.

    Every number is a move relative to that close: price / close - 1. ``prices`` names the P prices that are forecast,
    some of ``PRICES`` with ``close`` first. ``quantiles`` (B, A, H, P, K) are at the K ascending ``levels``. ``paths``
    (B, S, A, H, P) are S sample paths, joint over symbols, bars and prices, or None if the forecaster has only
    quantiles.

    Without ``joint``, each series of a symbol and price was forecast on its own: paths of different series may not be
    combined, and a high may be below a low. A series without a possible forecast is NaN throughout. If memory ran out,
    ``samples_used`` (B, A) is below ``samples_asked``; both are None for a forecaster that always draws all.
    """

    levels: tuple[float, ...]
    quantiles: FloatArray
    paths: FloatArray | None = None
    prices: tuple[str, ...] = PRICES[:1]
    joint: bool = True
    samples_asked: int | None = None
    samples_used: IntArray | None = None

    @property
    def degraded(self) -> BoolArray:
        """Whether a symbol's forecast is from fewer samples than asked for, (B, A)."""
        if self.samples_used is None or self.samples_asked is None:
            return np.zeros(self.quantiles.shape[:2], dtype=bool)
        return np.asarray(self.samples_used < self.samples_asked)

    @classmethod
    def of_paths(cls, paths: FloatArray, levels: Sequence[float], prices: Sequence[str] = PRICES[:1]) -> Forecast:
        """Return the forecast that consists of sample paths and their quantiles at ``levels``."""
        quantiles = np.moveaxis(np.quantile(paths, levels, axis=1), 0, -1)
        return cls(tuple(levels), quantiles, paths, tuple(prices))


@runtime_checkable
class Forecaster(Protocol):
    """Forecasts the next ``horizon_steps`` bars of every symbol of a market.

    ``last_seen`` is the last close that went into anything fixed before the forecast, such as trained weights. It is
    None if everything is estimated from the bars up to the one at which the forecast is made.
    """

    name: str
    horizon_steps: int
    last_seen: np.datetime64 | None

    def first_bar(self, market: Market) -> int:
        """Return the first bar with enough history for a forecast; RlxError for a market that it cannot forecast."""

    def forecast(self, market: Market, bars: IntArray, seed: int) -> Forecast:
        """Return the forecasts made at the close of each of ``bars`` (B,), each from the bars up to its own only.

        With the same ``seed``, the forecast at a bar does not depend on the other ``bars``.
        """


@runtime_checkable
class Placeable(Forecaster, Protocol):
    """A forecaster with networks, which can be placed on hardware and compiled."""

    def place(self, device: str, precision: str, compiler: Compiler) -> None:
        """Run on ``cpu`` or ``cuda``, with ``32`` or ``bf16-mixed`` numbers, compiled as ``compiler`` says."""


@dataclass(frozen=True)
class Place:
    """What a forecaster was placed with; whether its code runs compiled is known after the first forecast only."""

    device: str
    precision: str
    compiler: Compiler

    @property
    def half(self) -> bool:
        """Whether the network runs in half precision."""
        return self.precision == "bf16-mixed"

    def used(self) -> tuple[str, str]:
        """Return what changes the rounding of forecasts next to the device."""
        return self.precision, self.compiler.used

    def facts(self) -> dict[str, Any]:
        """Return the settings asked for and those in use, for documents."""
        return {
            "device": self.device,
            "precision": self.precision,
            "compile_asked": self.compiler.asked,
            "compile_used": self.compiler.used,
            "compile_fallback": self.compiler.fallback,
        }


@runtime_checkable
class ForTests(Forecaster, Protocol):
    """A forecaster whose results are no evidence of skill; boards refuse them and documents give the reason.

    ``test_only`` is that reason.
    """

    test_only: str


def make_forecaster(name: str, **options: Any) -> Forecaster:
    """Return the forecaster that is registered as ``name``; ConfigError for an unknown name or option."""
    kind = registry.find("forecaster", name)
    if kind is None:
        raise ConfigError(f"forecaster={name!r:.80}: {registry.unknown('forecaster', name)}")
    known = [field.name for field in fields(kind) if not field.name.startswith("_")]
    if unknown := sorted(options.keys() - set(known)):
        raise ConfigError(f"forecaster={name}: has no option {unknown[0]}; it has {', '.join(known)}.")
    return built(kind(**options))


def built(config: Any) -> Forecaster:
    """Return the forecaster of an options object, such as ``config.forecaster`` of a command."""
    made: Forecaster = registry.built(config)
    return made
