"""The uncertainty of a mean difference over overlapping windows: paired block bootstrap of whole windows."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

import numpy as np

from rlx.measures.multiple import holm_correction
from rlx.types import BoolArray, FloatArray, IntArray

Name = TypeVar("Name", bound=Hashable)
FEWEST_INDEPENDENT = 3
"""Minimum number of windows without common steps for an interval."""


@dataclass(frozen=True)
class Difference:
    """A mean difference over windows, its interval and the two-sided p-value of zero.

    ``p_adjusted`` is corrected for the number of comparisons. Without an interval everything except ``estimate`` is
    None and ``reason`` says why; without a window ``estimate`` is None too.
    """

    estimate: float | None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    reason: str | None = None

    def sign(self, level: float) -> int:
        """Return 1 or -1 for a difference above or below zero at the adjusted ``level``, else 0."""
        if self.p_adjusted is None or self.estimate is None or self.p_adjusted > level:
            return 0
        return (self.estimate > 0) - (self.estimate < 0)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)


def independent_windows(starts: IntArray, steps: int) -> int:
    """Return how many of the windows of ``steps`` decisions that begin at ``starts``, ascending, share no step."""
    count, free_from = 0, -math.inf
    for start in starts.tolist():
        if start >= free_from:
            count, free_from = count + 1, start + steps
    return count


def mean_differences(
    deltas: Mapping[Name, FloatArray],
    groups: Mapping[str, BoolArray],
    starts: IntArray,
    steps: int,
    *,
    replications: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[Name, dict[str, Difference]]:
    """Return the mean of each of ``deltas`` (B,) over each of ``groups`` (B,) of windows, by delta and group.

    One window of ``steps`` decisions begins at each of the consecutive bars ``starts`` (B,), so neighbours share all
    steps but one. The bootstrap resamples blocks of ``steps`` consecutive windows, the same for all deltas and groups
    (circular block bootstrap, Politis and Romano 1992, from ``arch``). Blocks of that length still cut through windows
    that share steps, and contain only (2 W^2 + 1)/(3 W^2) of the variance of a mean over windows of W independent
    steps; the standard error is scaled up accordingly. The interval is estimate +- t x standard error, t of Student's
    distribution with one degree of freedom fewer than the number of windows in the group that share no step:
    percentiles of the resamples would be too narrow, because a year has few such windows. P-values use the same
    distribution.
    """
    errors = _standard_errors(deltas, groups, steps, replications, seed)
    independent = {group: independent_windows(starts[among], steps) for group, among in groups.items()}
    return {
        name: {
            group: _difference(delta[among], errors[name][group], independent[group], confidence)
            for group, among in groups.items()
        }
        for name, delta in deltas.items()
    }


def adjusted(differences: Sequence[Difference]) -> list[Difference]:
    """Return the differences with their p-values corrected for their number (Holm 1979)."""
    p_values = {str(i): item.p_value for i, item in enumerate(differences) if item.p_value is not None}
    corrected = holm_correction(p_values)
    return [replace(item, p_adjusted=corrected.get(str(i))) for i, item in enumerate(differences)]


def _standard_errors(
    deltas: Mapping[Name, FloatArray], groups: Mapping[str, BoolArray], steps: int, replications: int, seed: int
) -> dict[Name, dict[str, float]]:
    """Return the bootstrap's standard error of every mean, NaN where too few resamples have a window of the group."""
    from arch.bootstrap import CircularBlockBootstrap

    masks = np.stack(list(groups.values()), axis=1).astype(np.float64)  # (B, G)
    values = np.stack(list(deltas.values()), axis=1)  # (B, D)
    columns = np.concatenate((masks, (values[:, :, None] * masks[:, None, :]).reshape(len(values), -1)), axis=1)
    block = min(steps, len(values))
    draws = CircularBlockBootstrap(block, columns, seed=np.random.default_rng(seed)).bootstrap(replications)
    means = np.stack([drawn[0][0].mean(axis=0) for drawn in draws])  # (R, G + D G)
    held, sums = means[:, : masks.shape[1]], means[:, masks.shape[1] :].reshape(replications, values.shape[1], -1)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = sums / held[:, None, :]  # (R, D, G)
    scale = math.sqrt(3.0 * steps**2 / (2.0 * steps**2 + 1.0))
    return {
        name: {group: scale * _spread(ratios[:, d, g]) for g, group in enumerate(groups)}
        for d, name in enumerate(deltas)
    }


def _spread(samples: FloatArray) -> float:
    finite = samples[np.isfinite(samples)]
    return float(finite.std(ddof=1)) if finite.size > samples.size / 2 else math.nan


def _difference(delta: FloatArray, error: float, independent: int, confidence: float) -> Difference:
    from scipy.stats import t

    if delta.size == 0:
        return Difference(None, reason="there is no such window")
    estimate = float(delta.mean())
    if not delta.any():
        return Difference(0.0, 0.0, 0.0, 1.0)  # nothing was changed in any window
    if independent < FEWEST_INDEPENDENT:
        have = "one" if independent == 1 else "two"
        return Difference(estimate, reason=f"{have} without shared steps; an interval needs {FEWEST_INDEPENDENT}")
    if not math.isfinite(error):
        return Difference(estimate, reason="most resamples have no such window")
    half = float(t.ppf(0.5 + confidence / 2.0, independent - 1)) * error
    p_value = 2.0 * float(t.sf(abs(estimate) / error, independent - 1)) if error > 0.0 else 0.0
    return Difference(estimate, estimate - half, estimate + half, p_value)
