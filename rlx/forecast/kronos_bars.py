"""Bars as Kronos sees them: normalised by their own context, with the parts of their dates."""

from __future__ import annotations

import numpy as np

from rlx.data.calendars import is_weekday, weekday
from rlx.data.panel import MarketPanel
from rlx.forecast.forecaster import PRICES
from rlx.forecast.pretrained_config import KronosConfig
from rlx.types import FloatArray, IntArray, TimeArray

FIELDS = ("open", "high", "low", "close", "volume", "amount")
SMALLEST_SPREAD = 1e-5  # added to the standard deviation, as in Kronos' own predictor
DAY = np.timedelta64(1, "D")


class KronosBars:
    """The contexts of B bars: ``past`` (A, B, L, 6) normalised and clipped, ``stamps`` (B, L + H, 5).

    Volume and amount are 0 where there is no volume, and an amount is the volume at the mean of the bar's prices, as in
    Kronos' own predictor.
    """

    def __init__(self, panel: MarketPanel, bars: IntArray, config: KronosConfig, horizon: int) -> None:
        self.bars, self._close = bars, panel.close[bars]  # (B, A)
        window = bars[:, None] + np.arange(1 - config.context_bars, 1)
        past = _fields(panel)[window].transpose(2, 0, 1, 3)  # (A, B, L, 6)
        self._mean, self._spread = past.mean(axis=2), past.std(axis=2) + SMALLEST_SPREAD  # (A, B, 6)
        scaled = (past - self._mean[:, :, None]) / self._spread[:, :, None]
        self.past: FloatArray = np.clip(scaled, -config.clip, config.clip)
        stamps = [_with_next(panel.timestamps[row], horizon, panel.calendar) for row in window]
        self.stamps: FloatArray = np.stack([_parts(row) for row in stamps])

    def as_moves(self, made: FloatArray, symbol: IntArray, row: IntArray) -> FloatArray:
        """Return moves (N, H, P) against the last close from bars (N, H, 6) in the units of their contexts."""
        values = made * self._spread[symbol, row][:, None] + self._mean[symbol, row][:, None]
        prices = values[..., [FIELDS.index(name) for name in PRICES]]
        return np.asarray(prices / self._close[row, symbol][:, None, None] - 1.0)


def _fields(panel: MarketPanel) -> FloatArray:
    """Return all bars as (N, A, 6)."""
    prices = np.stack([getattr(panel, name) for name in FIELDS[:4]], axis=-1)
    volume = np.zeros_like(panel.close) if panel.volume is None else panel.volume
    return np.concatenate([prices, volume[..., None], (volume * prices.mean(axis=-1))[..., None]], axis=-1)


def _with_next(stamps: TimeArray, steps: int, calendar: str) -> TimeArray:
    """Return stamps (L,) and the expected next ones; daily bars have no weekends, except where they trade on them."""
    step = np.median(np.diff(stamps).astype(np.int64)).astype("timedelta64[ns]")
    later = stamps[-1] + step * np.arange(1, 3 * steps + 4)
    if step == DAY and calendar != "crypto":
        later = later[is_weekday(later)]
    return np.concatenate([stamps, later[:steps]])


def _parts(stamps: TimeArray) -> FloatArray:
    """Return minute, hour, weekday (Monday is 0), day and month of stamps (T,) as (T, 5)."""
    minutes = stamps.astype("datetime64[m]").astype(np.int64)
    days = stamps.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    parts = (
        *(minutes % 60, minutes // 60 % 24, weekday(days)),
        *((days - months).astype(np.int64) + 1, months.astype(np.int64) % 12 + 1),
    )
    return np.stack(parts, axis=-1).astype(np.float64)
