"""For tests: the next bars themselves, as if they were known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rlx.data.market import Market
from rlx.fields import HorizonSteps
from rlx.forecast.forecaster import Forecast
from rlx.forecast.paths import LEVELS, bar_moves, compounded, prices_of
from rlx.ranges import check_fields
from rlx.types import FloatArray, IntArray


@dataclass
class OracleConfig:
    """The actual moves of the next ``horizon_steps`` bars."""

    _target_: str = "rlx.forecast.oracle.OracleForecaster"
    horizon_steps: HorizonSteps = 1

    def __post_init__(self) -> None:
        check_fields(self, "forecaster")


class OracleForecaster:
    """Knows the future: the upper bound of what any forecast could earn, and a test of everything that earns it."""

    name = "oracle"
    last_seen: np.datetime64 | None = None
    test_only = "it knows the next bar"

    def __init__(self, **options: Any) -> None:
        self.config = OracleConfig(**options)
        self.horizon_steps = self.config.horizon_steps

    def first_bar(self, market: Market) -> int:
        """Return 0: nothing is estimated."""
        return 0

    def forecast(self, market: Market, bars: IntArray, seed: int) -> Forecast:
        """Return one path (B, 1, A, H, P), NaN beyond the market's last bar; ``seed`` has no effect."""
        known = bar_moves(market.panel)  # move j is that of bar j + 1
        beyond: FloatArray = np.full((self.horizon_steps, *known.shape[1:]), np.nan)
        steps = np.asarray(bars)[:, None] + np.arange(self.horizon_steps)
        moves = np.swapaxes(np.concatenate([known, beyond])[steps], 1, 2)[:, None]
        return Forecast.of_paths(compounded(moves), LEVELS, prices_of(market.panel))
