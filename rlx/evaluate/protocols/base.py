"""What a protocol is: the schema of the ``protocol`` group, and what the judge asks of every protocol."""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

import numpy as np

from rlx.errors import ConfigError
from rlx.evaluate.windows import WindowSet, holdout_windows, start_index_windows
from rlx.measures.trials import MAX_TRIALS
from rlx.ranges import Number, OneOf, Whole, check_fields
from rlx.sim.rules import Guard, Rules
from rlx.untrusted.shown import as_typed

if TYPE_CHECKING:
    from rlx.data.market import Market
    from rlx.data.splits import Span
    from rlx.evaluate.purging import FitSpans
    from rlx.evaluate.seen import Seen
    from rlx.evaluate.window_rows import Row
    from rlx.measures.evaluation import Evaluation
    from rlx.policies.base import Policy
    from rlx.types import TimeArray

SPLITS = ("auto", "train", "validation", "test", "all")
SECONDS = "datetime64[s]"
DECISIONS = Whole(1, 1_000_000)
WRITTEN = re.compile(r"\d{4}(-\d\d(-\d\d([ T]\d\d:\d\d(:\d\d)?)?)?)?")


class Measured(NamedTuple):
    """What a protocol measures: a row for each window, for a file, and the scorecard's block; either may be empty."""

    rows: list[Row]
    block: dict[str, Any]


class Guarded(NamedTuple):
    """The rules of trading under a guard, and, where that was fitted, on what, as plain values."""

    rules: Rules
    fit: dict[str, Any] | None = None


class Conditions(NamedTuple):
    """What a policy is about to be judged on.

    ``rules`` are the configured ones, and ``guarded`` returns those under an option of the ``guard`` group. ``seen``
    are the spans the policy was fitted on, None where they are not known.
    """

    market: Market
    span: Span
    rules: Rules
    guarded: Callable[[str], Guarded]
    seen: Seen | None = None


class Comparison(typing.Protocol):
    """What comes of playing a policy more than once; a picture may be drawn from the rest of it."""

    @property
    def summary(self) -> dict[str, Any]:
        """The document, as plain values."""


class Plan(NamedTuple):
    """The rules a policy is judged under, and how it is compared with itself afterwards, if it is."""

    rules: Rules
    compare: Callable[[Policy, Evaluation], Comparison] | None = None


@dataclass(frozen=True)
class Protocol:
    """Which part of the market a policy is judged on, and the statistics of the scorecard; the option ``holdout``.

    ``split`` names the part; ``auto`` is the test split, or for a file of weights the bars it covers. ``start`` and
    ``end`` (dates, both inclusive) narrow it, None leaves it open. Every start index of the part begins one more
    window of ``window_steps`` decisions. Intervals are ``confidence`` wide
    and come from ``bootstrap_replications`` resamples drawn with ``seed``, which is not the training seed: the same
    ledger always gets the same intervals. ``trials`` declares how many policies were tried before this one was shown,
    itself included, None that nothing is said; where a sweep counts more, that number holds.

    Other protocols are subclasses with a ``name`` and at least one more option, by which a recorded one is known. A
    training can end in any that is not ``evaluation_only``. One that ``judges_targets`` judges the list of policies in
    its ``targets`` instead of a single one. ``traded_windows`` names the window set whose trades are written.
    """

    split: Annotated[str, OneOf(SPLITS)] = "auto"
    start: str | None = None
    end: str | None = None
    window_steps: Annotated[int, DECISIONS] = 42
    bootstrap_replications: Annotated[int, Whole(100, 100_000)] = 2000
    confidence: Annotated[float, Number(0.01, 0.9999)] = 0.95
    seed: Annotated[int, Whole(0, 2**32 - 1)] = 0
    trials: Annotated[int | None, Whole(1, MAX_TRIALS)] = None
    name: ClassVar[str] = "holdout"
    evaluation_only: ClassVar[bool] = False
    judges_targets: ClassVar[bool] = False
    traded_windows: ClassVar[str] = ""

    def __post_init__(self) -> None:
        check_fields(self, "protocol")
        start, end = _date("start", self.start), _date("end", self.end)
        if start is not None and end is not None and start.astype(SECONDS) >= _end_of(end):
            raise ConfigError(f"protocol.start={self.start!r} lies after protocol.end={self.end!r}.")

    def window_sets(self, span: Span, stamps: TimeArray) -> tuple[WindowSet, ...]:
        """Return all sets that are played over a span; raises ConfigError, naming what fits, when one does not.

        ``rlx.evaluate.protocols.span.fit_windows`` comes first where a default may be fitted.
        """
        return (holdout_windows(span), start_index_windows(span, self.window_steps), *self.windows(span, stamps))

    def windows(self, span: Span, stamps: TimeArray) -> tuple[WindowSet, ...]:
        """Return the protocol's own sets, chosen by dates (``stamps`` (N,) of the market's bars) and not by prices."""
        return ()

    def measure(
        self, evaluation: Evaluation, baselines: Mapping[str, Evaluation], fit_spans: FitSpans | None
    ) -> Measured:
        """Return what there is to say of the windows; ``fit_spans`` is None where it is not known what was seen."""
        return Measured([], {})

    def plan(self, conditions: Conditions) -> Plan:
        """Return how a policy is judged; raises RlxError, before anything is played, for what cannot be."""
        return Plan(conditions.rules)

    def check(self, guard: Guard, load_guard: Callable[[str], Guard]) -> list[str]:
        """Return what the user should know of the options, given the configured guard; raise ConfigError on nonsense.

        ``load_guard`` returns an option of the ``guard`` group and refuses what is none.
        """
        return []

    def note(self, policy: str, span: Span, stamps: TimeArray, seen: Seen | None) -> str | None:
        """Return what the user should know before the policy of that name is played over a span, None for nothing."""
        return None


def _end_of(period: np.datetime64) -> np.datetime64:
    """Return the first second after the year, month, day or minute that ``period`` names."""
    unit: Any = np.datetime_data(period.dtype)[0]
    end: np.datetime64 = (period + np.timedelta64(1, unit)).astype(SECONDS)
    return end


def _date(name: str, value: Any) -> np.datetime64 | None:
    if value is None:
        return None
    try:
        if not isinstance(value, str) or not WRITTEN.fullmatch(value):
            raise ValueError(value)
        return np.datetime64(value)  # in the unit it is written in: a year, a month, a day
    except ValueError as error:
        raise ConfigError(
            f"protocol.{name}={as_typed(value)}: must be a date (UTC) written as 2020, 2020-01 or 2020-01-31, or null."
        ) from error
