"""Trades day by day: turns instructions into orders and fills them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from rlx.backtest.account import Account, Moment
from rlx.backtest.bars import Bar, DayBars
from rlx.backtest.limits import limit_entry, limit_exit
from rlx.backtest.overlays import ProbeTrades, shut_down
from rlx.backtest.plan import Action, BothTouch, Instruction, Plan, ReplaySettings, Session, Strategy

PART = {Session.market_open: "open", Session.market_close: "close"}
RANGE = "range"
CASH, PROBE, SHUTDOWN, STOPPED = "cash", "probe", "profit_shutdown", "stop_trading"
NOT_TOUCHED, NO_POSITION = "not_touched", "no_position"
ROUNDING = 1e-12  # relative to the cash: an entry of all of it is not cut for the last digit


class Unfilled(NamedTuple):
    """An instruction that was not executed in full, and why; ``asked`` is None for an exit of the whole position."""

    day: int
    source: str
    instruction: Instruction
    asked: float | None
    filled: float
    reason: str


@dataclass
class _Bracket:
    """An exit that belongs to an entry: at ``limit`` on the day ``due``, or else at that day's close.

    ``entered`` is the price of an entry inside the bar of that day, NaN for one at its open or the day before.
    """

    symbol: str
    side: int
    quantity: float
    limit: float | None
    due: int
    entered: float = math.nan


class Trader:
    """Trades one account by plans, on the days of ``bars`` in their order."""

    def __init__(self, bars: DayBars, settings: ReplaySettings, account: Account) -> None:
        self.bars, self.settings, self.account = bars, settings, account
        self.unfilled: list[Unfilled] = []
        self.ambiguous = 0
        self._probes = ProbeTrades(settings.probe_quantity)
        self._brackets: list[_Bracket] = []
        self._equity = [settings.initial_cash]
        self._day = 0
        self._plan: Plan | None = None
        self._shut = False
        self._sides: dict[str, int] = {}

    def trade(self, day: int, plan: Plan | None) -> None:
        """Trade a day, from its open to its close; without a plan only execute the exits due."""
        if plan is None and not self._brackets:
            return
        self._day, self._plan = day, plan
        self._shut = shut_down(self._equity, self.settings.profit_shutdown_days)
        instructions = () if plan is None else plan.instructions
        wanted = [one for one in instructions if one.action is not Action.hold]
        self._sides = self._sides_of(wanted)
        resting = self._session(wanted, Session.market_open)
        for instruction in resting:
            self._enter_at_limit(instruction)
        self._make_exits()
        self._session(wanted, Session.market_close)

    def mark(self, equity: float) -> None:
        """Record the equity at the day's close."""
        self._equity.append(equity)

    def _sides_of(self, wanted: Iterable[Instruction]) -> dict[str, int]:
        """Return the side on which each symbol is entered today: that of its position, or of its first instruction."""
        sides: dict[str, int] = {}
        for one in sorted(wanted, key=lambda one: one.session is not Session.market_open):
            held = self.account.held(one.symbol)
            if one.side:
                sides.setdefault(one.symbol, one.side if held == 0 else int(math.copysign(1, held)))
        return sides

    def _session(self, wanted: Iterable[Instruction], session: Session) -> list[Instruction]:
        """Trade an auction, reductions of positions first, and return the limit entries left for the day's range."""
        resting = []
        held = self.account.held
        orders = [one for one in wanted if one.session is session]
        for one in sorted(orders, key=lambda one: bool(one.side) and one.side * held(one.symbol) >= 0):
            if self._rests(one):
                resting.append(one)
            else:
                self._trade_at_auction(one)
        return resting

    def _rests(self, one: Instruction) -> bool:
        limited = self.settings.strategy == Strategy.maxdiff.value and one.session is Session.market_open
        return limited and self._may_enter(one)

    def _may_enter(self, one: Instruction) -> bool:
        """Whether an instruction may open a position, rather than only reduce one."""
        if self.settings.strategy == Strategy.base.value:
            return bool(one.side)
        return bool(one.side) and one.side == self._sides[one.symbol]

    def _trade_at_auction(self, one: Instruction) -> None:
        price = self._bar(one.symbol).at(one.session)
        held = self.account.held(one.symbol)
        against = one.side == 0 or one.side * held < 0
        asked = abs(held) if one.quantity is None else one.quantity
        closing = min(asked, abs(held)) if against else 0.0
        moment = Moment(self._day, PART[one.session])
        if closing > 0:
            self._close(moment, one.symbol, closing, price)
            self._shrink_brackets(one.symbol, closing)
        if asked > closing and self._may_enter(one):
            self._enter_at_auction(one, asked - closing, price, moment)
        elif asked > closing or closing == 0:
            self._miss(one, one.quantity, closing, NO_POSITION)

    def _enter_at_auction(self, one: Instruction, quantity: float, price: float, moment: Moment) -> None:
        limit = one.entry_price if self.settings.strategy == Strategy.maxdiff.value else None
        if limit is not None and one.side * price > one.side * limit:
            self._miss(one, quantity, 0.0, NOT_TOUCHED)
            return
        due = self._day + (one.session is Session.market_close)
        self._enter(one, quantity, price, moment, due)

    def _enter_at_limit(self, one: Instruction) -> None:
        assert one.quantity is not None and one.entry_price is not None
        entry = limit_entry(one.side, one.entry_price, self._bar(one.symbol))
        price, within = float(entry.price), bool(entry.within)
        if math.isnan(price):
            self._miss(one, one.quantity, 0.0, NOT_TOUCHED)
            return
        moment = Moment(self._day, RANGE if within else PART[Session.market_open])
        self._enter(one, one.quantity, price, moment, self._day, price if within else math.nan)

    def _enter(
        self, one: Instruction, asked: float, price: float, moment: Moment, due: int, entered: float = math.nan
    ) -> None:
        """Enter as much as stops, overlays and cash allow, and record the exit that belongs to it."""
        quantity, reason = self._allowed(one, asked, price, moment)
        if quantity < asked:
            self._miss(one, asked, quantity, reason)
        if quantity <= 0:
            return
        self.account.enter(moment, one.symbol, one.side, quantity, price)
        if self.settings.strategy != Strategy.base.value:
            self._brackets.append(_Bracket(one.symbol, one.side, quantity, one.exit_price, due, entered))

    def _allowed(self, one: Instruction, asked: float, price: float, moment: Moment) -> tuple[float, str]:
        if self._plan is not None and one.symbol in self._plan.stop_trading_symbols:
            return 0.0, STOPPED
        if self._shut:
            return 0.0, SHUTDOWN
        quantity = self._probes.allowed(one.symbol, one.side, asked)
        free = self.account.free_cash(self._prices(moment))
        paid = affordable(quantity, price * (1.0 + self.account.fee_rates[one.symbol]), free)
        return paid, CASH if paid < quantity else PROBE

    def _make_exits(self) -> None:
        """Execute the exits due today: those at their limit first, the rest at the close."""
        due = [one for one in self._brackets if one.due == self._day]
        self._brackets = [one for one in self._brackets if one.due != self._day]
        left = [one for one in due if not self._exit_at_limit(one)]
        for one in left:
            self._leave(one, Moment(self._day, PART[Session.market_close]), self._bar(one.symbol).close)

    def _exit_at_limit(self, one: _Bracket) -> bool:
        optimistic = self.settings.both_touch == BothTouch.optimistic.value
        limit = math.nan if one.limit is None else one.limit
        found = limit_exit(one.side, limit, self._bar(one.symbol), one.entered, optimistic=optimistic)
        price = float(found.price)
        self.ambiguous += int(found.ambiguous)
        if math.isnan(price):
            return False
        self._leave(one, Moment(self._day, RANGE), price)
        return True

    def _leave(self, one: _Bracket, moment: Moment, price: float) -> None:
        quantity = self._open_of(one)
        if quantity > 0:
            self._close(moment, one.symbol, quantity, price)

    def _open_of(self, one: _Bracket) -> float:
        """Return how much of a bracket's entry is still held, without rounding errors."""
        return min(one.quantity, max(0.0, one.side * self.account.held(one.symbol)))

    def _shrink_brackets(self, symbol: str, closed: float) -> None:
        """Subtract the quantity that an instruction closed from the pending exits, the oldest first."""
        for one in self._brackets:
            if one.symbol == symbol:
                taken = min(one.quantity, closed)
                one.quantity -= taken
                closed -= taken

    def _close(self, moment: Moment, symbol: str, quantity: float, price: float) -> None:
        trip = self.account.close(moment, symbol, quantity, price)
        if trip is not None:
            self._probes.learn(trip)

    def _miss(self, one: Instruction, asked: float | None, filled: float, reason: str) -> None:
        source = "" if self._plan is None else self._plan.source
        self.unfilled.append(Unfilled(self._day, source, one, asked, filled, reason))

    def _bar(self, symbol: str) -> Bar:
        return self.bars.bar(self._day, symbol)

    def _prices(self, moment: Moment) -> Mapping[str, float]:
        """Return the last known price of every symbol held: the close at the close, the open before."""
        session = Session.market_close if moment.part == PART[Session.market_close] else Session.market_open
        return {symbol: self._bar(symbol).at(session) for symbol in self.account.positions}


def affordable(quantity: float, unit_cost: float, free_cash: float) -> float:
    """Return as much of ``quantity`` as ``free_cash`` pays for; of a whole number, a whole number."""
    if quantity * unit_cost <= free_cash * (1.0 + ROUNDING):
        return quantity
    most = max(0.0, free_cash / unit_cost)
    return float(math.floor(most)) if quantity == math.floor(quantity) else most
