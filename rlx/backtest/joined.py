"""Forecast rows joined with the bars that they were made at and those that are traded on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from rlx.data.panel import PRICE_FIELDS, MarketPanel
from rlx.errors import DataError, did_you_mean
from rlx.forecast.rows import ForecastRows
from rlx.types import AssetClass, BoolArray, FloatArray, IntArray, TimeArray

FORECASTS = ("close", "high", "low", "band")


class Ohlc(NamedTuple):
    """Open, high, low and close of T bars and A symbols, each (T, A)."""

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray


@dataclass(frozen=True)
class Joined:
    """T consecutive decisions for A symbols: what is known at the close of ``bars`` (T,), and the bar traded then.

    ``close``, ``high``, ``low`` and ``band`` (T, A) are the forecasts of the bar traded, moves relative to the close
    of ``before``; NaN where there is none. ``before`` are the bars up to which everything is known, ``traded`` the
    bars after them, and ``stamps`` (T,) the labels of the latter.
    """

    symbols: tuple[str, ...]
    crypto: BoolArray
    bars: IntArray
    stamps: TimeArray
    close: FloatArray
    high: FloatArray
    low: FloatArray
    band: FloatArray
    before: Ohlc
    traded: Ohlc

    @property
    def returns(self) -> FloatArray:
        """What the close of the traded bar is above the close before it, a fraction (T, A)."""
        return np.asarray(self.traded.close / self.before.close - 1.0)

    @property
    def invalid(self) -> BoolArray:
        """Whether the forecast high is below the forecast low, (T, A)."""
        return np.asarray(self.high < self.low)

    def lacks(self, needed: tuple[str, ...]) -> BoolArray:
        """Whether any of the ``needed`` forecasts is missing, (T, A)."""
        missing = np.zeros(self.close.shape, dtype=np.bool_)
        for name in needed:
            missing |= ~np.isfinite(getattr(self, name))
        return missing

    def symbol(self, column: int) -> Joined:
        """Return one symbol's part, in arrays of its own: strided ones are several times slower."""
        at = slice(column, column + 1)
        parts = {name: np.ascontiguousarray(getattr(self, name)[:, at]) for name in FORECASTS}
        before, traded = (
            Ohlc(*(np.ascontiguousarray(one[:, at]) for one in bars)) for bars in (self.before, self.traded)
        )
        return replace(self, symbols=self.symbols[at], crypto=self.crypto[at], before=before, traded=traded, **parts)


def join(rows: ForecastRows, panel: MarketPanel, *, closes_only: bool = False) -> Joined:
    """Join rows with a panel's bars by symbol and bar: never by position, and without a shift.

    The decisions run from the first row to the last one that has a bar after it; a bar or symbol of the panel without
    a row has no forecast. With ``closes_only`` prices that the panel lacks are NaN. Raises DataError for a panel that
    lacks others, for rows of an unknown symbol or bar, and where no row has a bar after it.
    """
    _check(rows, panel, PRICE_FIELDS[-1:] if closes_only else PRICE_FIELDS)
    kept = rows.bars < len(panel) - 1
    if not kept.any():
        raise DataError(
            f"{panel.source or 'panel'}: {len(panel)} bars, but no forecast has a bar after it to trade. Use a longer "
            "history."
        )
    bars = np.arange(rows.bars[0], rows.bars[kept][-1] + 1, dtype=np.int64)
    columns = [panel.symbols.index(symbol) for symbol in rows.symbols]
    forecasts = {}
    for name in FORECASTS:
        forecasts[name] = np.full((len(bars), len(panel.symbols)), np.nan)
        forecasts[name][np.ix_(rows.bars[kept] - bars[0], columns)] = getattr(rows, name)[kept]
    known = [getattr(panel, name) for name in PRICE_FIELDS]
    prices = [np.full(panel.close.shape, np.nan) if price is None else price for price in known]
    return Joined(
        symbols=panel.symbols,
        crypto=np.array([one is AssetClass.crypto for one in panel.asset_classes]),
        bars=bars,
        stamps=panel.timestamps[bars + 1],
        before=Ohlc(*(price[bars] for price in prices)),
        traded=Ohlc(*(price[bars + 1] for price in prices)),
        **forecasts,
    )


def _check(rows: ForecastRows, panel: MarketPanel, needed: Sequence[str]) -> None:
    source = panel.source or "this market"
    if lacking := [name for name in needed if getattr(panel, name) is None]:
        raise DataError(
            f"{source} has no {', '.join(lacking)}: strategies are filled on the open, high, low and close of bars, "
            "and missing ones are not invented. Use data with all four."
        )
    for symbol in rows.symbols:
        if symbol not in panel.symbols:
            hint = did_you_mean(symbol, panel.symbols)
            raise DataError(f"forecast rows: {symbol!r:.80} is not a symbol of {source}.{hint}")
    if rows.bars.size and (rows.bars[0] < 0 or rows.bars[-1] >= len(panel) or np.any(np.diff(rows.bars) <= 0)):
        raise DataError(f"forecast rows: bars must be ascending bars of {source}, 0 to {len(panel) - 1}.")
