"""Cash, positions at average prices, and what every fill does to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

DUST = 1e-9  # relative to a fill: a smaller remainder is rounding, not a position


class Moment(NamedTuple):
    """The time of a fill: the day's number, and ``open``, ``range`` or ``close`` of its bar."""

    day: int
    part: str


class Fill(NamedTuple):
    """A trade of one symbol. ``quantity`` is signed, negative for a sale; ``realised_pnl`` is None when it opened.

    A closing fill realises (price - average price) x quantity closed, less its own fee. An opening fill's fee is taken
    from cash and does not enter the average price.
    """

    moment: Moment
    symbol: str
    quantity: float
    price: float
    fee: float
    realised_pnl: float | None


class RoundTrip(NamedTuple):
    """A position of one symbol from flat to flat, ``side`` 1 long or -1 short; ``net_pnl`` is after all its fees.

    ``quantity`` is the total quantity entered; prices are averages over the fills.
    """

    symbol: str
    side: int
    opened: Moment
    closed: Moment
    quantity: float
    entry_price: float
    exit_price: float
    fees: float
    net_pnl: float


@dataclass
class Position:
    """An open position: signed quantity, average entry price, and the sums for its round trip."""

    quantity: float
    average_price: float
    opened: Moment
    entered: float = 0.0
    entry_value: float = 0.0
    exit_value: float = 0.0
    fees: float = 0.0

    @property
    def side(self) -> int:
        """1 for long, -1 for short."""
        return 1 if self.quantity > 0 else -1


class Account:
    """Books of one account; ``fee_rates`` by symbol are fractions of traded value, charged on each side."""

    def __init__(self, cash: float, fee_rates: Mapping[str, float]) -> None:
        self.cash, self.fee_rates = cash, fee_rates
        self.positions: dict[str, Position] = {}
        self.realised_pnl = self.fees = self.opening_fees = 0.0
        self.fills: list[Fill] = []
        self.round_trips: list[RoundTrip] = []

    def held(self, symbol: str) -> float:
        """Return the signed quantity held."""
        position = self.positions.get(symbol)
        return 0.0 if position is None else position.quantity

    def free_cash(self, prices: Mapping[str, float]) -> float:
        """Return the value that can be entered without leverage: equity less gross positions at ``prices``.

        For an account without shorts that is its cash. The proceeds of a short are part of the cash and back it,
        together with the same amount of the account's own cash.
        """
        shorts = sum(one.quantity * prices[symbol] for symbol, one in self.positions.items() if one.quantity < 0)
        return self.cash + 2.0 * shorts

    def enter(self, moment: Moment, symbol: str, side: int, quantity: float, price: float) -> None:
        """Open a position of ``side`` or add to it; ``quantity`` is above 0 and there is no opposite position."""
        value, fee = quantity * price, quantity * price * self.fee_rates[symbol]
        position = self.positions.setdefault(symbol, Position(0.0, price, moment))
        before = abs(position.quantity)
        position.average_price = (before * position.average_price + value) / (before + quantity)
        position.quantity += side * quantity
        position.entered += quantity
        position.entry_value += value
        position.fees += fee
        self.opening_fees += fee
        self._book(Fill(moment, symbol, side * quantity, price, fee, None))

    def close(self, moment: Moment, symbol: str, quantity: float, price: float) -> RoundTrip | None:
        """Close ``quantity``, at most the quantity held, and return the round trip if this ends one."""
        position = self.positions[symbol]
        side, value = position.side, quantity * price
        fee = value * self.fee_rates[symbol]
        realised = side * quantity * (price - position.average_price) - fee
        position.quantity -= side * quantity
        position.exit_value += value
        position.fees += fee
        self.realised_pnl += realised
        self._book(Fill(moment, symbol, -side * quantity, price, fee, realised))
        if abs(position.quantity) > DUST * quantity:
            return None
        del self.positions[symbol]
        trip = _round_trip(symbol, side, position, moment)
        self.round_trips.append(trip)
        return trip

    def _book(self, fill: Fill) -> None:
        self.cash -= fill.quantity * fill.price + fill.fee
        self.fees += fill.fee
        self.fills.append(fill)


def _round_trip(symbol: str, side: int, position: Position, closed: Moment) -> RoundTrip:
    return RoundTrip(
        symbol=symbol,
        side=side,
        opened=position.opened,
        closed=closed,
        quantity=position.entered,
        entry_price=position.entry_value / position.entered,
        exit_price=position.exit_value / position.entered,
        fees=position.fees,
        net_pnl=side * (position.exit_value - position.entry_value) - position.fees,
    )
