"""Which decisions a protocol judges, and a window length that fits them."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from rlx.data.panel import format_stamp
from rlx.data.periods import first_instant, last_instant
from rlx.data.splits import Span
from rlx.errors import ConfigError
from rlx.evaluate.protocols.base import Protocol
from rlx.evaluate.windows import decisions

if TYPE_CHECKING:
    from rlx.data.market import Market
    from rlx.data.splits import Splits

log = logging.getLogger(__name__)
AnyProtocol = TypeVar("AnyProtocol", bound=Protocol)


def protocol_span(
    market: Market, splits: Splits | None, protocol: Protocol, first_bar: int = 0, within: Span | None = None
) -> Span:
    """Return the decisions the protocol judges: its split, narrowed to its dates.

    ``splits`` may be None if they are not needed. ``first_bar`` is the first bar the policy has features for; it
    limits only split 'all'. ``within`` are the decisions a recorded policy covers (a file of weights): split 'auto'
    judges those, or without them the test split. An end date includes its whole day, and a decision is kept
    only if the step it starts also closes by then. Raises ConfigError when nothing is left.
    """
    part = _part(market, splits, protocol, first_bar, within)
    start, stop = part.start, part.stop
    stamps = market.timestamps
    if protocol.start is not None:
        start = max(start, int(np.searchsorted(stamps, first_instant(protocol.start, "protocol.start"))))
    if protocol.end is not None:
        past_end = np.searchsorted(stamps, last_instant(protocol.end, "protocol.end"), side="right")
        stop = min(stop, int(past_end) - 1)
    if stop <= start:
        raise ConfigError(
            f"protocol.start={protocol.start}, protocol.end={protocol.end}: no decision of protocol.split="
            f"{protocol.split} is left; it runs from {format_stamp(stamps[part.start])} to "
            f"{format_stamp(stamps[part.stop])}."
        )
    return Span(start, stop)


def late_start(market: Market, protocol: Protocol, span: Span) -> str | None:
    """Say that a judgement of split 'all' begins after ``protocol.start``, because features are not known before."""
    if protocol.split != "all" or protocol.start is None or span.start == 0:
        return None
    if market.timestamps[span.start - 1] < first_instant(protocol.start, "protocol.start"):
        return None
    first = format_stamp(market.timestamps[span.start])
    return f"protocol.start={protocol.start}: the policy's features are not known before {first}; judged from there."


def _part(market: Market, splits: Splits | None, protocol: Protocol, first_bar: int, within: Span | None) -> Span:
    if protocol.split == "all":
        return Span(first_bar, market.n_bars - 1)
    if protocol.split == "auto" and within is not None:
        return within
    if splits is None:
        raise ConfigError(f"protocol.split={protocol.split}: this market has no splits; use protocol.split=all.")
    part: Span = getattr(splits, "test" if protocol.split == "auto" else protocol.split)
    return part


def fit_windows(protocol: AnyProtocol, span: Span, *, always: bool = False) -> AnyProtocol:
    """Return the protocol, with windows shortened to the span, with a warning, if their length was not requested.

    The default length counts as not requested, and ``always`` makes every length count as such.
    """
    asked, longest = protocol.window_steps, decisions(span)
    if asked <= longest or not (always or asked == Protocol.window_steps):
        return protocol
    log.warning(
        "protocol.window_steps=%d: %d decision(s) are judged, so windows have %d steps.", asked, longest, longest
    )
    return replace(protocol, window_steps=longest)
