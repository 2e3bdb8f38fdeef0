"""One line of the scoreboard's history: a target judged at one time under one comparability key."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, TypedDict

from rlx.evaluate.key import HASH
from rlx.measures.significance import Significance
from rlx.ranges import Number, Whole
from rlx.untrusted.plain_types import Count, Finite, Measure, Nothing, Rule, Words, dated, items, matching

ORACLE = "an oracle that sees the future"
"""Why an oracle has no rank."""


Name = Annotated[str, matching(r"(?s).{1,1000}", "text of 1 to 1,000 characters")]
KeyHash = Annotated[str, matching(HASH, "the hash of a comparability key, 12 digits of 0-9 and a-f")]
Moment = Annotated[str, dated(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?Z?)?", "2026-01-31T12:00:00")]
Share = Annotated[float, Number(0, 1)]
Report = Annotated[
    str,
    matching(rf"{HASH}/(?!\.)[A-Za-z0-9._-]+\.json", "the name of a file of reports/, such as 0123456789ab/name.json"),
]


class Interval(TypedDict, total=False):
    """The confidence interval of a metric."""

    low: Measure
    high: Measure
    estimate: Measure
    covers_zero: bool | None
    reason: Words | None
    p_value: Share | None
    confidence: Share


def _is_whole(interval: Interval) -> bool:
    low, high, estimate = (interval.get(end) is not None for end in ("low", "high", "estimate"))
    return (low and high and estimate) or not (low or high)


Intervals = dict[str, Annotated[Interval, Rule("low, high and estimate, or neither low nor high", _is_whole)]]


class Windows(TypedDict, total=False):
    """A summary of the distribution over all start indices."""

    n: Count
    steps: Count
    share_positive: Share | None
    share_beating_equal_weight: Share | None


class Reference(TypedDict):
    """One actual result from a production record."""

    name: Words
    value: Measure
    unit: Words


class Git(TypedDict, total=False):
    """The state of the code."""

    commit: Words | None
    dirty: bool


class Provenance(TypedDict, total=False):
    """The versions behind an entry."""

    git: Git | None
    python: Words
    platform: Words


@dataclass(frozen=True)
class Entry:
    """A judged target as plain JSON values; an undefined number is None.

    ``target`` is its name in the targets file and ``system`` the name under which its seeds are pooled. ``kind`` is the
    option of the ``policy`` group, ``options`` are the target's. ``key`` is the hash of the comparability key,
    ``benchmark`` the run that judged it and ``recorded_at`` its time, in UTC. A target that could not be judged has a
    ``failure`` and no numbers; one that does not compete has the reason in ``unranked``. ``days`` counts the calendar
    days on which a step of the hold-out closed. ``metrics``, ``intervals``, ``guard``, ``windows``, ``significance``,
    ``seen_steps`` and ``verdict`` are the scorecard's. ``references`` are the actual results of a production record.
    ``equity`` is the account's value in a few dozen points, and ``report`` names the file with the series of its full
    report.
    """

    target: Name
    system: Name
    kind: Name
    key: KeyHash
    benchmark: Name
    recorded_at: Moment
    failure: Words | None = None
    unranked: Words | None = None
    options: dict[str, Any] = field(default_factory=dict)
    days: Annotated[int, Whole(1, 2**53)] | None = None
    metrics: dict[str, Measure] = field(default_factory=dict)
    intervals: Annotated[dict[str, Any], Intervals] = field(default_factory=dict)
    guard: dict[str, Measure] = field(default_factory=dict)
    windows: Annotated[dict[str, Any], Windows] = field(default_factory=dict)
    significance: Annotated[dict[str, Any], Significance | Nothing] = field(default_factory=dict)
    seen_steps: dict[str, Count] = field(default_factory=dict)
    verdict: Words = ""
    policy: dict[str, Any] = field(default_factory=dict)
    references: Annotated[list[dict[str, Any]], list[Reference], items()] = field(default_factory=list)
    equity: Annotated[list[Finite], items(0, 1_000)] = field(default_factory=list)
    report: Report | None = None
    provenance: Annotated[dict[str, Any], Provenance] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values, without the empty ones."""
        return {name: value for name, value in asdict(self).items() if value not in (None, {}, [], "")}

    @property
    def ranked(self) -> bool:
        """Whether it competes and has numbers."""
        return self.failure is None and self.unranked is None

    @property
    def recorded_return_per_day(self) -> float | None:
        """The actual mean return per business day from a production record; None where it has none."""
        values = {row["name"]: row["value"] for row in self.references}
        return values.get("production_average_daily_return")

    @property
    def score(self) -> float | None:
        """The hold-out's cumulative return, which determines the rank."""
        return self.metrics.get("cumulative_return")

    @property
    def sharpe(self) -> float | None:
        """The hold-out's annualised Sharpe ratio."""
        return self.metrics.get("sharpe")

    @property
    def score_per_day(self) -> float | None:
        """The constant daily return that compounds to the score; None where the account was ruined."""
        if self.score is None or not self.days or self.score <= -1.0:
            return None
        return float((1.0 + self.score) ** (1.0 / self.days) - 1.0)
