"""What ``render_markdown`` needs of a scorecard; one from a file is checked, so that it can be rendered again."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired, TypedDict

from rlx.evaluate.scorecard import Scorecard
from rlx.measures.significance import Significance
from rlx.report.protocols import report_of
from rlx.report.windows_table import Shares, Windows
from rlx.untrusted.plain_types import Count, Finite, Measure, Nothing, member, require


class Policy(TypedDict):
    """The fields of the policy that are read."""

    name: str


class Data(TypedDict):
    """The fields of the data that are read."""

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
    """The field of the provenance that is read."""

    hardware: NotRequired[dict[str, Any]]


class Rendered(TypedDict):
    """The fields of a ``Scorecard`` whose own declaration is less strict."""

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
    """Return a scorecard; FileError, with the ``name`` of its file, if it lacks what its Markdown shows."""
    require(vars(card), Rendered, name)
    for protocol, block in card.blocks.items():
        require(block, report_of(protocol).shape, name, member("blocks", protocol))
    return card
