"""Strategies ``entry_takeprofit`` and ``maxdiff``: limit orders within a day's range, by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlx.backtest.bars import Bar
from rlx.backtest.limits import limit_entry, limit_exit
from rlx.backtest.replay import Replay
from tests.backtest.by_hand import Row, make_bars, make_plan, missed, order, play, random_bars, traded

DAY: Row = (100.0, 104.0, 97.0, 102.0)


def takeprofit(rows: list[Row], *orders: dict[str, Any], **settings: Any) -> Replay:
    return play(make_bars(X=rows), {0: make_plan(*orders)}, strategy="entry_takeprofit", **settings)


def maxdiff(row: Row, action: str, entry: float, leave: float, session: str = "open", **settings: Any) -> Replay:
    wanted = order("X", action, 10, session, entry_price=entry, exit_price=leave)
    return play(make_bars(X=[row, row]), {0: make_plan(wanted)}, strategy="maxdiff", **settings)


@pytest.mark.parametrize(
    ("action", "leave", "part", "price"),
    [
        ("buy", 103.0, "range", 103.0),  # the high of 104 reaches it
        ("buy", 104.0, "range", 104.0),  # touching is enough
        ("buy", 104.01, "close", 102.0),
        ("buy", None, "close", 102.0),
        ("buy", 99.0, "range", 100.0),  # below the entry already: filled at once, at the better open
        ("sell", 98.0, "range", 98.0),
        ("sell", 97.0, "range", 97.0),
        ("sell", 96.0, "close", 102.0),
        ("sell", 101.0, "range", 100.0),
    ],
)
def test_an_entry_at_the_open_is_left_at_its_limit_or_at_the_close(
    action: str, leave: float | None, part: str, price: float
) -> None:
    side = 1 if action == "buy" else -1
    books = takeprofit([DAY], order("X", action, 10, exit_price=leave))
    assert traded(books) == [(0, "open", "X", 10 * side, 100.0), (0, part, "X", -10 * side, price)]
    assert books.net_pnl == pytest.approx(10 * side * (price - 100.0))
    assert books.ambiguous == 0


def test_takeprofit_fees_by_hand() -> None:
    # 10 bps: in 1,000 (fee 1), out at 103: 1,030 (fee 1.03). Realised 30 - 1.03, net 27.97.
    books = takeprofit([DAY], order("X", "buy", 10, exit_price=103.0), fee_bps=10)
    assert books.realised_pnl[-1] == pytest.approx(28.97)
    assert books.net_pnl == pytest.approx(27.97)


@pytest.mark.parametrize(
    ("next_day", "part", "price"),
    [
        ((102.0, 106.0, 101.0, 103.0), "range", 105.0),
        ((107.0, 108.0, 106.0, 106.5), "range", 107.0),  # opens above the limit: the open is better
        ((102.0, 104.0, 101.0, 103.0), "close", 103.0),
    ],
)
def test_an_entry_at_the_close_is_left_on_the_next_day(next_day: Row, part: str, price: float) -> None:
    books = takeprofit([DAY, next_day], order("X", "buy", 10, "close", exit_price=105.0))
    assert traded(books) == [(0, "close", "X", 10, 102.0), (1, part, "X", -10, price)]
    assert books.positions[:, 0].tolist() == [10, 0]


def test_an_instruction_of_the_other_side_only_closes_what_is_left() -> None:
    orders = order("X", "buy", 10, exit_price=103.0), order("X", "sell", 10, "close")
    assert traded(takeprofit([DAY], *orders))[-1] == (0, "range", "X", -10, 103.0)
    assert missed(takeprofit([DAY], *orders)) == [("X", 10, 0, "no_position")]


def test_an_exit_before_the_limit_takes_the_limit_along() -> None:
    # 10 carried over night: 6 are closed at the open, 4 at their limit; 5 new ones have a limit of their own.
    plans = {
        0: make_plan(order("X", "buy", 10, "close", exit_price=103.0)),
        1: make_plan(order("X", "sell", 6), order("X", "buy", 5, exit_price=104.0), day="2025-01-07"),
    }
    books = play(make_bars(X=[DAY, DAY]), plans, strategy="entry_takeprofit")
    assert traded(books)[1:] == [
        (1, "open", "X", -6, 100.0),
        (1, "open", "X", 5, 100.0),
        (1, "range", "X", -4, 103.0),
        (1, "range", "X", -5, 104.0),
    ]
    assert [trip.quantity for trip in books.round_trips] == [15]


@pytest.mark.parametrize(
    ("action", "entry", "price", "part"),
    [
        ("buy", 98.0, 98.0, "range"),
        ("buy", 97.0, 97.0, "range"),  # touching is enough
        ("buy", 96.9, None, ""),
        ("buy", 101.0, 100.0, "open"),  # opens below the limit: the open is better
        ("buy", 120.0, 100.0, "open"),
        ("sell", 103.0, 103.0, "range"),
        ("sell", 104.1, None, ""),
        ("sell", 99.0, 100.0, "open"),
    ],
)
def test_a_limit_entry_is_filled_where_the_day_touches_it(
    action: str, entry: float, price: float | None, part: str
) -> None:
    books = maxdiff(DAY, action, entry, 200.0 if action == "buy" else 1.0)
    side = 1 if action == "buy" else -1
    if price is None:
        assert traded(books) == [] and missed(books) == [("X", 10, 0, "not_touched")]
    else:
        assert traded(books) == [(0, part, "X", 10 * side, price), (0, "close", "X", -10 * side, 102.0)]
        assert books.net_pnl == pytest.approx(10 * side * (102.0 - price))


@pytest.mark.parametrize(
    ("action", "entry", "leave", "pessimistic", "optimistic", "ambiguous"),
    [
        ("buy", 98.0, 101.0, ("range", 101.0), ("range", 101.0), 0),  # the close of 102 lies beyond: it came after
        ("buy", 98.0, 102.0, ("range", 102.0), ("range", 102.0), 0),
        ("buy", 98.0, 103.0, ("close", 102.0), ("range", 103.0), 1),  # the high may have come before the low
        ("buy", 98.0, 105.0, ("close", 102.0), ("close", 102.0), 0),
        ("buy", 98.0, 97.5, ("range", 98.0), ("range", 98.0), 0),  # beyond at the entry: at once, and no worse
        ("buy", 100.0, 103.0, ("range", 103.0), ("range", 103.0), 0),  # entered at the open: everything comes after
        ("sell", 103.0, 102.5, ("range", 102.5), ("range", 102.5), 0),
        ("sell", 103.0, 99.0, ("close", 102.0), ("range", 99.0), 1),
    ],
)
def test_exits_after_an_entry_inside_the_bar(
    action: str, entry: float, leave: float, pessimistic: Any, optimistic: Any, ambiguous: int
) -> None:
    for both_touch, expected in (("pessimistic", pessimistic), ("optimistic", optimistic)):
        books = maxdiff(DAY, action, entry, leave, both_touch=both_touch)
        assert traded(books)[1][1:2] + traded(books)[1][4:] == expected, both_touch
        assert books.ambiguous == ambiguous


def test_maxdiff_fees_by_hand() -> None:
    # 10 bps: in 10 x 98 (fee 0.98), out 10 x 101 (fee 1.01): 30 - 0.98 - 1.01.
    assert maxdiff(DAY, "buy", 98.0, 101.0, fee_bps=10).net_pnl == pytest.approx(28.01)


def test_a_limit_at_the_close_is_filled_by_a_close_no_worse_and_left_on_the_next_day() -> None:
    books = maxdiff(DAY, "buy", 102.0, 103.0, "close")
    assert traded(books) == [(0, "close", "X", 10, 102.0), (1, "range", "X", -10, 103.0)]
    assert missed(maxdiff(DAY, "buy", 101.9, 103.0, "close")) == [("X", 10, 0, "not_touched")]
    assert traded(maxdiff(DAY, "sell", 102.0, 98.0, "close"))[1] == (1, "range", "X", 10, 98.0)
    assert missed(maxdiff(DAY, "sell", 102.1, 98.0, "close")) == [("X", 10, 0, "not_touched")]


def test_entries_inside_the_day_cannot_spend_what_exits_of_that_day_bring_in() -> None:
    bars = make_bars(X=[DAY, DAY], Y=[DAY, DAY])
    plans = {
        0: make_plan(order("X", "buy", 98, "close", entry_price=102.0, exit_price=103.0)),  # 9,996 of 10,000
        1: make_plan(order("Y", "buy", 1, entry_price=98.0, exit_price=101.0), day="2025-01-07"),
    }
    assert missed(play(bars, plans, strategy="maxdiff")) == [("Y", 1, 0, "cash")]


limits = st.tuples(
    st.sampled_from("XYZ"), st.sampled_from(["buy", "sell"]), st.integers(1, 9), st.sampled_from(["open", "close"])
)
prices = st.tuples(st.floats(4, 16), st.floats(4, 16))
wanted = st.lists(st.tuples(limits, prices), min_size=1, max_size=5, unique_by=lambda one: (one[0][:2], one[0][3]))


@given(st.lists(wanted, min_size=1, max_size=4), st.integers(0, 50), st.sampled_from(["entry_takeprofit", "maxdiff"]))
def test_every_fill_lies_in_its_bar_and_every_position_is_left_by_the_next_day(
    days: Any, seed: int, strategy: str
) -> None:
    bars = random_bars(len(days) + 1, seed)
    plans = {
        day: make_plan(
            *(order(*one, entry_price=entry, exit_price=leave) for one, (entry, leave) in orders),
            day=str(bars.days[day]),
        )
        for day, orders in enumerate(days)
    }
    outcomes = []
    for both_touch in ("pessimistic", "optimistic"):
        books = play(bars, plans, 10.0, strategy=strategy, both_touch=both_touch)
        outcomes.append(books)
        for one in books.fills:
            bar = bars.bar(one.moment.day, one.symbol)
            assert bar.low <= one.price <= bar.high
            assert one.moment.part == "range" or one.price == getattr(bar, one.moment.part)
        assert not books.positions[-1].any()
        assert books.net_pnl == pytest.approx(sum(trip.net_pnl for trip in books.round_trips))
    pessimistic, optimistic = outcomes
    assert pessimistic.ambiguous or optimistic.net_pnl == pytest.approx(pessimistic.net_pnl)


@pytest.mark.parametrize(
    ("side", "limit", "row", "price"),
    [
        (1, 99.0, (98.0, 101.0, 97.0, 100.0), 98.0),
        (-1, 101.0, (103.0, 104.0, 100.0, 102.0), 103.0),
        (1, 99.0, (100.0, 100.0, 98.5, 99.5), 99.0),
        (1, math.inf, DAY, 100.0),
        (-1, -math.inf, DAY, 100.0),
        (1, math.nan, DAY, math.nan),
    ],
)
def test_prices_of_entries(side: int, limit: float, row: Row, price: float) -> None:
    assert float(limit_entry(side, limit, Bar(*row)).price) == pytest.approx(price, nan_ok=True)


def test_a_target_worse_than_the_entry_is_left_at_once() -> None:
    bar = Bar(100.0, 100.0, 98.5, 99.5)
    assert float(limit_exit(1, 98.0, bar, 99.0, optimistic=False).price) == 99.0


@given(st.integers(1, 30), st.integers(0, 10_000), st.booleans())
def test_arrays_are_filled_as_each_order_alone(n_orders: int, seed: int, optimistic: bool) -> None:
    rng = np.random.default_rng(seed)
    days = random_bars(n_orders, seed, "X")
    bars = Bar(*(getattr(days, name)[:, 0] for name in Bar._fields))
    side, (entry, target) = rng.choice([-1.0, 1.0], n_orders), np.round(rng.uniform(4, 16, (2, n_orders)))
    entries = limit_entry(side, entry, bars)
    inside = np.where(entries.within, entries.price, np.nan)
    exits = limit_exit(side, target, bars, inside, optimistic=optimistic)
    for one in range(n_orders):
        bar = days.bar(one, "X")
        alone = limit_entry(side[one], entry[one], bar)
        left = limit_exit(side[one], target[one], bar, inside[one], optimistic=optimistic)
        np.testing.assert_equal([float(alone.price), bool(alone.within)], [entries.price[one], entries.within[one]])
        np.testing.assert_equal([float(left.price), bool(left.ambiguous)], [exits.price[one], exits.ambiguous[one]])
