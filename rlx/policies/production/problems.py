"""Unusable or odd entries of a record: counted and named, never dropped silently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MEANINGS: Mapping[str, str] = {
    "no_pnl": "closed, without pnl and without all of qty, side and both prices to compute it; in no PnL",
    "no_close_date": "realised, but closed_at is missing; in the totals and on no day",
    "pnl_disagrees": "the recorded pnl differs from the one that qty, side and prices give; the recorded one is used",
    "qty_contradicts_side": "qty is negative on a buy; the qty is not used",
    "closed_before_opened": "closed_at is before opened_at; the PnL counts on closed_at",
    "name_disagrees": "symbol or side differs from that of its key; the trade's own is used",
    "repeated_trade": "equal to an earlier trade in every field; both count, as two equal fills would",
    "repeated_pnl": "more than a fifth of the realised trades have exactly this PnL, like those of tests and mocks",
    "number_as_text": "a number in quotes; used as the number",
    "unparsable_snapshot": "lines with the marker whose time, value or threshold cannot be read; not used",
    "undecided_amount": "a value such as 1.234, which may be above a thousand or just above one, and no other line of "
    "the log shows which; not used",
    "snapshot_not_positive": "an account value of zero or less; included in the account's range, but in no return and "
    "no weight",
    "exposure_negative": "a gross exposure below zero, which is impossible; is it the account's value "
    "(policy.log_value=equity)?",
    "snapshot_out_of_order": "earlier than the line before; sorted by time",
    "repeated_snapshot": "the time and the numbers of an earlier line",
    "snapshot_contradicts": "the time of an earlier line with other numbers; the later line counts",
    "no_qty": "without a usable qty, or a qty of zero",
    "no_side": "without a side",
    "no_open_date": "without opened_at",
    "unknown_close": "closed, according to pnl or exit_price, at a time that is not recorded",
    "not_in_market": "in a symbol that the market does not have",
    "before_market": "closed by the market's first close",
    "after_market": "opened after the market's last close",
    "between_closes": "opened and closed between two closes; not held at any close",
    "outside_sessions": "opened or closed outside the sessions of its symbol's market",
    "price_differs": "with an entry_price more than 20% off the first close at which it is held (prices adjusted for "
    "splits?)",
}


class Problems:
    """A list of places for each kind of problem, in the order found."""

    def __init__(self) -> None:
        self._places: dict[str, list[str]] = {}

    def add(self, kind: str, place: str) -> None:
        """Record one case of a kind in ``MEANINGS`` and its place."""
        if kind not in MEANINGS:
            raise KeyError(kind)
        self._places.setdefault(kind, []).append(place)

    def places(self, kind: str) -> Sequence[str]:
        """Return the places of a kind."""
        return tuple(self._places.get(kind, ()))

    def to_dict(self) -> dict[str, Any]:
        """Return count, meaning and every place by kind, in the order of ``MEANINGS``."""
        return {
            kind: {"count": len(self._places[kind]), "meaning": meaning, "where": list(self._places[kind])}
            for kind, meaning in MEANINGS.items()
            if kind in self._places
        }

    def in_words(self) -> str:
        """Return counts and meanings on one line, for an error."""
        return "; ".join(f"{len(places)} {MEANINGS[kind]}" for kind, places in self._places.items())
