"""What ``render_markdown`` takes for granted of a scorecard: held to it, one from a file can be written out again."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired, TypedDict

from rlx.evaluate.scorecard import Scorecard
from rlx.measures.significance import Significance
from rlx.report.outliers_table import MEASURES
from rlx.untrusted.plain_types import Count, Finite, Measure, Nothing, Rule, items, require

Shares = Rule(
    "numbers as its shares",
    lambda block: all(
        isinstance(value, float | int | None) for name, value in block.items() if name.startswith("share_")
    ),
)


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


class Levels(TypedDict):
    """Quantiles of a measure over windows."""

    p05: Measure
    median: Measure
    p95: Measure


class Windows(TypedDict):
    """What windows have in common."""

    n: Count
    steps: Count
    cumulative_return: Levels
    sharpe: Levels
    max_drawdown: Levels
    turnover: Levels


class Unseen(TypedDict):
    """The windows that are a test."""

    n: Count


class Spaced(Windows):
    """Windows of a protocol that spaces them."""

    stride: Count
    left_out: Count
    unseen: NotRequired[Annotated[dict[str, Any], Unseen, Shares]]
    status: NotRequired[dict[str, Count]]


class Row(TypedDict):
    """A window."""

    first: str
    last: str
    cumulative_return: Measure
    sharpe: Measure
    max_drawdown: Measure
    turnover: Measure
    equal_weight_cumulative_return: NotRequired[Measure]
    status: NotRequired[str]


Seen = Rule(
    "whole numbers as what was seen",
    lambda row: all(isinstance(value, int) for name, value in row.items() if name.startswith("seen_")),
)


class WalkForward(Spaced):
    """The windows of a walk."""

    rows: Annotated[list[Annotated[dict[str, Any], Row, Seen]], items(1)]


class Episode(TypedDict):
    """Outliers that share days."""

    side: str
    first: str
    last: str
    windows: Count
    farthest: Finite


class Outliers(TypedDict):
    """Which windows lie far from the others, by one measure."""

    fence_low: Measure
    fence_high: Measure
    n_low: Count
    n_high: Count
    mean: Finite
    median: Finite
    mean_without: Measure
    median_without: Measure
    mean_without_high: Measure
    high_share_of_mean: Measure
    episodes: list[Episode]


class EveryStart(Spaced):
    """The windows at every start index."""

    fence_iqrs: Finite
    outliers: Annotated[
        dict[str, Outliers], Rule(f"{' and '.join(MEASURES)}", lambda found: found.keys() <= {*MEASURES})
    ]


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
    walk_forward: Nothing | Annotated[dict[str, Any], WalkForward, Shares]
    every_start: Nothing | Annotated[dict[str, Any], EveryStart, Shares]


def require_rendered(card: Scorecard, name: str) -> Scorecard:
    """Return a scorecard; FileError, with the ``name`` of its file, where it lacks what its Markdown shows."""
    require(vars(card), Rendered, name)
    return card
