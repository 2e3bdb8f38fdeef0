"""The content of a trading plan, and the options of its replay; no heavy imports, configuration schemas read this."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated, Any

from rlx.ranges import Number, OneOf, Whole, check_fields

LARGEST = 1e15
"""Largest amount, price or quantity; more is a mistake, and its products would overflow a float."""
MONEY = Number(0.01, LARGEST)


class Action(StrEnum):
    """The action of an instruction."""

    buy = "buy"
    sell = "sell"
    exit = "exit"
    hold = "hold"


class Session(StrEnum):
    """The auction of the day in which an instruction is executed."""

    market_open = "market_open"
    market_close = "market_close"


class Strategy(StrEnum):
    """How instructions become orders; docs/plans.md has the rules."""

    base = "base"
    entry_takeprofit = "entry_takeprofit"
    maxdiff = "maxdiff"


class BothTouch(StrEnum):
    """The assumption for a bar whose range contains both the entry and the exit price, in unknown order."""

    pessimistic = "pessimistic"
    optimistic = "optimistic"


@dataclass(frozen=True)
class Instruction:
    """One line of a plan; ``number`` counts from one. a ``quantity`` of None exits the whole position."""

    number: int
    symbol: str
    action: Action
    quantity: float | None = None
    session: Session = Session.market_open
    entry_price: float | None = None
    exit_price: float | None = None

    @property
    def side(self) -> int:
        """1 for a buy, -1 for a sell, 0 otherwise."""
        return {Action.buy: 1, Action.sell: -1}.get(self.action, 0)


@dataclass(frozen=True)
class Plan:
    """The instructions for one day; ``source`` is their file."""

    source: str
    target_date: date
    instructions: tuple[Instruction, ...]
    stop_trading_symbols: frozenset[str] = frozenset()

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol in the plan, in its order."""
        named = [instruction.symbol for instruction in self.instructions]
        return tuple(dict.fromkeys([*named, *sorted(self.stop_trading_symbols)]))


@dataclass(frozen=True)
class ReplaySettings:
    """How plans are replayed; the fields are keys of ``policy=plan``.

    ``probe_quantity``, in units of the symbol, and ``profit_shutdown_days`` are overlays, None is off. Raises
    ConfigError.
    """

    strategy: Annotated[str, OneOf(tuple(Strategy))] = Strategy.base.value
    both_touch: Annotated[str, OneOf(tuple(BothTouch))] = BothTouch.pessimistic.value
    initial_cash: Annotated[float, MONEY] = 100_000.0
    probe_quantity: Annotated[float | None, Number(1e-9, 1e12)] = None
    profit_shutdown_days: Annotated[int | None, Whole(1, 10_000)] = None

    def __post_init__(self) -> None:
        check_fields(self, "policy")


def is_number(value: Any) -> bool:
    """Whether ``value`` is a finite number; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number too large for a float
        return False
