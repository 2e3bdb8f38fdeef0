"""Probe trades and profit shutdown, by hand."""

from __future__ import annotations

import pytest

from rlx.backtest.bars import DayBars
from rlx.backtest.overlays import shut_down
from rlx.backtest.plan import Plan
from rlx.backtest.replay import Replay
from tests.backtest.by_hand import make_bars, make_plan, missed, order, play, traded

FALLING = (10.0, 10.0, 9.0, 9.0)
RISING = (10.0, 11.0, 10.0, 11.0)
STILL = (10.0, 10.0, 10.0, 10.0)


def day_trades(bars: DayBars, action: str = "buy", symbol: str = "X") -> dict[int, Plan]:
    """Return plans that enter 10 at each open and leave them at the close."""
    return {
        day: make_plan(order(symbol, action, 10), order(symbol, "exit", None, "close"), day=str(bars.days[day]))
        for day in range(len(bars))
    }


def entered(books: Replay) -> list[float]:
    return [fill.quantity for fill in books.fills if fill.realised_pnl is None]


def test_entries_are_probes_after_a_loss_until_one_makes_money() -> None:
    # Day 0 loses 10, day 1 is a probe and loses 2, day 2 a probe that gains 2, day 3 is whole again.
    bars = make_bars(X=[FALLING, FALLING, RISING, RISING])
    books = play(bars, day_trades(bars), probe_quantity=2.0)
    assert entered(books) == [10, 2, 2, 10]
    assert [trip.net_pnl for trip in books.round_trips] == [-10, -2, 2, 10]
    assert missed(books) == [("X", 10, 2, "probe"), ("X", 10, 2, "probe")]
    assert entered(play(bars, day_trades(bars))) == [10, 10, 10, 10]


def test_fees_alone_can_make_a_loss_and_a_trip_of_nothing_changes_nothing() -> None:
    bars = make_bars(X=[STILL, STILL, STILL])
    assert entered(play(bars, day_trades(bars), probe_quantity=2.0)) == [10, 10, 10]
    assert entered(play(bars, day_trades(bars), fee_bps=1, probe_quantity=2.0)) == [10, 2, 2]
    after_loss = make_bars(X=[FALLING, STILL, STILL])
    assert entered(play(after_loss, day_trades(after_loss), probe_quantity=2.0)) == [10, 2, 2]


def test_probes_are_of_one_symbol_and_one_side_and_never_larger_than_asked() -> None:
    bars = make_bars(X=[FALLING] * 2, Y=[FALLING] * 2)
    plans = day_trades(bars)
    plans[1] = make_plan(order("X", "sell", 10), order("Y", "buy", 10), day=str(bars.days[1]))
    assert entered(play(bars, plans, probe_quantity=2.0)) == [10, -10, 10]
    assert entered(play(bars, day_trades(bars), probe_quantity=50.0)) == [10, 10]


def test_a_loss_in_the_morning_makes_the_entry_at_the_close_a_probe() -> None:
    bars = make_bars(X=[FALLING])
    plan = make_plan(
        order("X", "buy", 10, exit_price=20.0), order("X", "buy", 10, "close", exit_price=20.0)
    )  # the first is left at the close, before the second is entered there
    assert entered(play(bars, {0: plan}, strategy="entry_takeprofit", probe_quantity=3.0)) == [10, 3]


def test_nothing_is_entered_after_a_losing_day_until_a_day_does_not_lose() -> None:
    bars = make_bars(X=[FALLING, RISING, RISING, FALLING, RISING])
    books = play(bars, day_trades(bars), profit_shutdown_days=1)
    # Day 0 loses; day 1 is shut, so it loses nothing and day 2 is open; day 3 loses, day 4 is shut.
    assert [moment.day for moment in [fill.moment for fill in books.fills]] == [0, 0, 2, 2, 3, 3]
    assert missed(books) == [
        ("X", 10, 0, "profit_shutdown"),
        ("X", None, 0, "no_position"),
        ("X", 10, 0, "profit_shutdown"),
        ("X", None, 0, "no_position"),
    ]


def test_a_shutdown_looks_at_the_whole_period_and_lets_positions_be_closed() -> None:
    # Long 10 from day 0 on: -10 at its close, then +5 (9.5), then +20 (11.5). Of two days, -10 and -5 lose, +25 gains.
    bars = make_bars(X=[FALLING, (9.0, 9.5, 9.0, 9.5), (9.5, 11.5, 9.5, 11.5), STILL], Y=[STILL] * 4)
    plans = {0: make_plan(order("X", "buy", 10))} | {
        day: make_plan(order("Y", "buy", 1), order("X", "sell", 2), day=str(bars.days[day])) for day in (1, 2, 3)
    }
    books = play(bars, plans, profit_shutdown_days=2)
    assert traded(books)[1:] == [
        (1, "open", "X", -2, 9.0),
        (2, "open", "X", -2, 9.5),
        (3, "open", "X", -2, 10.0),
        (3, "open", "Y", 1, 10.0),
    ]


@pytest.mark.parametrize(
    ("equity", "days", "shut"),
    [
        ([100.0], 1, False),
        ([100.0, 99.0], 1, True),
        ([100.0, 99.0], 5, True),  # younger than the period: measured from the start
        ([100.0, 99.0, 99.0], 1, False),
        ([100.0, 99.0, 99.0], 2, True),
        ([100.0, 98.0, 99.0], 1, False),
        ([100.0, 98.0, 99.0, 99.5], 2, False),
        ([100.0, 101.0, 99.0], None, False),
    ],
)
def test_when_the_account_is_shut(equity: list[float], days: int | None, shut: bool) -> None:
    assert shut_down(equity, days) is shut
