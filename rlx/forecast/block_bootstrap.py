"""The null model: the next bars are blocks of past bars, drawn for all symbols at once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np

from rlx.data.market import Market
from rlx.fields import HorizonSteps, Samples
from rlx.forecast.forecaster import Forecast
from rlx.forecast.paths import LEVELS, bar_moves, compounded, prices_of, random_at, require_history
from rlx.ranges import Whole, check_fields
from rlx.types import FloatArray, IntArray

REMEDY = "Lower forecaster.lookback_bars, or use a longer history."


@dataclass
class BlockBootstrapConfig:
    """Paths of ``n_samples`` blocks of ``block_bars`` consecutive bars, all from the last ``lookback_bars`` moves."""

    _target_: str = "rlx.forecast.block_bootstrap.BlockBootstrap"
    horizon_steps: HorizonSteps = 1
    n_samples: Samples = 256
    block_bars: Annotated[int, Whole(1, 1_000)] = 5
    lookback_bars: Annotated[int, Whole(2, 100_000)] = 252

    def __post_init__(self) -> None:
        check_fields(self, "forecaster")


class BlockBootstrap:
    """Draws past bars with their close, high and low of every symbol (moving blocks, Kuensch 1989).

    It knows the distribution of recent moves and nothing about today. ``n_samples`` paths of ``horizon_steps`` bars;
    blocks are shortened to the horizon.
    """

    name = "block_bootstrap"
    last_seen: np.datetime64 | None = None

    def __init__(self, **options: Any) -> None:
        self.config = BlockBootstrapConfig(**options)
        self.horizon_steps = self.config.horizon_steps
        self._block = min(self.config.block_bars, self.horizon_steps, self.config.lookback_bars)

    def first_bar(self, market: Market) -> int:
        """Return the first bar with ``lookback_bars`` moves up to it; DataError for a market without one."""
        return require_history(self.name, market, self.config.lookback_bars, REMEDY)

    def forecast(self, market: Market, bars: IntArray, seed: int) -> Forecast:
        """Return sample paths (B, S, A, H, P), joint over symbols, bars and prices."""
        drawn = np.stack([self._drawn(market, int(bar), seed) for bar in bars])  # (B, S, H)
        moves: FloatArray = np.swapaxes(bar_moves(market.panel)[drawn], 2, 3)  # (B, S, A, H, P)
        return Forecast.of_paths(compounded(moves), LEVELS, prices_of(market.panel))

    def identity(self) -> dict[str, Any]:
        """Return the options: they decide the forecasts of a market."""
        return asdict(self.config)

    def _drawn(self, market: Market, bar: int, seed: int) -> IntArray:
        """Return the numbers (S, H) of the drawn moves; move j ends at the close of bar j + 1."""
        n_blocks = -(-self.horizon_steps // self._block)
        uniform = random_at(seed, market.timestamps[bar]).random((self.config.n_samples, n_blocks))
        n_starts = self.config.lookback_bars - self._block + 1
        starts = bar - self.config.lookback_bars + np.floor(uniform * n_starts).astype(np.int64)
        steps = starts[..., None] + np.arange(self._block)
        return np.asarray(steps.reshape(len(steps), -1)[:, : self.horizon_steps])
