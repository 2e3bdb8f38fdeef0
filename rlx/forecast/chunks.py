"""Forecasts of many bars, asked for in parts that fit into memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from rlx.console import late_progress
from rlx.data.market import Market
from rlx.forecast.cache import default_cache
from rlx.forecast.forecaster import Forecast, Forecaster
from rlx.types import IntArray

CHUNK_BYTES = 2**26
"""Size of one part's forecasts; while they are computed, a few times as much memory is in use."""


def forecasts(
    forecaster: Forecaster,
    market: Market,
    bars: IntArray,
    seed: int,
    chunk_bytes: int = CHUNK_BYTES,
    cached: bool = True,
) -> Iterator[tuple[slice, Forecast]]:
    """Yield the forecasts made at ``bars`` (T,) part by part, each with its place in ``bars``.

    The first part is a single bar, whose size decides those of the others. A progress bar appears after two seconds.
    Unless ``cached`` is false, parts are read from the user's cache if they are there, and otherwise added to it.
    """
    kept = default_cache() if cached else None
    done, size, total = 0, 1, len(bars)
    with late_progress() as show:
        while done < total:
            show(f"Forecasting with {forecaster.name}", done, total)
            part = slice(done, min(done + size, total))
            chosen = np.asarray(bars[part])
            ask = forecaster.forecast if kept is None else partial(kept.forecast, forecaster)
            made = ask(market, chosen, seed)
            yield part, made
            size = max(1, chunk_bytes * (part.stop - part.start) // max(_bytes(made), 1))
            done = part.stop


class LastRows:
    """Keeps the forecasts from place ``first`` on while all pass by; these are never held together."""

    def __init__(self, first: int) -> None:
        self._first = first
        self._kept: list[Forecast] = []

    def passing(self, parts: Iterable[tuple[slice, Forecast]]) -> Iterator[tuple[slice, Forecast]]:
        """Yield the parts unchanged."""
        for part, made in parts:
            if part.stop > self._first:
                rows = made.quantiles[max(0, self._first - part.start) :].copy()
                self._kept.append(Forecast(made.levels, rows, None, made.prices, made.joint))
            yield part, made

    def joined(self) -> Forecast:
        """Return what was kept, the quantiles only."""
        return replace(self._kept[0], quantiles=np.concatenate([made.quantiles for made in self._kept]))


def _bytes(forecast: Forecast) -> int:
    return forecast.quantiles.nbytes + (0 if forecast.paths is None else forecast.paths.nbytes)
