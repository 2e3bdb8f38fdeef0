"""The error of the forecasts that strategies trade on, compared with that of forecasting no move."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from rlx.backtest.joined import Joined
from rlx.data.market import Market
from rlx.forecast.aggregate import quantile_at
from rlx.forecast.cache import default_cache
from rlx.forecast.forecaster import Forecast, Forecaster, ForTests
from rlx.forecast.scored import pinball_losses
from rlx.types import FloatArray, IntArray

MIDDLE_80 = (0.1, 0.9)


class Observed:
    """A forecaster whose forecasts, kept in the user's cache, are also scored as they pass: pinball loss and coverage.

    ``test_only`` is the reason why its results are no evidence of skill, None where they may be. ``degraded_rows``
    counts forecasts from fewer samples than asked for.
    """

    def __init__(self, forecaster: Forecaster) -> None:
        self._inner = forecaster
        self.name, self.horizon_steps = forecaster.name, forecaster.horizon_steps
        self.last_seen = forecaster.last_seen
        self.test_only = forecaster.test_only if isinstance(forecaster, ForTests) else None
        self.degraded_rows = 0
        self._losses: list[FloatArray] = []
        self._inside: list[FloatArray] = []

    def first_bar(self, market: Market) -> int:
        """Return that of the forecaster."""
        return self._inner.first_bar(market)

    def forecast(self, market: Market, bars: IntArray, seed: int) -> Forecast:
        """Return the forecaster's forecast, and score it where the next bar is known."""
        kept = default_cache()
        made = (self._inner.forecast if kept is None else partial(kept.forecast, self._inner))(market, bars, seed)
        self.degraded_rows += int(made.degraded.sum())
        known = np.asarray(bars) < market.n_bars - 1
        actual = market.returns[np.asarray(bars)[known]]
        quantiles = np.ascontiguousarray(made.quantiles[known][:, :, 0, 0])  # sums of a cached layout round differently
        error, levels = actual[..., None] - quantiles, np.array(made.levels)
        self._losses.append(pinball_losses(error, levels).mean(axis=-1))
        if made.paths is not None or (made.levels[0] <= MIDDLE_80[0] and made.levels[-1] >= MIDDLE_80[1]):
            low, high = (quantile_at(made, level)[known][:, :, 0, 0] for level in MIDDLE_80)
            scored = np.where(np.isfinite(low), (low <= actual) & (actual <= high), np.nan)
            self._inside.append(scored)
        return made

    def scores(self, at: slice) -> dict[str, float | None]:
        """Return pinball loss and coverage of the middle 80% for some symbols, None where nothing was scored."""
        return {"pinball": _mean(self._losses, at), "coverage_80": _mean(self._inside, at)}


def _mean(parts: list[FloatArray], at: slice) -> float | None:
    scored = np.concatenate([part[:, at].ravel() for part in parts]) if parts else np.empty(0)
    scored = scored[np.isfinite(scored)]
    return float(scored.mean()) if scored.size else None


def forecast_error(joined: Joined, at: slice) -> dict[str, dict[str, Any]]:
    """Return for each price the mean absolute error of the forecast move, that of no move, and the number of bars.

    ``at`` are the symbols, over which errors are averaged. All moves are relative to the last close, as fractions.
    """
    found = {}
    for name in ("close", "high", "low"):
        actual = getattr(joined.traded, name)[:, at] / joined.before.close[:, at] - 1.0
        forecast = getattr(joined, name)[:, at]
        known = np.isfinite(forecast)
        if known.any():
            found[name] = {
                "mae": float(np.abs(forecast - actual)[known].mean()),
                "naive_mae": float(np.abs(actual[known]).mean()),
                "bars": int(known.sum()),
            }
    return found
