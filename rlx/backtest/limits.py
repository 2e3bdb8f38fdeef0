"""When limit orders are filled within a bar, and at which price: for one order, or for arrays of orders and bars.

Sides, prices and bars are numbers or arrays that broadcast; NaN is no order, no limit or no fill.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np


class Prices(Protocol):
    """Open, high, low and close of a bar, or arrays of them."""

    @property
    def open(self) -> Any:
        """The first price."""

    @property
    def high(self) -> Any:
        """The highest price."""

    @property
    def low(self) -> Any:
        """The lowest price."""

    @property
    def close(self) -> Any:
        """The last price."""


class Entry(NamedTuple):
    """A limit entry's price, and whether it was filled inside the bar rather than at its open."""

    price: Any
    within: Any


class Exit(NamedTuple):
    """A limit exit's price; ``ambiguous`` when it was not filled for certain, but another order of prices fills it."""

    price: Any
    ambiguous: Any


def limit_entry(side: Any, limit: Any, bar: Prices) -> Entry:
    """Return how an entry of ``side`` (1 buys, -1 sells short) at ``limit`` or better is filled.

    A bar that opens at or beyond the limit fills it at the open, which is better. Otherwise the low (of a buy) or the
    high must reach it, and it is filled at the limit. An infinite limit (of a sale, minus infinity) is an order at the
    open.
    """
    bound = side * limit
    at_open = side * bar.open <= bound
    extreme = np.where(np.greater(side, 0), bar.low, bar.high)
    within = ~at_open & (side * extreme <= bound)
    return Entry(np.where(at_open, bar.open, np.where(within, limit, np.nan)), within)


def limit_exit(side: Any, limit: Any, bar: Prices, entered: Any, *, optimistic: bool) -> Exit:
    """Return how the exit of a position of ``side`` at ``limit`` or better is filled.

    ``entered`` is the price of an entry inside this bar, NaN for a position held from its open on. A price already at
    or beyond the limit fills it at once and is better. After the open, the high (of a long) or the low must reach the
    limit. After an entry inside the bar the close is the only price known to be later: it must reach the limit, unless
    ``optimistic`` assumes that the extreme came after the entry.
    """
    bound, inside = side * limit, ~np.isnan(entered)
    begins = np.where(inside, entered, bar.open)
    at_once = side * begins >= bound
    touched = side * np.where(np.greater(side, 0), bar.high, bar.low) >= bound
    certain = np.where(inside, side * bar.close >= bound, touched)
    ambiguous = touched & ~certain & ~at_once
    filled = certain | ambiguous if optimistic else certain
    return Exit(np.where(at_once, begins, np.where(filled, limit, np.nan)), ambiguous)
