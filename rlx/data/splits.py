"""Training, validation and test spans of decisions, by date or by fraction, with purge."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np

from rlx.errors import ConfigError, DataError
from rlx.ranges import Number, Text, Whole, check_fields
from rlx.types import TimeArray
from rlx.untrusted.plain_types import NAME, Rule, Stamp

if TYPE_CHECKING:
    from rlx.data.market import Market

Share = Annotated[float, Number(0.0001, 0.9999)]
Ends = Annotated[list[Stamp], Rule("the time stamps of a span", lambda ends: len(ends) == 2)]
Seen = Annotated[dict[str, Ends], Rule("names of spans", lambda seen: all(re.fullmatch(NAME, name) for name in seen))]
"""Spans as files hold them: by name, the time stamps of the first decision and of the last close."""


@dataclass
class SplitConfig:
    """Where training and validation end; the rest is the test span.

    ``train_end`` and ``validation_end`` are dates, inclusive, and must be given together; without them the fractions
    apply to all decisions of the market, including those before the features are known, so that every policy is tested
    on the same dates, regardless of its lookback. ``purge_steps`` decisions are dropped before validation and again
    before test. Not frozen, because a configuration tree makes frozen schemas read-only.
    """

    train_fraction: Share = 0.7
    validation_fraction: Share = 0.15
    train_end: Annotated[str | None, Text(40)] = None
    validation_end: Annotated[str | None, Text(40)] = None
    purge_steps: Annotated[int, Whole(0, 1_000_000)] = 0

    def __post_init__(self) -> None:
        check_fields(self, "data.split")
        if self.train_fraction + self.validation_fraction >= 1.0:
            total = self.train_fraction + self.validation_fraction
            raise ConfigError(
                f"data.split: train_fraction + validation_fraction = {total:g}; must be below 1 to leave a test span."
            )
        if (self.train_end is None) != (self.validation_end is None):
            raise ConfigError("data.split.train_end, data.split.validation_end: give both, or neither.")


@dataclass(frozen=True)
class Span:
    """Half-open range of bar indices at which decisions are taken; the last one earns the return to bar ``stop``."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def bars_seen(self, window_steps: int) -> slice:
        """Return the bars in the windows of the decisions: from the first window's first bar to the last decision's."""
        return slice(self.start - window_steps + 1, self.stop)

    def ends(self, stamps: TimeArray) -> list[str]:
        """Return the time stamps of the first decision and of the last close, as files hold them."""
        return [str(stamps[bar]) for bar in (self.start, self.stop)]


@dataclass(frozen=True)
class Splits:
    """The three spans, in time order and without overlap."""

    train: Span
    validation: Span
    test: Span


def make_splits(market: Market, split: SplitConfig, first_bar: int) -> Splits:
    """Cut the decisions at bars 0 .. N-2 into train, validation and test; training begins at ``first_bar``.

    Raises DataError when a span is empty, naming the dates and bars.
    """
    last = market.n_bars - 1
    if split.train_end is not None and split.validation_end is not None:
        train_stop, validation_stop = _stops_by_date(market, split.train_end, split.validation_end)
    else:
        train_stop = round(last * split.train_fraction)
        validation_stop = round(last * (split.train_fraction + split.validation_fraction))
    purge = split.purge_steps
    splits = Splits(
        Span(first_bar, min(train_stop, last)),
        Span(max(train_stop + purge, first_bar), min(validation_stop, last)),
        Span(max(validation_stop + purge, first_bar), last),
    )
    _refuse_empty(market, splits, first_bar)
    return splits


def _stops_by_date(market: Market, train_end: str, validation_end: str) -> tuple[int, int]:
    from rlx.data.periods import last_instant

    ends = [last_instant(train_end, "data.split.train_end"), last_instant(validation_end, "data.split.validation_end")]
    if ends[0] >= ends[1]:
        raise DataError(f"data.split.train_end={train_end} must be before data.split.validation_end={validation_end}.")
    train_stop, validation_stop = np.searchsorted(market.timestamps, np.array(ends), side="right")
    return int(train_stop), int(validation_stop)


def _refuse_empty(market: Market, splits: Splits, first_bar: int) -> None:
    from rlx.data.panel import format_stamp

    for name in ("train", "validation", "test"):
        span: Span = getattr(splits, name)
        if span.stop <= span.start:
            stamps = market.timestamps
            first = format_stamp(stamps[min(first_bar, len(stamps) - 1)])
            raise DataError(
                f"data.split: the {name} span is empty. Decisions run from bar {first_bar} ({first}) to bar"
                f" {market.n_bars - 2} ({format_stamp(stamps[-2])}); change the dates, fractions or purge_steps"
                f" ({market.n_bars} rows in all)."
            )
