"""One comparison of compiled code with eager code, as it is recorded: plain values, undefined numbers None."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from rlx.ranges import Number
from rlx.untrusted.plain_types import Count, Measure, Words, dated, matching, require_fields

NOT_COMPILED = "off"
"""The mode in use where nothing was compiled."""

CONFIDENCE = 0.95
"""Of the intervals of outcomes, and of all tests of a record together."""

Hash = Annotated[str, matching(r"[0-9a-f]{12}", "12 digits of 0-9 and a-f")]
Moment = Annotated[str, dated(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?Z?)?", "2026-01-31T12:00:00")]
Share = Annotated[float, Number(0, 1)]


@dataclass(frozen=True)
class Identity:
    """What was compared, on which data, by which code.

    ``subject`` is such as ``module=hftraining``, and ``settings`` the digest of its other settings. ``first`` and
    ``last`` limit the window of ``steps`` decisions that the outcome is measured on. ``graph_breaks`` counts the breaks
    of the compiled graphs by reason; ``fallback`` is the reason where compiling failed.
    """

    subject: Words
    settings: Hash
    data: Words
    first: Moment
    last: Moment
    steps: Count
    torch: Words
    device: Words
    precision: Words
    threads: Count
    compile_asked: Words
    compile_used: Words
    fallback: Words | None
    graph_breaks: dict[str, Count]


@dataclass(frozen=True)
class Numeric:
    """Differences of outputs: compiled from eager, and ``again``, the noise floor, eager from eager.

    ``max_relative`` is the largest difference of an output as a multiple of its largest value. ``flipped`` of the
    ``decisions`` differ in side.
    """

    max_abs: Measure
    mean_abs: Measure
    max_relative: Measure
    again_max_abs: Measure
    decisions: Count
    flipped: Count


@dataclass(frozen=True)
class Latency:
    """Milliseconds per call once warm, seconds of compiling, and the calls after which compiling has paid off."""

    calls: Count
    eager_p50_ms: Measure
    eager_p95_ms: Measure
    compiled_p50_ms: Measure
    compiled_p95_ms: Measure
    compile_seconds: Measure
    break_even_calls: Count | None

    @property
    def gain(self) -> float | None:
        """The share of the eager time that compiling saves, negative where it is slower; None without both times."""
        if not self.eager_p50_ms or self.compiled_p50_ms is None:
            return None
        return 1.0 - self.compiled_p50_ms / self.eager_p50_ms


@dataclass(frozen=True)
class Outcome:
    """A metric of the eager play, of the eager play again, and of the compiled one.

    ``low`` and ``high`` are a paired block-bootstrap interval of compiled - eager, and ``p_worse`` is the one-sided
    p-value against "compiled is not worse"; None with the ``reason``.
    """

    eager: Measure
    again: Measure
    compiled: Measure
    low: Measure = None
    high: Measure = None
    p_worse: Share | None = None
    reason: Words | None = None

    @property
    def delta(self) -> float | None:
        """Compiled - eager; None where either is undefined."""
        return None if self.eager is None or self.compiled is None else self.compiled - self.eager

    @property
    def noise(self) -> float | None:
        """Eager again - eager; None where either is undefined."""
        return None if self.eager is None or self.again is None else self.again - self.eager


@dataclass(frozen=True)
class CheckEntry:
    """One run of a comparison; ``outcomes`` are by logged key, ``recorded_at`` is its time in UTC."""

    identity: Identity
    numeric: Numeric
    latency: Latency
    outcomes: dict[str, Outcome]
    recorded_at: Moment

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as plain values."""
        return asdict(self)

    def same_as(self, other: CheckEntry) -> bool:
        """Return whether another entry has the same identity and content, regardless of its time."""
        mine, theirs = ({**one.to_dict(), "recorded_at": None} for one in (self, other))
        return mine == theirs


def entry_of(value: Any, name: str) -> CheckEntry:
    """Return the entry of plain values; FileError, with the file's ``name``, where they are not as declared."""
    flat = require_fields(CheckEntry, value, name)
    outcomes = {key: require_fields(Outcome, one, name, f"outcomes.{key}") for key, one in value["outcomes"].items()}
    return CheckEntry(
        identity=require_fields(Identity, value["identity"], name, "identity"),
        numeric=require_fields(Numeric, value["numeric"], name, "numeric"),
        latency=require_fields(Latency, value["latency"], name, "latency"),
        outcomes=outcomes,
        recorded_at=flat.recorded_at,
    )
