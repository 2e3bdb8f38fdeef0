"""Bars and plans small enough to work out by hand."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from rlx.backtest.bars import DayBars
from rlx.backtest.plan import Plan, ReplaySettings
from rlx.backtest.plan_file import parse_plan
from rlx.backtest.replay import Replay, replay

Row = tuple[float, float, float, float]


def make_bars(**symbols: list[Row]) -> DayBars:
    """Return bars from (open, high, low, close) of each day, by symbol, from Monday 2025-01-06 on."""
    prices = np.array(list(symbols.values()), dtype=float)  # (A, D, 4)
    days = np.datetime64("2025-01-06") + np.arange(prices.shape[1])
    opens, highs, lows, closes = (prices[:, :, field].T.copy() for field in range(4))
    return DayBars(tuple(symbols), days, opens, highs, lows, closes)


def random_bars(days: int, seed: int, symbols: str = "XYZ") -> DayBars:
    """Return bars of independent days whose range holds open and close."""
    rng = np.random.default_rng(seed)
    sorted_prices = np.sort(rng.uniform(5, 15, (len(symbols), days, 4)), axis=2)
    rows = {}
    for symbol, prices in zip(symbols, sorted_prices, strict=True):
        ends = rng.permuted(prices[:, 1:3], axis=1)
        rows[symbol] = [(begin, p[3], p[0], end) for p, (begin, end) in zip(prices, ends, strict=True)]
    return make_bars(**rows)


def order(
    symbol: str, action: str, quantity: float | None = None, session: str = "open", **prices: Any
) -> dict[str, Any]:
    """Return one instruction as a plan file has it."""
    written = {"symbol": symbol, "action": action, "quantity": quantity, "execution_session": f"market_{session}"}
    return {**written, **prices}


def make_plan(*orders: dict[str, Any], stop: tuple[str, ...] = (), day: str = "2025-01-06") -> Plan:
    """Return a plan read from JSON."""
    content = {"target_date": day, "instructions": list(orders), "stop_trading_symbols": list(stop)}
    return parse_plan(json.dumps(content), "plan.json")


def play(
    bars: DayBars, plans: dict[int, Plan], fee_bps: float = 0.0, cash: float = 10_000.0, **settings: Any
) -> Replay:
    """Replay plans by day number."""
    rates = dict.fromkeys(bars.symbols, fee_bps / 1e4)
    return replay(plans, bars, ReplaySettings(initial_cash=cash, **settings), rates)


def traded(books: Replay) -> list[tuple[int, str, str, float, float]]:
    """Return day, part of the bar, symbol, signed quantity and price of every fill."""
    return [(*one.moment, one.symbol, one.quantity, one.price) for one in books.fills]


def missed(books: Replay) -> list[tuple[str, float | None, float, str]]:
    """Return symbol, what was asked, what was filled and why, of every instruction not carried out in full."""
    return [(one.instruction.symbol, one.asked, one.filled, one.reason) for one in books.unfilled]
