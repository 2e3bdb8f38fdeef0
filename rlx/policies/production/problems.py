"""What in a record cannot be used or is odd: counted and named, never dropped in silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MEANINGS: Mapping[str, str] = {
    "no_pnl": "closed, without pnl and without all of qty, side and both prices to compute it; in no PnL",
    "no_close_date": "realised, but closed_at is missing; in the totals and on no day",
    "pnl_disagrees": "the recorded pnl is not the one that qty, side and prices give; the recorded one is taken",
    "qty_contradicts_side": "qty is negative on a buy; the qty is not used",
    "closed_before_opened": "closed_at is before opened_at; the PnL counts on closed_at",
    "name_disagrees": "symbol or side is not that of the key it is listed under; the trade's own is taken",
    "repeated_trade": "equal to an earlier trade in every field; both count, as two equal fills would",
    "repeated_pnl": "more than a fifth of the realised trades have this very PnL, as those of tests and mocks do",
    "number_as_text": "a number in quotes; taken as the number",
    "unparsable_snapshot": "lines with the marker whose time, value or threshold cannot be read; not used",
    "undecided_amount": "a value such as 1.234, which may be more than a thousand or one and a bit, and no other line "
    "of the log tells which; not used",
    "snapshot_not_positive": "an account value of zero or less; in the account's range, in no return and no weight",
    "exposure_negative": "a gross exposure below zero, which there is none of; is it the account's value "
    "(policy.log_value=equity)?",
    "snapshot_out_of_order": "earlier than the line before; sorted by time",
    "repeated_snapshot": "the time and the numbers of an earlier line",
    "snapshot_contradicts": "the time of an earlier line with other numbers; the later line counts",
    "no_qty": "without a usable qty, or a qty of zero",
    "no_side": "without a side",
    "no_open_date": "without opened_at",
    "unknown_close": "closed, as pnl or exit_price says, at a time that is not recorded",
    "not_in_market": "of a symbol that the market does not have",
    "before_market": "closed by the market's first close",
    "after_market": "opened after the market's last close",
    "between_closes": "opened and closed between two closes; holds nothing at any close",
    "outside_sessions": "opened or closed when the market of its symbol had no session",
    "price_differs": "with an entry_price more than 20% off the close first held at (prices adjusted for splits?)",
}


class Problems:
    """A list of places for each kind of problem, in the order they were met."""

    def __init__(self) -> None:
        self._places: dict[str, list[str]] = {}

    def add(self, kind: str, place: str) -> None:
        """Note one case of a kind in ``MEANINGS`` at a place that a reader can find."""
        if kind not in MEANINGS:
            raise KeyError(kind)
        self._places.setdefault(kind, []).append(place)

    def places(self, kind: str) -> Sequence[str]:
        """Return where a kind was met."""
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
