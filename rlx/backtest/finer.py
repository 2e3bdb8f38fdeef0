"""Fills by bars of a finer frequency, which show the order of prices within a bar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlx.backtest.day_trades import FillRule, Fills, fill_within, traded_sides
from rlx.backtest.joined import Joined, Ohlc
from rlx.backtest.limits import limit_entry, limit_exit
from rlx.backtest.orders import Orders
from rlx.data.panel import PRICE_FIELDS, MarketPanel
from rlx.errors import DataError
from rlx.types import BoolArray, FloatArray, IntArray, TimeArray

SAME_PRICE = 1e-3
"""Relative difference up to which the range of finer bars is that of the bar: more is another adjustment, or a gap."""


@dataclass(frozen=True)
class FinerBars:
    """The K finer bars within each bar traded, in order, each price (K, T, A) with NaN where there is none.

    ``covered`` (T, A): whether they have the open, close and range of the bar, so that orders can be filled on them.
    """

    bars: Ohlc
    covered: BoolArray

    def symbol(self, column: int) -> FinerBars:
        """Return one symbol's part."""
        at = slice(column, column + 1)
        return FinerBars(Ohlc(*(price[:, :, at] for price in self.bars)), self.covered[:, at])


def finer_bars(joined: Joined, panel: MarketPanel, frequency: str) -> FinerBars:
    """Return the bars of ``panel`` within each bar traded, of length ``frequency``, by symbol and time.

    Raises DataError for a panel that has no open, high and low, none of the symbols, or no finer bars.
    """
    import pandas as pd

    length = pd.Timedelta(frequency).to_timedelta64()
    source = panel.source or "the finer data"
    if any(getattr(panel, name) is None for name in PRICE_FIELDS):
        raise DataError(f"finer: {source} has no open, high and low. Use data with all four prices.")
    if pd.Timedelta(panel.frequency) >= pd.Timedelta(frequency):
        raise DataError(f"finer: {source} has {panel.frequency} bars, which are not finer than {frequency}.")
    shared = [symbol for symbol in joined.symbols if symbol in panel.symbols]
    if not shared:
        raise DataError(
            f"finer: {source} has none of the symbols ({', '.join(joined.symbols[:20])}). It has "
            f"{', '.join(panel.symbols[:20])}."
        )
    row, place = _places(panel.timestamps, joined.stamps, length)
    bars = Ohlc(*(_laid_out(getattr(panel, name), panel.symbols, joined, row, place) for name in PRICE_FIELDS))
    return FinerBars(bars, _covers(bars, joined.traded))


def _laid_out(
    price: FloatArray, symbols: tuple[str, ...], joined: Joined, row: IntArray, place: IntArray
) -> FloatArray:
    """Return one price of the finer bars by place in the bar, bar and symbol, (K, T, A)."""
    found = np.full((int(place.max(initial=0)) + 1, *joined.close.shape), np.nan)
    inside = row >= 0
    for column, symbol in enumerate(joined.symbols):
        if symbol in symbols:
            found[place[inside], row[inside], column] = price[inside, symbols.index(symbol)]
    return found


def _places(stamps: TimeArray, traded: TimeArray, length: np.timedelta64) -> tuple[IntArray, IntArray]:
    """Return for each finer bar the row of the bar that contains it, -1 for none, and its place there, from 0."""
    row = np.searchsorted(traded, stamps, side="right") - 1
    row = np.where((row >= 0) & (stamps < traded[np.maximum(row, 0)] + length), row, -1)
    first = np.searchsorted(row[row >= 0], np.arange(len(traded)))
    place = np.zeros(len(row), dtype=np.int64)
    place[row >= 0] = np.arange((row >= 0).sum()) - first[row[row >= 0]]
    return row, place


def _covers(finer: Ohlc, bar: Ohlc) -> BoolArray:
    there = ~np.isnan(finer.close)
    last = there.shape[0] - 1 - there[::-1].argmax(axis=0)
    high, low = np.where(there, finer.high, -np.inf).max(axis=0), np.where(there, finer.low, np.inf).min(axis=0)
    close = np.take_along_axis(finer.close, last[None], axis=0)[0]
    found = Ohlc(finer.open[0], high, low, close)
    same = [np.abs(one / price - 1.0) <= SAME_PRICE for one, price in zip(found, bar, strict=True)]
    return np.asarray(there.any(axis=0) & np.all(same, axis=0))


def fill_by_finer(bars: Ohlc, finer: FinerBars) -> FillRule:
    """Return the rule that walks the finer bars in their order, and is pessimistic within each and where none cover."""
    pessimistic = fill_within(bars, optimistic=False)

    def fill(orders: Orders) -> Fills:
        walked, without = _walk(orders, finer.bars, bars.close), pessimistic(orders)
        return Fills(*(np.where(finer.covered, one, other) for one, other in zip(walked, without, strict=True)))

    return fill


def _walk(orders: Orders, finer: Ohlc, close: FloatArray) -> Fills:
    side, limit = traded_sides(orders)
    entry = leave = np.full(np.broadcast_shapes(side.shape, limit.shape), np.nan)
    ambiguous = gap = np.zeros(entry.shape, dtype=np.bool_)
    for prices in zip(*finer, strict=True):
        bar = Ohlc(*prices)
        found = limit_entry(side, limit, bar)
        new = np.isnan(entry) & ~np.isnan(found.price)
        entry = np.where(new, found.price, entry)
        gap = gap | (new & ~found.within & np.isfinite(limit))
        inside = np.where(new & found.within, found.price, np.nan)
        left = limit_exit(side, orders.target, bar, inside, optimistic=False)
        held = ~np.isnan(entry) & np.isnan(leave)
        ambiguous = ambiguous | (held & left.ambiguous)
        leave = np.where(held, left.price, leave)
    hit = ~np.isnan(leave)
    return Fills(entry, np.where(hit, leave, np.where(np.isnan(entry), np.nan, close)), hit, ambiguous, gap)
