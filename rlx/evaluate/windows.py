"""Which stretches of the market are played: sets of windows of equal length."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from rlx.errors import ConfigError
from rlx.evaluate.config import Protocol, WalkForward
from rlx.types import IntArray

if TYPE_CHECKING:
    from rlx.data.market import Market
    from rlx.data.splits import Span, Splits

HOLDOUT = "holdout"
WINDOWS = "windows"
WALK_FORWARD = "walk_forward"
log = logging.getLogger(__name__)


AnyProtocol = TypeVar("AnyProtocol", bound=Protocol)


@dataclass(frozen=True)
class WindowSet:
    """B windows of ``steps`` decisions each; window b decides at bars ``starts[b] .. starts[b] + steps - 1``."""

    name: str
    starts: IntArray
    steps: int

    def __post_init__(self) -> None:
        starts = np.asarray(self.starts)
        if starts.ndim != 1 or starts.size == 0 or starts.dtype.kind not in "iu":
            raise ConfigError(f"windows {self.name!r}: starts must be a non-empty list of bar indices.")
        if self.steps < 1:
            raise ConfigError(f"windows {self.name!r}: steps={self.steps}: must be at least 1.")
        object.__setattr__(self, "starts", starts.astype(np.int64))

    def __len__(self) -> int:
        return int(self.starts.size)


def protocol_windows(span: Span, protocol: Protocol) -> tuple[WindowSet, ...]:
    """Return the sets a protocol plays over a span; raises ConfigError, naming what fits, when one does not.

    ``fit_windows`` comes first where a default may be fitted.
    """
    sets = (holdout_windows(span), start_index_windows(span, protocol.window_steps))
    if isinstance(protocol, WalkForward):
        return (*sets, walk_forward_windows(span, protocol.window, protocol.stride))
    return sets


def fit_windows(protocol: AnyProtocol, span: Span, *, whatever: bool = False) -> AnyProtocol:
    """Return the protocol with windows that fit the span, and say so, where theirs is a length that nobody asked for.

    That is the default, and with ``whatever`` any length.
    """
    asked, room = protocol.window_steps, _decisions(span)
    if asked <= room or not (whatever or asked == Protocol.window_steps):
        return protocol
    log.warning("protocol.window_steps=%d: %d decision(s) are judged, so windows of %d are.", asked, room, room)
    return replace(protocol, window_steps=room)


def holdout_windows(span: Span) -> WindowSet:
    """Return one window over the whole span; raises ConfigError for a span without a single decision."""
    return WindowSet(HOLDOUT, np.array([span.start], dtype=np.int64), _decisions(span))


def start_index_windows(span: Span, steps: int = 42) -> WindowSet:
    """Return a window of ``steps`` decisions at every start index of the span that leaves room for it.

    Raises ConfigError, naming what fits, when the span is shorter than one window.
    """
    room = _decisions(span)
    if not 1 <= steps <= room:
        raise ConfigError(
            f"protocol.window_steps={steps}: the evaluation span has {room} decisions; give a value from 1 to {room}, "
            "or judge a longer span (protocol.split, protocol.start, protocol.end)."
        )
    return WindowSet(WINDOWS, np.arange(span.start, span.stop - steps + 1, dtype=np.int64), steps)


def walk_forward_windows(span: Span, window: int, stride: int) -> WindowSet:
    """Return windows of ``window`` decisions that start every ``stride`` decisions of the span and fit in whole.

    Raises ConfigError, naming what fits, when the span is shorter than one window.
    """
    room = _decisions(span)
    if not 1 <= window <= room:
        raise ConfigError(
            f"protocol.window={window}: the evaluation span has {room} decisions; give a value from 1 to {room}, or "
            "judge a longer span (protocol.split, protocol.start, protocol.end)."
        )
    if stride < 1:
        raise ConfigError(f"protocol.stride={stride}: must be at least 1.")
    return WindowSet(WALK_FORWARD, np.arange(span.start, span.stop - window + 1, stride, dtype=np.int64), window)


def _decisions(span: Span) -> int:
    if span.stop <= span.start:
        raise ConfigError(f"The evaluation span holds no decision (bars {span.start} to {span.stop}, end excluded).")
    return span.stop - span.start


def protocol_span(
    market: Market, splits: Splits | None, protocol: Protocol, first_bar: int = 0, within: Span | None = None
) -> Span:
    """Return the decisions the protocol judges: its split, narrowed to its dates.

    ``splits`` may be None where none are needed. ``first_bar`` is the first bar the policy has features for; it
    bounds split 'all' only. ``within`` are the decisions a policy made elsewhere covers (a file of weights): split
    'auto' judges those, and without them the test split. An end date includes its whole day, and a decision is kept
    only if the step it starts also closes by then. Raises ConfigError when nothing is left.
    """
    from rlx.data.panel import format_stamp
    from rlx.data.periods import first_instant, last_instant
    from rlx.data.splits import Span

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
    """Say that a judgement of everything begins after ``protocol.start``, because features are not known before."""
    from rlx.data.panel import format_stamp
    from rlx.data.periods import first_instant

    if protocol.split != "all" or protocol.start is None or span.start == 0:
        return None
    if market.timestamps[span.start - 1] < first_instant(protocol.start, "protocol.start"):
        return None
    first = format_stamp(market.timestamps[span.start])
    return f"protocol.start={protocol.start}: the policy's features are not known before {first}; judged from there."


def _part(market: Market, splits: Splits | None, protocol: Protocol, first_bar: int, within: Span | None) -> Span:
    from rlx.data.splits import Span

    if protocol.split == "all":
        return Span(first_bar, market.n_bars - 1)
    if protocol.split == "auto" and within is not None:
        return within
    if splits is None:
        raise ConfigError(f"protocol.split={protocol.split}: this market has no splits; use protocol.split=all.")
    part: Span = getattr(splits, "test" if protocol.split == "auto" else protocol.split)
    return part
