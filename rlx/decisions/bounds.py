"""Bounds of decisions; no heavy imports, because schemas read it."""

from __future__ import annotations

from rlx.ranges import Number
from rlx.sim.rules import Limits

LOGIT_SCALE = Number(0.001, 50)  # exp() of 50 is far from overflow
UNLEVERED_GROSS = 1.0


def largest_gross(limits: Limits) -> float:
    """Return the maximum gross exposure of a policy's targets: the intraday limit, or 1 where that is off."""
    return UNLEVERED_GROSS if limits.intraday_gross is None else limits.intraday_gross
