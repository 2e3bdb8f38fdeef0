"""Strategy ``base``: every instruction at the price of its session; accounting by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlx.backtest.bars import DayBars
from tests.backtest.by_hand import make_bars, make_plan, missed, order, play, random_bars, traded

DAY = (10.0, 12.0, 9.0, 11.0)
TWO_DAYS = [DAY, (11.0, 13.0, 10.0, 12.0)]


def apple() -> DayBars:
    days = np.array(["2025-01-01", "2025-01-02", "2025-01-03"], dtype="datetime64[D]")
    columns = ([110, 112, 111], [112, 114, 115], [109, 110.5, 110], [112, 113.5, 114])
    return DayBars(("AAPL",), days, *(np.array(column, float)[:, None] for column in columns))


def test_a_day_trade_by_hand() -> None:
    # In: 5 x 112 = 560, fee 0.28. Out: 5 x 113.5 = 567.5, fee 0.28375. 7.5 - 0.28375 = 7.21625 is realised.
    plan = make_plan(order("AAPL", "buy", 5), order("AAPL", "sell", 5, "close"), day="2025-01-02")
    books = play(apple(), {1: plan}, fee_bps=5, cash=8_000)
    assert books.fees[-1] == pytest.approx(0.56375, abs=1e-12)
    assert books.realised_pnl[-1] == pytest.approx(7.21625, abs=1e-12)
    assert books.cash[-1] == pytest.approx(8_006.93625, abs=1e-9)
    assert books.opening_fees[-1] == pytest.approx(0.28, abs=1e-12)
    assert books.net_pnl == pytest.approx(7.21625 - 0.28, abs=1e-9)
    np.testing.assert_allclose(books.equity, [8_000, 8_006.93625, 8_006.93625])
    (trip,) = books.round_trips
    assert (trip.side, trip.quantity, trip.entry_price, trip.exit_price) == (1, 5, 112, 113.5)
    assert trip.net_pnl == pytest.approx(6.93625) and trip.fees == pytest.approx(0.56375)


def test_the_account_goes_from_plan_to_plan_at_average_prices() -> None:
    # 10 at 10, then 30 at 11: 430/40 = 10.75. Selling 20 at 12 realises 20 x 1.25 = 25, the rest keeps its average.
    bars = make_bars(X=TWO_DAYS)
    plans = {
        0: make_plan(order("X", "buy", 10), order("X", "buy", 30, "close")),
        1: make_plan(order("X", "sell", 20, "close"), day="2025-01-07"),
    }
    books = play(bars, plans, cash=1_000)
    assert books.average_prices[:, 0].tolist() == [10.75, 10.75]
    assert books.positions[:, 0].tolist() == [40, 20]
    assert books.realised_pnl.tolist() == [0, 25]
    assert books.unrealised_pnl.tolist() == [40 * 0.25, 20 * 1.25]
    assert books.cash.tolist() == [1_000 - 100 - 330, 570 + 240]
    assert books.equity.tolist() == [1_010, 1_050]
    assert books.round_trips == ()


def test_selling_more_than_is_held_turns_short_and_a_buy_covers() -> None:
    # Long 5 at 10; sell 8 at 11: 5 close (+5), 3 open short at 11. Cover all at 11 (the open): nothing on the short.
    bars = make_bars(X=TWO_DAYS)
    plans = {
        0: make_plan(order("X", "buy", 5), order("X", "sell", 8, "close")),
        1: make_plan(order("X", "buy", 3), order("X", "sell", 2, "close"), day="2025-01-07"),
    }
    books = play(bars, plans, cash=1_000)
    assert traded(books) == [
        (0, "open", "X", 5, 10),
        (0, "close", "X", -5, 11),
        (0, "close", "X", -3, 11),
        (1, "open", "X", 3, 11),
        (1, "close", "X", -2, 12),
    ]
    assert books.positions[:, 0].tolist() == [-3, -2]
    assert books.realised_pnl.tolist() == [5, 5]
    assert books.cash.tolist() == [1_000 + 5 + 33, 1_005 + 24]
    assert [(trip.side, trip.net_pnl) for trip in books.round_trips] == [(1, 5), (-1, 0)]


def test_a_short_earns_what_the_price_falls_less_both_fees() -> None:
    # 10 bps: short 100 at 10 (fee 1), covered at 9 (fee 0.9): realised 100 - 0.9, net 98.1.
    bars = make_bars(X=[(10.0, 10.0, 8.0, 9.0)])
    books = play(bars, {0: make_plan(order("X", "sell", 100), order("X", "exit", None, "close"))}, fee_bps=10)
    assert books.realised_pnl[-1] == pytest.approx(99.1)
    assert books.net_pnl == pytest.approx(98.1)
    assert books.round_trips[0].side == -1 and books.round_trips[0].net_pnl == pytest.approx(98.1)


def test_an_exit_closes_at_most_what_is_held() -> None:
    bars = make_bars(X=TWO_DAYS, Y=TWO_DAYS)
    plans = {
        0: make_plan(order("X", "buy", 5), order("Y", "sell", 4)),
        1: make_plan(order("X", "exit", 7), order("Y", "exit", 0), order("Y", "exit", 1, "close"), day="2025-01-07"),
    }
    books = play(bars, plans)
    assert books.positions[-1].tolist() == [0, 0]
    assert missed(books) == [("X", 7, 5, "no_position"), ("Y", 1, 0, "no_position")]


def test_hold_does_nothing_and_stopped_symbols_are_left_but_not_entered() -> None:
    bars = make_bars(X=TWO_DAYS, Y=TWO_DAYS)
    plans = {
        0: make_plan(order("X", "buy", 5), order("Y", "hold")),
        1: make_plan(order("X", "sell", 8), order("Y", "buy", 1), stop=("X", "Y"), day="2025-01-07"),
    }
    books = play(bars, plans)
    assert traded(books) == [(0, "open", "X", 5, 10), (1, "open", "X", -5, 11)]
    assert missed(books) == [("X", 3, 0, "stop_trading"), ("Y", 1, 0, "stop_trading")]


def test_entries_are_cut_to_the_cash_fees_included() -> None:
    # 1,000 of cash at 10 and 100 bps buy 99 whole units (99 x 10.1 = 999.9), or 1000/10.1 where fractions are asked.
    bars = make_bars(X=[DAY])
    whole = play(bars, {0: make_plan(order("X", "buy", 150))}, fee_bps=100, cash=1_000)
    assert missed(whole) == [("X", 150, 99, "cash")]
    assert whole.cash[-1] == pytest.approx(0.1)
    fraction = play(bars, {0: make_plan(order("X", "buy", 150.5))}, fee_bps=100, cash=1_000)
    assert fraction.positions[-1, 0] == pytest.approx(1_000 / 10.1)
    assert fraction.cash[-1] == pytest.approx(0.0, abs=1e-9)
    assert missed(play(bars, {0: make_plan(order("X", "buy", 100))}, cash=1_000)) == []
    assert missed(play(bars, {0: make_plan(order("X", "buy", 100))}, cash=9)) == [("X", 100, 0, "cash")]


def test_a_short_needs_as_much_cash_as_it_is_worth() -> None:
    # 1,000 back a short of 100 x 10; its proceeds pay for nothing. Half of that leaves 500 to buy Y with.
    bars = make_bars(X=[DAY], Y=[DAY])
    full = play(bars, {0: make_plan(order("X", "sell", 120), order("Y", "buy", 1))}, cash=1_000)
    assert missed(full) == [("X", 120, 100, "cash"), ("Y", 1, 0, "cash")]
    half = play(bars, {0: make_plan(order("X", "sell", 50), order("Y", "buy", 80))}, cash=1_000)
    assert missed(half) == [("Y", 80, 50, "cash")]


def test_shorts_are_marked_at_the_price_of_the_auction() -> None:
    # Short 50 at 10: at the close of 11 they tie up 1,500 - 2 x 550 = 400, which buy 36 Y at 11 and not 45.
    bars = make_bars(X=[DAY], Y=[DAY])
    books = play(bars, {0: make_plan(order("X", "sell", 50), order("Y", "buy", 80, "close"))}, cash=1_000)
    assert missed(books) == [("Y", 80, 36, "cash")]


def test_rounding_leaves_no_position_and_cuts_no_entry() -> None:
    bars = make_bars(X=[DAY, DAY, DAY])
    plans = {
        0: make_plan(order("X", "buy", 0.1), order("X", "buy", 0.2, "close")),
        1: make_plan(order("X", "sell", 0.3), day="2025-01-07"),  # 0.1 + 0.2 is a little more
    }
    books = play(bars, plans)
    assert len(books.round_trips) == 1 and not books.positions[-1].any()
    # 3 x 0.1 is a little more than 0.3 of cash
    cheap = make_bars(X=[(0.1, 0.1, 0.1, 0.1)])
    assert missed(play(cheap, {0: make_plan(order("X", "buy", 3))}, cash=0.3)) == []


def test_what_lowers_a_position_comes_first_and_pays_for_the_rest() -> None:
    bars = make_bars(X=TWO_DAYS, Y=TWO_DAYS)
    plans = {
        0: make_plan(order("X", "buy", 100)),
        1: make_plan(order("Y", "buy", 100), order("X", "exit"), day="2025-01-07"),
    }
    books = play(bars, plans, cash=1_000)
    assert traded(books)[1:] == [(1, "open", "X", -100, 11), (1, "open", "Y", 100, 11)]
    assert missed(books) == []


orders = st.tuples(
    st.sampled_from("XYZ"),
    st.sampled_from(["buy", "sell", "exit"]),
    st.integers(1, 40),
    st.sampled_from(["open", "close"]),
)
days_of_orders = st.lists(
    st.lists(orders, min_size=1, max_size=6, unique_by=lambda one: (one[0], one[1], one[3])), min_size=1, max_size=5
)


@given(days_of_orders, st.integers(0, 100), st.sampled_from([0.0, 30.0]))
def test_the_books_always_add_up(days: list[list[tuple[str, str, int, str]]], seed: int, fee_bps: float) -> None:
    bars = random_bars(len(days), seed)
    plans = {
        day: make_plan(*(order(*one) for one in wanted), day=str(bars.days[day])) for day, wanted in enumerate(days)
    }
    books = play(bars, plans, fee_bps, cash=1_000)
    bought = sum(one.quantity * one.price for one in books.fills)
    assert books.cash[-1] == pytest.approx(1_000 - bought - books.fees[-1])
    np.testing.assert_allclose(
        books.equity, 1_000 + books.realised_pnl + books.unrealised_pnl - books.opening_fees, atol=1e-8
    )
    np.testing.assert_allclose(
        books.positions[-1],
        [sum(one.quantity for one in books.fills if one.symbol == name) for name in "XYZ"],
        atol=1e-9,
    )
    flat = sum(trip.net_pnl for trip in books.round_trips)
    if not books.positions[-1].any():
        assert books.net_pnl == pytest.approx(flat, abs=1e-8)


@given(days_of_orders)
def test_without_fees_trading_at_a_price_leaves_the_equity_at_that_price(
    days: list[list[tuple[str, str, int, str]]],
) -> None:
    still = make_bars(**{symbol: [(10.0, 10.0, 10.0, 10.0)] * len(days) for symbol in "XYZ"})
    plans = {
        day: make_plan(*(order(*one) for one in wanted), day=str(still.days[day])) for day, wanted in enumerate(days)
    }
    np.testing.assert_allclose(play(still, plans, cash=1_000).equity, 1_000)


@given(days_of_orders, st.integers(0, 100))
def test_the_order_of_symbols_changes_nothing_when_cash_suffices(
    days: list[list[tuple[str, str, int, str]]], seed: int
) -> None:
    bars = random_bars(len(days), seed)

    def result(by_symbol: str) -> list[float]:
        plans = {
            day: make_plan(
                *(order(*one) for one in sorted(wanted, key=lambda one: by_symbol.index(one[0]))),
                day=str(bars.days[day]),
            )
            for day, wanted in enumerate(days)
        }
        books = play(bars, plans, 20.0, cash=1e6)
        return [*books.equity, *books.realised_pnl, *books.fees]

    np.testing.assert_allclose(result("XYZ"), result("ZXY"), rtol=1e-12)
