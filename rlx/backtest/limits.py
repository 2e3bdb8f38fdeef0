"""When a limit order is filled within a bar, and at which price."""

from __future__ import annotations

from typing import NamedTuple

from rlx.backtest.bars import Bar


class Entry(NamedTuple):
    """A limit entry's price, and whether it was filled inside the bar rather than at its open."""

    price: float
    within: bool


class Exit(NamedTuple):
    """A limit exit's price, None where it was not filled; ``ambiguous`` when another order of prices fills it."""

    price: float | None
    ambiguous: bool = False


def limit_entry(side: int, limit: float, bar: Bar) -> Entry | None:
    """Return how an entry of ``side`` (1 buys, -1 sells short) at ``limit`` or better is filled, None if it is not.

    A bar that opens at or beyond the limit fills it at the open, which is better. Otherwise the low (of a buy) or the
    high must reach it, and it is filled at the limit.
    """
    if side * bar.open <= side * limit:
        return Entry(bar.open, within=False)
    extreme = bar.low if side > 0 else bar.high
    return Entry(limit, within=True) if side * extreme <= side * limit else None


def limit_exit(side: int, limit: float | None, bar: Bar, entered: float | None, *, optimistic: bool) -> Exit:
    """Return how the exit of a position of ``side`` at ``limit`` or better is filled.

    ``entered`` is the price of an entry inside this bar, None for a position held from its open on. A price already at
    or beyond the limit fills it at once and is better. After the open, the high (of a long) or the low must reach the
    limit. After an entry inside the bar the close is the only price known to be later: it must reach the limit, unless
    ``optimistic`` assumes that the extreme came after the entry.
    """
    if limit is None:
        return Exit(None)
    begins = bar.open if entered is None else entered
    if side * begins >= side * limit:
        return Exit(begins)
    touched = side * (bar.high if side > 0 else bar.low) >= side * limit
    certain = touched if entered is None else side * bar.close >= side * limit
    ambiguous = touched and not certain
    return Exit(limit if certain or (ambiguous and optimistic) else None, ambiguous)
