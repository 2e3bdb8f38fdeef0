"""What a forecaster says of the bars to come, and what whatever makes forecasts has to offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol, runtime_checkable

import numpy as np

from rlx import registry
from rlx.data.market import Market
from rlx.errors import ConfigError
from rlx.types import FloatArray, IntArray

PRICES = ("close", "high", "low")


@dataclass(frozen=True)
class Forecast:
    """What is expected at the close of each of B bars for the H bars after it, of A symbols.

    Every number is a move against that close: price / close - 1. ``prices`` names the P prices that are forecast, some
    of ``PRICES`` with ``close`` first. ``quantiles`` (B, A, H, P, K) are at the K ascending ``levels``. ``paths``
    (B, S, A, H, P) are S samples of what may happen, joint over symbols, bars and prices; None from a forecaster that
    has no more than quantiles, which are not samples.
    """

    levels: tuple[float, ...]
    quantiles: FloatArray
    paths: FloatArray | None = None
    prices: tuple[str, ...] = PRICES[:1]

    @classmethod
    def of_paths(cls, paths: FloatArray, levels: Sequence[float], prices: Sequence[str] = PRICES[:1]) -> Forecast:
        """Return the forecast of sample paths, with their quantiles at ``levels``."""
        quantiles = np.moveaxis(np.quantile(paths, levels, axis=1), 0, -1)
        return cls(tuple(levels), quantiles, paths, tuple(prices))


@runtime_checkable
class Forecaster(Protocol):
    """Forecasts the next ``horizon_steps`` bars of every symbol of a market.

    ``last_seen`` is the last close that went into what it knows before it is asked, such as trained weights; None when
    all it knows is estimated from the bars up to the one that it forecasts from.
    """

    name: str
    horizon_steps: int
    last_seen: np.datetime64 | None

    def first_bar(self, market: Market) -> int:
        """Return the first bar with enough past to forecast from; RlxError for a market that it cannot forecast."""

    def forecast(self, market: Market, bars: IntArray, seed: int) -> Forecast:
        """Return what is expected at the close of each of ``bars`` (B,), from the bars up to that one alone.

        The same ``seed`` gives a bar the same numbers, whichever other bars are asked for with it.
        """


def make_forecaster(name: str, **options: Any) -> Forecaster:
    """Return the forecaster that is registered as ``name``; ConfigError for an unknown name or option."""
    from hydra.utils import get_object

    kind = registry.find("forecaster", name)
    if kind is None:
        raise ConfigError(f"forecaster={name!r:.80}: {registry.unknown('forecaster', name)}")
    known = [field.name for field in fields(kind) if not field.name.startswith("_")]
    if unknown := sorted(options.keys() - set(known)):
        raise ConfigError(f"forecaster={name}: has no option {unknown[0]}; it has {', '.join(known)}.")
    config = kind(**options)
    made: Forecaster = get_object(config._target_)(**{option: getattr(config, option) for option in known})
    return made
