"""Forecasts of many bars, asked for in parts that fit into memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rlx.console import late_progress
from rlx.data.market import Market
from rlx.forecast.forecaster import Forecast, Forecaster
from rlx.types import IntArray

CHUNK_BYTES = 2**26
"""Size of one part's forecasts; while they are computed, a few times as much memory is in use."""


def forecasts(
    forecaster: Forecaster, market: Market, bars: IntArray, seed: int, chunk_bytes: int = CHUNK_BYTES
) -> Iterator[tuple[slice, Forecast]]:
    """Yield the forecasts made at ``bars`` (T,) part by part, each with its place in ``bars``.

    The first part is a single bar, whose size decides those of the others. A progress bar appears after two seconds.
    """
    done, size, total = 0, 1, len(bars)
    with late_progress() as show:
        while done < total:
            show(f"Forecasting with {forecaster.name}", done, total)
            part = slice(done, min(done + size, total))
            made = forecaster.forecast(market, np.asarray(bars[part]), seed)
            yield part, made
            size = max(1, chunk_bytes * (part.stop - part.start) // max(_bytes(made), 1))
            done = part.stop


def _bytes(forecast: Forecast) -> int:
    return forecast.quantiles.nbytes + (0 if forecast.paths is None else forecast.paths.nbytes)
