"""From a record's trades to target weights on a market's bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from rlx.data.calendars import DAY_SECONDS, modal_spacing_seconds
from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.errors import RecordError
from rlx.policies.production.problems import Problems
from rlx.policies.production.record import Record, Trade
from rlx.policies.production.stamps import Stamp
from rlx.types import AssetClass, FloatArray, IntArray, TimeArray

FAR_OFF = 0.2  # relative difference of an entry price from a close that is not reported


class Position(NamedTuple):
    """Signed units of one asset (its column), held at the closes of bars ``first`` to ``last``, the end excluded."""

    trade: Trade
    asset: int
    quantity: float
    first: int
    last: int


@dataclass(frozen=True)
class Bars:
    """When the bars of a market open and close: datetime64[D] for daily bars, labelled by day, else datetime64[ns]."""

    opens: TimeArray
    closes: TimeArray
    daily: bool

    @classmethod
    def of(cls, market: Market) -> Bars:
        """Return the closes; RecordError for bars longer than a day, whose labels do not show when they close."""
        stamps = market.timestamps
        seconds = modal_spacing_seconds(stamps)
        if market.panel.frequency == "1D":
            days = stamps.astype("datetime64[D]")
            return cls(days, days, daily=True)
        if seconds >= DAY_SECONDS:
            raise RecordError(
                f"policy=production: cannot be replayed on {market.panel.frequency} bars: their labels do not show "
                "when they close. Use daily or intraday data."
            )
        ends = stamps + np.timedelta64(round(seconds * 1e9), "ns")
        return cls(stamps, np.append(np.minimum(ends[:-1], stamps[1:]), ends[-1]), daily=False)

    def key(self, stamp: Stamp) -> np.datetime64:
        """Return a moment of the record in the units of ``closes``."""
        return stamp.session if self.daily else stamp.instant

    def at(self, stamp: Stamp) -> int:
        """Return the first bar at whose close the moment is past, the number of bars when there is none."""
        return int(np.searchsorted(self.closes, self.key(stamp)))

    def between_sessions(self, stamp: Stamp) -> bool:
        """Whether a moment between the first and the last bar is within no bar; for a day, whether it has no bar."""
        key, opens, closes = self.key(stamp), self.opens, self.closes
        if stamp.is_day and not self.daily:
            key, opens, closes = stamp.session, opens.astype("datetime64[D]"), closes.astype("datetime64[D]")
        bar = int(np.searchsorted(opens, key, side="right")) - 1
        return bool(bar >= 0 and closes[bar] < key <= closes[-1])


def positions_of(record: Record, market: Market, bars: Bars, problems: Problems) -> list[Position]:
    """Return the positions of the record's trades, and report why others cannot be replayed."""
    for trade in record.trades:
        _note_session(trade, market, bars, problems)
    found = (_position(trade, market, bars, problems) for trade in record.trades)
    return [position for position in found if position is not None]


def _position(trade: Trade, market: Market, bars: Bars, problems: Problems) -> Position | None:
    if trade.symbol not in market.symbols:
        problems.add("not_in_market", f"{trade.place}: {trade.symbol}")
        return None
    if (lack := _lack(trade)) is not None:
        problems.add(lack, trade.place)
        return None
    assert trade.opened is not None and trade.signed_quantity is not None  # otherwise it would lack them
    first = bars.at(trade.opened)
    last = market.n_bars if trade.closed is None else bars.at(trade.closed)
    if first >= last:
        problems.add(
            "before_market" if last == 0 else "after_market" if first >= market.n_bars else "between_closes",
            trade.place,
        )
        return None
    position = Position(trade, market.symbols.index(trade.symbol), trade.signed_quantity, first, last)
    _note_price(position, market, bars, problems)
    return position


def _note_session(trade: Trade, market: Market, bars: Bars, problems: Problems) -> None:
    """Report a trade that was opened or closed outside its market's sessions; crypto is always open."""
    if trade.symbol not in market.symbols:
        return
    if market.asset_classes[market.symbols.index(trade.symbol)] is AssetClass.crypto:
        return
    moments = (("opened", trade.opened), ("closed", trade.closed))
    found = [f"{name} {stamp.text}" for name, stamp in moments if stamp is not None and bars.between_sessions(stamp)]
    if found:
        problems.add("outside_sessions", f"{trade.place}: {', '.join(found)}")


def _lack(trade: Trade) -> str | None:
    """Return the kind of problem that keeps a trade from being a position, if any."""
    if not trade.quantity:
        return "no_qty"
    if trade.signed_quantity is None:
        return "no_side"
    if trade.opened is None:
        return "no_open_date"
    if trade.closed is None:
        return "unknown_close" if trade.is_closed else None
    return "closed_before_opened" if trade.closed.instant < trade.opened.instant else None


def _note_price(position: Position, market: Market, bars: Bars, problems: Problems) -> None:
    """Compare the entry price with the close, unless the position is older than the data."""
    price, opened = position.trade.entry_price, position.trade.opened
    if price is None or opened is None or bars.key(opened) < market.timestamps[0]:
        return
    close = float(market.panel.close[position.first, position.asset])
    if abs(price / close - 1.0) > FAR_OFF:
        problems.add("price_differs", f"{position.trade.place}: {price:g}, close {close:g}")


def quantities(positions: list[Position], market: Market) -> FloatArray:
    """Return the signed units held at each close, (N, A)."""
    held = np.zeros((market.n_bars, market.n_assets))
    for position in positions:
        held[position.first : position.last, position.asset] += position.quantity
    return held


class AccountValue(NamedTuple):
    """The account's value at each close (N,), NaN where unknown, and whether it comes from a snapshot (N,)."""

    value: FloatArray
    from_snapshot: Any


def account_value(record: Record, bars: Bars, initial_value: float | None) -> AccountValue:
    """Return the last snapshot at or before each close; before the first, initial value plus realised PnL so far."""
    snapshots = sorted(record.valued, key=lambda snapshot: (bars.key(snapshot.stamp), snapshot.stamp.instant))
    keys = np.array([bars.key(snapshot.stamp) for snapshot in snapshots], dtype=bars.closes.dtype)
    latest = _latest(keys, bars)  # (N,) -1 before the first
    values = np.array([*(snapshot.value for snapshot in snapshots), np.nan])  # the last one is for -1
    booked = (np.nan if initial_value is None else initial_value) + _realised_by(record, bars)
    return AccountValue(np.where(latest >= 0, values[latest], booked), latest >= 0)


def _realised_by(record: Record, bars: Bars) -> FloatArray:
    """Return the realised PnL of trades closed at or before each close, (N,)."""
    dated = [(bars.key(trade.closed), trade.pnl or 0.0) for trade in record.realised if trade.closed is not None]
    dated.sort(key=lambda pair: pair[0])
    keys = np.array([key for key, _ in dated], dtype=bars.closes.dtype)
    totals = np.cumsum([0.0, *(pnl for _, pnl in dated)])
    return np.asarray(totals[_latest(keys, bars) + 1])


def _latest(keys: TimeArray, bars: Bars) -> IntArray:
    return np.searchsorted(keys, bars.closes, side="right") - 1


def covered(record: Record, positions: list[Position], market: Market, bars: Bars) -> Span:
    """Return the decisions from the first position held to the last moment of the record; RecordError for none."""
    start = min(position.first for position in positions)
    end = max(bars.at(stamp) for stamp in record.stamps)
    if start >= market.n_bars - 1:
        raise RecordError("policy=production: its first position is at the market's last bar: nothing can be earned.")
    return Span(start, min(max(end, start) + 1, market.n_bars - 1))
