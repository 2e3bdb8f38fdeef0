"""The statistics and alerts of the original's compile history, as it computed them.

All variants of a symbol are pooled and duplicates count; one threshold is used for returns, Sharpe ratios, losses and
turnover, and higher is taken as better for all. ``rlx.compile_check.verdict`` is what rlx uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from rlx.compile_check.legacy import LegacyEntry

FEWEST = 5
STRONG, NOTABLE = 0.01, 0.005
FEW_POSITIVE = 0.3
RECENT = 5


@dataclass(frozen=True)
class LegacyStats:
    """Statistics of a symbol's deltas; ``std`` is the sample standard deviation, 0 for a single delta."""

    mean: float
    std: float
    last: float
    rolling_mean: float
    samples: int
    positive: int
    negative: int
    zero: int

    @property
    def positive_share(self) -> float:
        """The share of deltas above zero."""
        return self.positive / self.samples

    @property
    def alert(self) -> str:
        """The original's alert, '' for none: the first rule that holds."""
        if self.samples < FEWEST:
            return ""
        if abs(self.mean) > STRONG:
            return "promote" if self.mean > 0 else "regress"
        if abs(self.mean) > NOTABLE:
            return "watch"
        return "regress" if self.positive_share <= FEW_POSITIVE else ""


def legacy_stats(deltas: Sequence[float]) -> LegacyStats:
    """Return the statistics of deltas in the order in which they were recorded; ValueError for none."""
    if not deltas:
        raise ValueError("deltas: at least one is needed.")
    return LegacyStats(
        mean=fmean(deltas),
        std=stdev(deltas) if len(deltas) > 1 else 0.0,
        last=deltas[-1],
        rolling_mean=fmean(deltas[-RECENT:]),
        samples=len(deltas),
        positive=sum(delta > 0 for delta in deltas),
        negative=sum(delta < 0 for delta in deltas),
        zero=sum(delta == 0 for delta in deltas),
    )


def recorded_deltas(entries: Sequence[LegacyEntry], measure: str) -> list[float]:
    """Return a measure's deltas; entries without one are left out."""
    found = (entry["delta"].get(measure) for entry in entries)
    return [delta for delta in found if delta is not None]
