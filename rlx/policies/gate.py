"""Whether a trained policy may act: only if what it earned on data that it was not fitted to is beyond chance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from rlx.measures.evidence import Evidence
from rlx.ranges import Number, Whole, check_fields
from rlx.untrusted.plain_types import Count, Finite, Measure


@dataclass(frozen=True)
class GateConfig:
    """What it takes to depart from equal weights: evidence out of fold.

    The gate opens if the mean excess log growth of the held-out folds over equal weights is above zero beyond chance:
    its t statistic, robust to autocorrelation over ``lags`` steps, must exceed that of a one-sided test at ``level``,
    divided by the effective number of validations among which the best was chosen. With ``level`` of None the policy
    always acts.
    """

    level: Annotated[float | None, Number(1e-6, 0.5)] = 0.05
    lags: Annotated[int, Whole(0, 10_000)] = 21

    def __post_init__(self) -> None:
        check_fields(self, "gate")


@dataclass(frozen=True)
class Gate:
    """The evidence about a policy, as files hold it; growth is log growth a year over that of equal weights.

    ``excess`` was earned on ``steps`` held-out decisions; ``t`` is its t statistic, None if it never varies, and
    ``needed`` the t that opens the gate, None for a gate that is off. ``detectable`` is the smallest excess that would
    have opened it. ``attempts`` is the effective number of validations. ``fitted`` is the excess on the data that the
    members were fitted to, None if it was not measured.
    """

    open: bool
    excess: Finite
    t: Measure
    needed: Measure
    detectable: Measure
    attempts: Finite
    steps: Count
    level: Measure
    fitted: Measure = None

    @classmethod
    def of(
        cls, evidence: Evidence, steps: int, config: GateConfig, periods_per_year: float, fitted: float | None
    ) -> Gate:
        """Return the gate for the evidence of one policy on ``steps`` decisions."""
        needed = None if config.level is None else evidence.needed(config.level)
        t = None if math.isnan(evidence.t) else evidence.t
        error = None if t is None or t == 0.0 else evidence.mean / t
        return cls(
            open=needed is None or (t is not None and t > needed),
            excess=evidence.mean * periods_per_year,
            t=t,
            needed=needed,
            detectable=None if needed is None or error is None else needed * error * periods_per_year,
            attempts=evidence.attempts,
            steps=steps,
            level=config.level,
            fitted=fitted,
        )


def gate_in_words(gate: Mapping[str, Any]) -> str:
    """Return one sentence about a gate as files hold it."""
    earned = f"on {gate['steps']:,} decisions that it was not fitted to it earned {gate['excess']:+.1%} a year"
    if gate["needed"] is None:
        return f"There was no gate: {earned} over equal weights."
    t = "undefined" if gate["t"] is None else f"{gate['t']:.2f}"
    evidence = f"{earned} over equal weights, t {t} against {gate['needed']:.2f} needed"
    if gate["open"]:
        return f"The gate is open: {evidence}."
    seen = "" if gate["detectable"] is None else f" An edge of {gate['detectable']:.1%} a year would have opened it."
    return f"The gate is shut, and it holds equal weights: {evidence}.{seen}"
