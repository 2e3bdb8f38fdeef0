"""The alerts of the original's compile history.

All variants of a symbol are pooled and repeats count; one threshold is used for returns, Sharpe ratios, losses and
turnover, and higher is taken as better for all. ``rlx.compile_check.verdict`` is what rlx uses.
"""

from __future__ import annotations

from collections.abc import Sequence

from rlx.compile_check.deltas import Deltas
from rlx.compile_check.legacy import LegacyEntry

FEWEST = 5
STRONG, NOTABLE = 0.01, 0.005
FEW_POSITIVE = 0.3


def alert(deltas: Deltas) -> str:
    """Return the original's alert, '' for none: the first rule that holds."""
    if deltas.samples < FEWEST:
        return ""
    if abs(deltas.mean) > STRONG:
        return "promote" if deltas.mean > 0 else "regress"
    if abs(deltas.mean) > NOTABLE:
        return "watch"
    return "regress" if deltas.positive_share <= FEW_POSITIVE else ""


def recorded_deltas(entries: Sequence[LegacyEntry], measure: str) -> list[float]:
    """Return a measure's differences; entries without one are left out."""
    found = (entry["delta"].get(measure) for entry in entries)
    return [delta for delta in found if delta is not None]
