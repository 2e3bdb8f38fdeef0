"""A series of differences between compiled and eager results, summarised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

RECENT = 5


@dataclass(frozen=True)
class Deltas:
    """Statistics of differences; ``std`` is the sample standard deviation, None for a single difference.

    ``rolling_mean`` is the mean of the last five.
    """

    mean: float
    std: float | None
    last: float
    rolling_mean: float
    samples: int
    positive: int
    negative: int
    zero: int

    @property
    def positive_share(self) -> float:
        """The share of differences above zero."""
        return self.positive / self.samples


def summarised(deltas: Sequence[float]) -> Deltas:
    """Return the statistics of differences in the order in which they were recorded; ValueError for none."""
    if not deltas:
        raise ValueError("deltas: at least one is needed.")
    return Deltas(
        mean=fmean(deltas),
        std=stdev(deltas) if len(deltas) > 1 else None,
        last=deltas[-1],
        rolling_mean=fmean(deltas[-RECENT:]),
        samples=len(deltas),
        positive=sum(delta > 0 for delta in deltas),
        negative=sum(delta < 0 for delta in deltas),
        zero=sum(delta == 0 for delta in deltas),
    )
