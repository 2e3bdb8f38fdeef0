"""From three plays, eager, eager again and compiled, to the numbers of an entry."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rlx.compile_check.entry import CONFIDENCE, Latency, Numeric, Outcome
from rlx.keys import find_key
from rlx.measures.statistics import Interval, Statistic, paired_intervals
from rlx.types import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Play:
    """What code computed, and how long it took.

    ``outputs`` are arrays by name. ``sides`` (any shape) are the decisions that follow from them, as whole numbers.
    ``series`` (T,) is what the outcome is measured on. ``seconds`` (N,) are those of N calls, ``warm`` (N,) whether
    nothing was compiled or set up in a call.
    """

    outputs: Mapping[str, FloatArray]
    sides: IntArray
    series: FloatArray
    seconds: FloatArray
    warm: BoolArray


@dataclass(frozen=True)
class Plays:
    """The plays of all rounds; every one is compared with the first eager one, which all must repeat."""

    eager: Sequence[Play]
    again: Sequence[Play]
    compiled: Sequence[Play]


def numeric(plays: Plays) -> Numeric:
    """Return the differences of all compiled outputs from the first eager ones, and those among all eager plays."""
    first, others = plays.eager[0], [*plays.eager[1:], *plays.again]
    gaps = np.concatenate([_all_gaps(one, first) for one in plays.compiled])
    relative = np.max([_relative(one.outputs[n], x) for one in plays.compiled for n, x in first.outputs.items()])
    noise = np.max([_all_gaps(one, first).max() for one in others])
    return Numeric(
        max_abs=_defined(float(gaps.max())),
        mean_abs=_defined(float(gaps.mean())),
        max_relative=_defined(float(relative)),
        again_max_abs=_defined(float(noise)),
        decisions=first.sides.size,
        flipped=max(int((first.sides != one.sides).sum()) for one in plays.compiled),
    )


def _all_gaps(one: Play, other: Play) -> FloatArray:
    """Return the absolute differences of all outputs in one row, in which the maximum of numpy keeps a NaN."""
    return np.concatenate([_gaps(one.outputs[name], output).ravel() for name, output in other.outputs.items()])


def _gaps(one: FloatArray, other: FloatArray) -> FloatArray:
    """Return absolute differences, 0 where both are missing and NaN where only one is."""
    return np.where(np.isnan(one) & np.isnan(other), 0.0, np.abs(one - other))


def _relative(compiled: FloatArray, eager: FloatArray) -> float:
    difference, scale = float(_gaps(compiled, eager).max()), float(np.nanmax(np.abs(eager), initial=0.0))
    return difference / scale if scale > 0.0 else (0.0 if difference == 0.0 else math.inf)


def latency(plays: Plays, *, compiles: bool) -> Latency:
    """Return quantiles of the warm calls of all rounds; ``compiles`` says whether anything was compiled at all."""
    eager = np.concatenate([one.seconds[one.warm] for one in (*plays.eager, *plays.again)])
    compiled = np.concatenate([one.seconds[one.warm] for one in plays.compiled])
    (eager_p50, eager_p95), (compiled_p50, compiled_p95) = _quantiles(eager), _quantiles(compiled)
    seconds = _compile_seconds(plays.compiled[0], compiled_p50) if compiles else None
    saved = None if eager_p50 is None or compiled_p50 is None else (eager_p50 - compiled_p50) / 1000.0
    pays = seconds is not None and saved is not None and saved > 0.0
    return Latency(
        calls=min(eager.size, compiled.size),
        eager_p50_ms=eager_p50,
        eager_p95_ms=eager_p95,
        compiled_p50_ms=compiled_p50,
        compiled_p95_ms=compiled_p95,
        compile_seconds=seconds,
        break_even_calls=math.ceil(seconds / saved) if pays and seconds is not None and saved is not None else None,
    )


def _quantiles(seconds: FloatArray) -> tuple[float | None, float | None]:
    if not seconds.size:
        return None, None
    p50, p95 = (1000.0 * float(x) for x in np.quantile(seconds, (0.5, 0.95)))
    return p50, p95


def _compile_seconds(first: Play, p50_ms: float | None) -> float | None:
    """Return how much longer the cold calls of the first compiled play took than warm ones."""
    cold = first.seconds[~first.warm]
    return None if p50_ms is None else max(0.0, float(cold.sum()) - cold.size * p50_ms / 1000.0)


def outcomes(plays: Plays, metrics: Mapping[str, Statistic]) -> dict[str, Outcome]:
    """Return each metric of the first round, by logged key; ``metrics`` map series (R, T) to (R,)."""
    eager, again, compiled = (side[0].series for side in (plays.eager, plays.again, plays.compiled))
    worse = {key: _worse(key, metric) for key, metric in metrics.items()}
    intervals = paired_intervals(compiled, eager, worse, confidence=CONFIDENCE)
    found = {}
    for key, metric in metrics.items():
        mine, repeated, theirs = (_defined(float(metric(series[None])[0])) for series in (eager, again, compiled))
        low, high = _as_measured(key, intervals[key])
        found[key] = Outcome(mine, repeated, theirs, low, high, intervals[key].p_value, intervals[key].reason)
    return found


def _as_measured(key: str, worse: Interval) -> tuple[float | None, float | None]:
    """Return the ends of an interval of how much worse a metric is as those of its difference."""
    if worse.low is None or worse.high is None:
        return None, None
    return (worse.low, worse.high) if _sign(key) > 0.0 else (-worse.high, -worse.low)


def _sign(key: str) -> float:
    """Return 1 where lower numbers are better, else -1: times the number it is larger where it is worse."""
    return 1.0 if find_key(key).better == "lower" else -1.0


def _worse(key: str, metric: Statistic) -> Statistic:
    sign = _sign(key)
    return lambda series: sign * metric(series)


def _defined(value: float) -> float | None:
    return value if math.isfinite(value) else None
