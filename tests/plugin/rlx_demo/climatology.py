"""A forecaster: the distribution of recent moves, regardless of today's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from rlx.data.market import Market
from rlx.forecast.forecaster import Forecast
from rlx.ranges import Whole, check_fields
from rlx.types import IntArray

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass
class ClimatologyConfig:
    """Quantiles of the moves over 1 to ``horizon_steps`` bars that ended within the last ``lookback_steps`` bars."""

    _target_: str = "rlx_demo.climatology.Climatology"
    lookback_steps: Annotated[int, Whole(2, 10_000)] = 250
    horizon_steps: Annotated[int, Whole(1, 1_000)] = 1

    def __post_init__(self) -> None:
        check_fields(self, "forecaster")


class Climatology:
    """Forecasts each symbol by its own past; nothing is drawn and nothing is trained beforehand."""

    name = "climatology"
    last_seen: np.datetime64 | None = None

    def __init__(self, lookback_steps: int, horizon_steps: int) -> None:
        self.lookback_steps, self.horizon_steps = lookback_steps, horizon_steps

    def first_bar(self, market: Market) -> int:
        """Return the first bar with ``lookback_steps`` moves over ``horizon_steps`` bars up to it."""
        return self.lookback_steps + self.horizon_steps - 1

    def forecast(self, market: Market, bars: IntArray, seed: int) -> Forecast:
        """Return the quantiles (B, A, H, 1, K) of the close."""
        ends = np.asarray(bars)[:, None] - np.arange(self.lookback_steps)  # (B, L)
        close, steps = market.panel.close, range(1, self.horizon_steps + 1)
        moves = np.stack([close[ends] / close[ends - step] - 1.0 for step in steps], axis=-1)  # (B, L, A, H)
        quantiles = np.moveaxis(np.quantile(moves, LEVELS, axis=1), 0, -1)  # (B, A, H, K)
        return Forecast(LEVELS, quantiles[:, :, :, None])
