"""What ``render_markdown`` takes for granted of a scorecard: held to it, one from a file can be written out again."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired, TypedDict

from rlx.evaluate.scorecard import Scorecard
from rlx.measures.significance import Significance
from rlx.report.protocols import report_of
from rlx.report.windows_table import Shares, Windows
from rlx.untrusted.plain_types import Count, Finite, Measure, Nothing, member, require


class Policy(TypedDict):
    """What is read of the policy."""

    name: str


class Data(TypedDict):
    """What is read of the data."""

    source: str | None
    symbols: list[str]
    frequency: str
    fingerprint: str


class Interval(TypedDict):
    """An interval, or why there is none."""

    estimate: Measure
    low: Measure
    high: Measure
    covers_zero: bool | None
    reason: str | None
    confidence: Finite
    replications: Count
    block_steps: Count | None


class Hardware(TypedDict):
    """What is read of the provenance."""

    hardware: NotRequired[dict[str, Any]]


class Rendered(TypedDict):
    """The fields of a ``Scorecard`` that its own declaration says less of."""

    policy: Policy
    metrics: dict[str, Measure]
    baselines: dict[str, dict[str, Measure]]
    intervals: dict[str, Interval]
    guard: dict[str, Measure]
    windows: Annotated[dict[str, Any], Windows, Shares]
    data: Data
    provenance: Hardware
    significance: Nothing | Significance


def require_rendered(card: Scorecard, name: str) -> Scorecard:
    """Return a scorecard; FileError, with the ``name`` of its file, where it lacks what its Markdown shows."""
    require(vars(card), Rendered, name)
    for protocol, block in card.blocks.items():
        require(block, report_of(protocol).shape, name, member("blocks", protocol))
    return card
