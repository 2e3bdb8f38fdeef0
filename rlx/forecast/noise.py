"""For tests: forecasts that are noise, unrelated to any price."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np

from rlx.data.market import Market
from rlx.fields import HorizonSteps, Samples
from rlx.forecast.forecaster import Forecast
from rlx.forecast.paths import LEVELS, compounded, prices_of, random_at
from rlx.ranges import Number, check_fields
from rlx.types import FloatArray, IntArray


@dataclass
class NoiseConfig:
    """Forecasts whose moves have the standard deviation ``size``, and as much spread between their samples."""

    _target_: str = "rlx.forecast.noise.NoiseForecaster"
    horizon_steps: HorizonSteps = 1
    n_samples: Samples = 32
    size: Annotated[float, Number(1e-6, 0.05)] = 0.002

    def __post_init__(self) -> None:
        check_fields(self, "forecaster")


class NoiseForecaster:
    """Draws the forecast itself: whatever a strategy earns on it comes from the strategy or from its accounting.

    The forecast of each symbol and bar is a random centre of three moves; samples are spread around it. The lowest
    of the three is the low, the highest the high. Moves are expected to be zero, so closes are a martingale.
    """

    name = "noise"
    last_seen: np.datetime64 | None = None
    test_only = "its forecasts are noise"

    def __init__(self, **options: Any) -> None:
        self.config = NoiseConfig(**options)
        self.horizon_steps = self.config.horizon_steps

    def first_bar(self, market: Market) -> int:
        """Return 0: nothing is estimated."""
        return 0

    def forecast(self, market: Market, bars: IntArray, seed: int) -> Forecast:
        """Return sample paths (B, S, A, H, P), independent between symbols."""
        prices = prices_of(market.panel)
        drawn = [[self._moves(seed, market.timestamps[bar], symbol) for symbol in market.symbols] for bar in bars]
        moves = np.moveaxis(np.stack(drawn), 1, 2)[..., : len(prices)]  # (B, S, A, H, P)
        return Forecast.of_paths(compounded(moves), LEVELS, prices)

    def identity(self) -> dict[str, Any]:
        """Return the options: they decide the forecasts of a market."""
        return asdict(self.config)

    def _moves(self, seed: int, stamp: np.datetime64, symbol: str) -> FloatArray:
        """Return the moves (S, H, 3) of one symbol: close, high, low."""
        random, shape = random_at(seed, stamp, symbol), (self.horizon_steps, 3)
        centre = random.standard_normal(shape)
        drawn = np.sort(centre + random.standard_normal((self.config.n_samples, *shape)), axis=-1)
        return np.asarray(self.config.size * drawn[..., [1, 2, 0]])
