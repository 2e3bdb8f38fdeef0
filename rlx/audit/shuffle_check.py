"""The edge on shuffled futures: which measure must be zero there, and what the real order of returns is worth."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rlx.audit.edges import costs, excess, foresight, foresight_is_exact, static, timing
from rlx.audit.shuffles import play_shuffled
from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.measures.statistics import MIN_STEPS
from rlx.policies.base import Intraday, Policy
from rlx.policies.baselines import EqualWeight
from rlx.sim.rules import Rules
from rlx.types import FloatArray

ALPHA = 0.001
"""Probability that the test of foresight fails a policy without foresight."""

ROUNDING = 1e-9
"""Yearly returns below this are rounding."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Distribution:
    """One annual measure: its value in the real order, and its distribution over shuffled futures.

    ``p_value``: share of futures, including the real one, that do at least as well. ``mean_p_value``: two-sided, of the
    mean being zero (Student's t over independent futures); None when they do not vary.
    """

    real: float
    mean: float
    standard_error: float
    p05: float
    p95: float
    p_value: float
    mean_p_value: float | None


@dataclass(frozen=True)
class Shuffle:
    """The result on shuffled futures. ``passed`` is None where nothing was measured, and ``reason`` says why.

    ``exact``: whether the test of foresight is one under these rules. ``detectable``: the mean foresight a year that
    would have failed. ``parts``: the real annual excess as static + timing - costs.
    """

    passed: bool | None
    permutations: int
    alpha: float = ALPHA
    exact: bool = True
    detectable: float | None = None
    foresight: Distribution | None = None
    timing: Distribution | None = None
    excess: Distribution | None = None
    parts: dict[str, float] | None = None
    reason: str | None = None


def check_shuffles(
    policy: Policy,
    market: Market,
    span: Span,
    rules: Rules,
    *,
    permutations: int,
    seed: int,
    progress: Progress | None = None,
) -> Shuffle:
    """Play the policy on ``permutations`` shuffled futures of the span and measure its edge in each."""
    if permutations == 0:
        return Shuffle(None, 0, reason="no shuffled futures were requested")
    if isinstance(policy, Intraday):
        return Shuffle(None, 0, reason="what orders earn within a bar has no known mean on shuffled futures")
    if len(span) < MIN_STEPS:
        return Shuffle(None, 0, reason=f"shuffling needs at least {MIN_STEPS} steps, the span has {len(span)}")
    random = np.random.default_rng(seed)
    orders = np.stack([np.arange(len(span)), *(random.permutation(len(span)) for _ in range(permutations))])
    baseline = play_shuffled(EqualWeight(), market, span, rules, orders)
    rows: list[tuple[float, float, float]] = []
    parts: dict[str, float] = {}
    for book, equal in zip(play_shuffled(policy, market, span, rules, orders, progress), baseline, strict=True):
        rows.append((foresight(book, rules), timing(book), excess(book, equal)))
        if not parts:  # the first order is the real one
            parts = {
                "static": static(book) - float(equal.gross_return.mean()),
                "timing": timing(book),
                "costs": costs(book) - costs(equal),
            }
    per_year = market.periods_per_year
    known, timed, earned = (_distribution(column) for column in (np.array(rows) * per_year).T)
    exact = foresight_is_exact(rules)
    return Shuffle(
        passed=not (exact and known.mean_p_value is not None and known.mean_p_value < ALPHA),
        permutations=permutations,
        exact=exact,
        detectable=_critical(permutations) * known.standard_error,
        foresight=known,
        timing=timed,
        excess=earned,
        parts={name: value * per_year for name, value in parts.items()},
    )


def _distribution(values: FloatArray) -> Distribution:
    """Compare the first value with the others."""
    from scipy.stats import t

    real, others = float(values[0]), values[1:]
    mean, error = float(others.mean()), float(others.std(ddof=1)) / math.sqrt(len(others))
    p05, p95 = (float(level) for level in np.quantile(others, (0.05, 0.95)))
    at_least = 1 + int((others >= real - ROUNDING).sum())
    mean_p_value: float | None
    if error > ROUNDING:
        mean_p_value = float(2.0 * t.sf(abs(mean) / error, len(others) - 1))
    else:
        mean_p_value = 0.0 if abs(mean) > ROUNDING else None
    return Distribution(real, mean, error, p05, p95, at_least / (1 + len(others)), mean_p_value)


def _critical(count: int) -> float:
    from scipy.stats import t

    return float(t.isf(ALPHA / 2.0, count - 1))
