"""What a protocol is: the schema of the ``protocol`` group, and the methods that the judge calls."""

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
    """What a protocol measures: rows, one per window, for a file, and the scorecard's block; either may be empty."""

    rows: list[Row]
    block: dict[str, Any]


class Guarded(NamedTuple):
    """The trading rules under a guard, and, if it was fitted, on what, as plain values."""

    rules: Rules
    fit: dict[str, Any] | None = None


class Conditions(NamedTuple):
    """What a policy is judged on.

    ``rules`` are the configured ones, and ``guarded`` returns those under an option of the ``guard`` group. ``seen``
    are the spans the policy was fitted on, None if they are not known.
    """

    market: Market
    span: Span
    rules: Rules
    guarded: Callable[[str], Guarded]
    seen: Seen | None = None


class Comparison(typing.Protocol):
    """The result of playing a policy more than once; figures may use more than the summary."""

    @property
    def summary(self) -> dict[str, Any]:
        """The result as a document of plain values."""


class Plan(NamedTuple):
    """The rules a policy is judged under, and, if it is then compared with itself, how."""

    rules: Rules
    compare: Callable[[Policy, Evaluation], Comparison] | None = None


@dataclass(frozen=True)
class Protocol:
    """Which part of the market a policy is judged on, and the statistics of the scorecard; the option ``holdout``.

    ``split`` names the part; ``auto`` is the test split, or for a file of weights the bars it covers. ``start`` and
    ``end`` (dates, both inclusive) narrow it; None is no limit. Every start index of the part also begins a window of
    ``window_steps`` decisions. Intervals have the ``confidence`` level and come from ``bootstrap_replications``
    resamples drawn with ``seed``, which is not the training seed: the same ledger always gets the same intervals.
    ``trials`` declares how many policies were tried before this one was selected, itself included; None declares
    nothing. If a sweep counts more, its number is used.

    Other protocols are subclasses with a ``name`` and at least one more option, by which a recorded protocol is
    recognised. A training can end with any protocol that is not ``evaluation_only``. A protocol that
    ``judges_targets`` judges the policies listed in its ``targets`` instead of a single one. ``traded_windows`` names
    the window set whose trades are written.
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
            raise ConfigError(f"protocol.start={self.start!r} is after protocol.end={self.end!r}.")

    @property
    def retrains(self) -> bool:
        """Whether a training under it fits the module several times, over time."""
        return False

    def window_sets(self, span: Span, stamps: TimeArray) -> tuple[WindowSet, ...]:
        """Return all sets that are played over a span; raises ConfigError with the limit when one does not fit.

        Call ``rlx.evaluate.protocols.span.fit_windows`` first if the default length may be shortened.
        """
        return (holdout_windows(span), start_index_windows(span, self.window_steps), *self.windows(span, stamps))

    def windows(self, span: Span, stamps: TimeArray) -> tuple[WindowSet, ...]:
        """Return the protocol's own sets, chosen by dates (``stamps`` (N,) of the market's bars), not by prices."""
        return ()

    def measure(
        self, evaluation: Evaluation, baselines: Mapping[str, Evaluation], fit_spans: FitSpans | None
    ) -> Measured:
        """Return what is reported about the windows; ``fit_spans`` is None if the fitted spans are not known."""
        return Measured([], {})

    def plan(self, conditions: Conditions) -> Plan:
        """Return how a policy is judged; raises RlxError, before anything is played, if it cannot be."""
        return Plan(conditions.rules)

    def check(self, guard: Guard, load_guard: Callable[[str], Guard]) -> list[str]:
        """Return notes for the user on the options and the configured guard; raises ConfigError for invalid options.

        ``load_guard`` returns an option of the ``guard`` group and refuses any other name.
        """
        return []

    def note(self, policy: str, span: Span, stamps: TimeArray, seen: Seen | None) -> str | None:
        """Return a note for the user before the policy of that name is played over a span, or None."""
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
