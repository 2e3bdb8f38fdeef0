"""Orders carried out on bars: fills, and the books of an account that is flat at every close."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from rlx.backtest.joined import Ohlc
from rlx.backtest.limits import limit_entry, limit_exit
from rlx.backtest.orders import Orders
from rlx.measures.metrics import drawdowns
from rlx.sim.ledger import FLAGS, SCALARS, WEIGHTS, Ledger
from rlx.sim.rule_numbers import RUIN
from rlx.types import BoolArray, FloatArray

ROUNDING = 1e-6  # of a product of returns, relative to the value of a ruined account


class Fills(NamedTuple):
    """What came of one side's orders, each (..., T, A): prices are NaN and flags false where it did not enter.

    ``gap`` is an entry at an open beyond its limit; ``ambiguous`` an entry and a target touched in unknown order.
    """

    entry: FloatArray
    exit: FloatArray
    target: BoolArray
    ambiguous: BoolArray
    gap: BoolArray


FillRule: TypeAlias = Callable[[Orders], Fills]


def fill_within(bars: Ohlc, *, optimistic: bool) -> FillRule:
    """Return the rule that fills orders by the prices of one bar each, by the rules of ``rlx.backtest.limits``."""

    def fill(orders: Orders) -> Fills:
        side, limit = traded_sides(orders)
        entry = limit_entry(side, limit, bars)
        entered = ~np.isnan(entry.price)
        inside = np.where(entry.within, entry.price, np.nan)
        left = limit_exit(side, orders.target, bars, inside, optimistic=optimistic)
        hit = entered & ~np.isnan(left.price)
        return Fills(
            entry=entry.price,
            exit=np.where(hit, left.price, np.where(entered, bars.close, np.nan)),
            target=hit,
            ambiguous=entered & left.ambiguous,
            gap=entered & ~entry.within & np.isfinite(limit),
        )

    return fill


def traded_sides(orders: Orders) -> tuple[FloatArray, FloatArray]:
    """Return sides of 1 and -1, and entry limits that are NaN where there is no order."""
    none = orders.side == 0.0
    return np.where(none, 1.0, orders.side), np.where(none, np.nan, orders.entry)


@dataclass(frozen=True)
class DayBook:
    """One account for each symbol, each array (..., T, A), fractions of its equity at the bar's open.

    ``net`` = ``gross`` - ``cost``; ``turnover`` is the value traded, on both sides; ``exposure`` the value entered.
    """

    net: FloatArray
    gross: FloatArray
    cost: FloatArray
    turnover: FloatArray
    exposure: FloatArray


def book(orders: Sequence[Orders], fills: Sequence[Fills], rates: FloatArray) -> DayBook:
    """Return the books of filled orders; ``rates`` (A,) is the cost per side on traded value, a fraction.

    An order spends its share of equity on entry, its cost included: quantity 1 / (E (1 + f)) at an entry of E. A long
    then returns X (1 - f) / (E (1 + f)) - 1 at an exit of X, a short (E (1 - f) - X (1 + f)) / (E (1 + f)).
    """
    parts = [_traded(one, filled, rates) for one, filled in zip(orders, fills, strict=True)]
    gross, cost, turnover, exposure = (np.sum(part, axis=0) for part in zip(*parts, strict=True))
    return DayBook(np.maximum(gross - cost, RUIN - 1.0), gross, cost, turnover, exposure)


def _traded(orders: Orders, fills: Fills, rates: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    entered = ~np.isnan(fills.entry)
    entry, leave = (np.where(entered, price, 1.0) for price in (fills.entry, fills.exit))
    quantity = np.where(entered, orders.share / (entry * (1.0 + rates)), 0.0)
    turnover = quantity * (entry + leave)
    return quantity * orders.side * (leave - entry), rates * turnover, turnover, quantity * entry


def day_ledger(book: DayBook) -> Ledger:
    """Return the books of (T, A) as a ledger (A, T), in which nothing is carried out of a step.

    An account that is ruined trades no more, as in the simulator.
    """
    ruined = np.logical_or.accumulate(np.cumprod(1.0 + book.net.T, axis=-1) <= RUIN * (1.0 + ROUNDING), axis=-1)
    alive = np.concatenate([np.ones_like(ruined[:, :1]), ~ruined[:, :-1]], axis=-1)
    net = np.where(alive, book.net.T, 0.0)
    value = np.cumprod(1.0 + net, axis=-1)
    nothing = np.broadcast_to(0.0, net.shape)
    kept: dict[str, Any] = dict.fromkeys(FLAGS, np.broadcast_to(np.False_, net.shape)) | {
        "net_return": net,
        "gross_return": np.where(alive, book.gross.T, 0.0),
        "trading_cost": np.where(alive, book.cost.T, 0.0),
        "turnover": np.where(alive, book.turnover.T, 0.0),
        "gross_exposure": np.where(alive, book.exposure.T, 0.0),
        "value": value,
        "drawdown": drawdowns(value),
        "ruined": ruined,
        "reward": np.log1p(net),
        "leverage_scale": np.broadcast_to(1.0, net.shape),
    }
    return Ledger(**{name: kept.get(name, nothing) for name in SCALARS}, **dict.fromkeys(WEIGHTS))
