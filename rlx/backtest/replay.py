"""Executes plans, order by order, on daily bars; docs/plans.md states every convention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rlx.backtest.account import Account, Fill, RoundTrip
from rlx.backtest.bars import DayBars
from rlx.backtest.plan import Plan, ReplaySettings
from rlx.backtest.trader import Trader, Unfilled
from rlx.types import FloatArray


@dataclass(frozen=True)
class Replay:
    """Books of a replay over D days and A symbols.

    positions, average_prices: (D, A) at each close, quantities signed and prices 0 where nothing is held. cash, fees,
    opening_fees, realised_pnl: (D,) at each close, the last three cumulative. ``ambiguous`` counts exits that depend on
    the order of prices within a bar.
    """

    bars: DayBars
    initial_cash: float
    positions: FloatArray
    average_prices: FloatArray
    cash: FloatArray
    fees: FloatArray
    opening_fees: FloatArray
    realised_pnl: FloatArray
    fills: tuple[Fill, ...]
    round_trips: tuple[RoundTrip, ...]
    unfilled: tuple[Unfilled, ...]
    ambiguous: int

    @property
    def equity(self) -> FloatArray:
        """Cash and positions at each close, (D,)."""
        return np.asarray(self.cash + (self.positions * self.bars.close).sum(axis=1))

    @property
    def unrealised_pnl(self) -> FloatArray:
        """Unrealised PnL of open positions at each close, (D,)."""
        return np.asarray((self.positions * (self.bars.close - self.average_prices)).sum(axis=1))

    @property
    def net_pnl(self) -> float:
        """Equity at the end less the cash at the start: realised plus unrealised less opening fees."""
        return float(self.equity[-1]) - self.initial_cash


def replay(
    plans: Mapping[int, Plan], bars: DayBars, settings: ReplaySettings, fee_rates: Mapping[str, float]
) -> Replay:
    """Execute ``plans``, by number of the day in ``bars``, one after the other on one account.

    ``fee_rates`` by symbol are fractions of traded value a side. Positions, cash and average prices carry over from
    plan to plan; positions left after the last one are held.
    """
    account = Account(settings.initial_cash, fee_rates)
    trader = Trader(bars, settings, account)
    books = _Books(bars)
    for day in range(len(bars)):
        trader.trade(day, plans.get(day))
        books.record(day, account)
        trader.mark(books.equity(day))
    return Replay(
        bars=bars,
        initial_cash=settings.initial_cash,
        positions=books.positions,
        average_prices=books.average_prices,
        cash=books.sums[:, 0],
        fees=books.sums[:, 1],
        opening_fees=books.sums[:, 2],
        realised_pnl=books.sums[:, 3],
        fills=tuple(account.fills),
        round_trips=tuple(account.round_trips),
        unfilled=tuple(trader.unfilled),
        ambiguous=trader.ambiguous,
    )


class _Books:
    """The account at every close."""

    def __init__(self, bars: DayBars) -> None:
        self.bars = bars
        self.positions: FloatArray = np.zeros((len(bars), len(bars.symbols)))
        self.average_prices: FloatArray = np.zeros_like(self.positions)
        self.sums: FloatArray = np.zeros((len(bars), 4))

    def record(self, day: int, account: Account) -> None:
        """Record the current account."""
        self.sums[day] = account.cash, account.fees, account.opening_fees, account.realised_pnl
        for symbol, position in account.positions.items():
            at = day, self.bars.column[symbol]
            self.positions[at] = position.quantity
            self.average_prices[at] = position.average_price

    def equity(self, day: int) -> float:
        """Return the equity at a close that was recorded."""
        return float(self.sums[day, 0] + self.positions[day] @ self.bars.close[day])
