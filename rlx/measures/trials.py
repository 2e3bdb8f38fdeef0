"""How many policies were tried, and the spread of their Sharpe ratios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

MIN_TRIALS = 3
"""Minimum number of Sharpe ratios to estimate their variance; with fewer the error exceeds the estimate."""

MAX_TRIALS = 10**9
"""Maximum number of trials: no command counts further, and the normal distribution's tails underflow soon after."""


@dataclass(frozen=True)
class Sweep:
    """The sweep of a policy.

    ``trials`` counts all that were run or, while it runs, will be run. ``sharpes`` has the yearly hold-out Sharpe
    ratios of the other trials' scorecards by the hash of their comparability key: only those of one key may be
    compared.
    """

    trials: int
    sharpes: Mapping[str, Sequence[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Trials:
    """The number of trials. ``source`` is ``declared``, ``sweep`` or ``none``, where the policy counts as the only one.

    ``variance`` is that of the trials' Sharpe ratios per step, None where it is unknown.
    """

    count: int = 1
    source: str = "none"
    variance: float | None = None


def count_trials(
    declared: int | None, sweep: Sweep | None, key_hash: str, own_sharpe: float, periods_per_year: float
) -> Trials:
    """Return the larger of the declared and the sweep's number of trials, and the variance over its scorecards.

    ``own_sharpe`` is the policy's own annualised Sharpe ratio, one of the trials'.
    """
    counted = 0 if sweep is None else sweep.trials
    if declared is None and counted == 0:
        return Trials()
    count = max(declared or 0, counted)
    yearly = [] if sweep is None else [*sweep.sharpes.get(key_hash, ()), own_sharpe]
    variance = float(np.var(yearly, ddof=1)) / periods_per_year if len(yearly) >= MIN_TRIALS else None
    return Trials(count, "sweep" if count == counted else "declared", variance)
