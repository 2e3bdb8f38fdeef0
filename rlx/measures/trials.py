"""How many policies were tried before this one was shown, and how their Sharpe ratios spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

MIN_TRIALS = 3
"""Sharpe ratios it takes to estimate their variance; of fewer the error exceeds the estimate."""

MAX_TRIALS = 10**9
"""More cannot be meant: no command counts further, and the tails of a normal distribution end soon after."""


@dataclass(frozen=True)
class Sweep:
    """The sweep a policy came from.

    ``trials`` counts all that were run or, while it runs, will be. ``sharpes`` has the yearly hold-out Sharpe ratios of
    the other trials' scorecards by the hash of their comparability key: only those of one key may be set beside each
    other.
    """

    trials: int
    sharpes: Mapping[str, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Trials:
    """``count`` of trials; ``source`` is ``declared``, ``sweep`` or ``none``, where the policy counts as the only one.

    ``variance`` is that of the trials' Sharpe ratios a step, None where it is not known.
    """

    count: int = 1
    source: str = "none"
    variance: float | None = None


def count_trials(
    declared: int | None, sweep: Sweep | None, key_hash: str, own_sharpe: float, periods_per_year: float
) -> Trials:
    """Return the larger of what was declared and what the sweep counts, and the variance over its scorecards.

    ``own_sharpe`` is the policy's own yearly Sharpe ratio, one of the trials'.
    """
    counted = 0 if sweep is None else sweep.trials
    if declared is None and counted == 0:
        return Trials()
    count = max(declared or 0, counted)
    yearly = [] if sweep is None else [*sweep.sharpes.get(key_hash, ()), own_sharpe]
    variance = float(np.var(yearly, ddof=1)) / periods_per_year if len(yearly) >= MIN_TRIALS else None
    return Trials(count, "sweep" if count == counted else "declared", variance)
