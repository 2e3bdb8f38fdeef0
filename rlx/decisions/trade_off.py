"""The best trade of one step given trading costs: a small quadratic program, solved exactly."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rlx.errors import DataError
from rlx.sim.compiled import SOURCES, compiled, inlined
from rlx.sim.rule_numbers import RUIN
from rlx.types import FloatArray

TOLERANCE = 1e-12
"""Gain per unit of weight below which no mass is moved."""

SAME = 1e-13
"""Weights that differ by less count as equal: only rounding separates them."""


class TradingRule(NamedTuple):
    """Forecast deviations of means are multiplied by ``signal``, and costs by ``cost_share``.

    A lasting signal pays for a trade over many steps, but the program sees only one, so it is charged only a share.
    """

    signal: float
    cost_share: float


def best_trades(
    mean: FloatArray, covariance: FloatArray, held: FloatArray, cost: FloatArray, *, long_only: bool, invested: bool
) -> FloatArray:
    """Return the weights (B, A) that maximise w'm - w'Sw/2 - cost'|w - held|.

    mean: (B, A) of simple returns. covariance: (B, A, A), or (A, A) for all. held: (B, A) weights before the trade.
    cost: (A,) per unit of turnover, as a fraction. ``long_only`` weights are not negative and add up to at most one;
    otherwise their absolute values do. ``invested`` weights add up to exactly one and require ``long_only``. Raises
    DataError for values that are not finite.
    """
    weights = np.array(held, dtype=np.float64, order="C")
    arrays = _checked(long_only, invested, mean=mean, covariance=_stacked(covariance), held=held, cost=cost)
    _solve_all(weights, _scratch(weights.shape[1]), *arrays, long_only, invested)
    return weights


def follow(
    mean: FloatArray,
    covariance: FloatArray,
    returns: FloatArray,
    start: FloatArray,
    cost: FloatArray,
    *,
    long_only: bool,
    invested: bool,
) -> FloatArray:
    """Return the weights (T, A) of one account that trades by ``best_trades`` at every step, with drift in between.

    mean, returns: (T, A). covariance: (T, A, A), or (A, A) for all. start: (A,) weights held before the first trade. An
    account that loses everything holds nothing afterwards. Raises DataError for values that are not finite.
    """
    weights = np.empty_like(returns, dtype=np.float64)
    given = {"mean": mean, "covariance": _stacked(covariance), "returns": returns, "start": start, "cost": cost}
    arrays = _checked(long_only, invested, **given)
    _follow(weights, _scratch(len(start)), *arrays, long_only, invested)
    return weights


def _stacked(covariance: FloatArray) -> FloatArray:
    return covariance if covariance.ndim == 3 else covariance[None]


def _checked(long_only: bool, invested: bool, **arrays: FloatArray) -> list[FloatArray]:
    if invested and not long_only:
        raise DataError("invested=True: only long-only weights can add up to one. Set long_only=True.")
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise DataError(f"{name}: some of its values are not finite.")
    return [np.ascontiguousarray(array, dtype=np.float64) for array in arrays.values()]


def _scratch(n_assets: int) -> FloatArray:
    """Return buffers (3, 2A + 1) for masses, gradient and held weights: compiled code does not allocate."""
    return np.empty((3, 2 * n_assets + 1))


@inlined
def _start(w, mass, long_only, invested):  # type: ignore[no-untyped-def]
    """Split weights into the masses (2A + 1,) of long, short and cash, scaled to a sum of one."""
    n = w.size
    total = 0.0
    for a in range(n):
        mass[a] = w[a] if w[a] > 0.0 else 0.0
        mass[n + a] = -w[a] if w[a] < 0.0 and not long_only else 0.0
        total += mass[a] + mass[n + a]
    if total > 1.0 or (invested and total > 0.0):
        for a in range(2 * n):
            mass[a] /= total
        total = 1.0
    if invested and total == 0.0:
        for a in range(n):
            mass[a] = 1.0 / n
        total = 1.0
    mass[2 * n] = 1.0 - total
    for a in range(n):
        w[a] = mass[a] - mass[n + a]


@inlined
def _slope(g, w, held, cost, a, sign):  # type: ignore[no-untyped-def]
    """Return the gain per unit of weight added to asset ``a`` in the direction of ``sign``, including its cost."""
    gap = sign * (w[a] - held[a])
    return sign * g[a] - (cost[a] if gap >= -SAME else -cost[a])


@compiled
def _solve(w, mass, g, mean, covariance, held, cost, long_only, invested, _=SOURCES):  # type: ignore[no-untyped-def]
    """Move mass from the worst place to the best place until no move gains.

    The objective is concave, each of its kinks depends on a single weight, and the masses add up to one. A point from
    which no move of mass between two places gains is therefore the optimum.
    """
    n = w.size
    cash = 2 * n
    _start(w, mass, long_only, invested)
    for a in range(n):
        g[a] = mean[a]
        for b in range(n):
            g[a] -= covariance[a, b] * w[b]
    for _round in range(200 * n):
        best, worst = -1, -1
        gain, loss = -np.inf, np.inf
        for k in range(2 * n + 1):
            if k == cash:
                up, down, usable = 0.0, 0.0, not invested
            else:
                a = k if k < n else k - n
                sign = 1.0 if k < n else -1.0
                usable = k < n or not long_only
                up = _slope(g, w, held, cost, a, sign)
                down = -_slope(g, w, held, cost, a, -sign)
            if usable and up > gain:
                best, gain = k, up
            if mass[k] > 0.0 and down < loss:
                worst, loss = k, down
        if best == worst or gain - loss <= TOLERANCE:
            break
        moved = _best_move(w, g, covariance, held, cost, mass[worst], best, worst, gain - loss)
        for k, sign in ((best, 1.0), (worst, -1.0)):
            if k != cash:
                a = k if k < n else k - n
                change = sign * moved if k < n else -sign * moved
                w[a] += change
                for b in range(n):
                    g[b] -= covariance[b, a] * change
        mass[best] += moved
        mass[worst] = 0.0 if moved >= mass[worst] else mass[worst] - moved


@inlined
def _best_move(w, g, covariance, held, cost, most, best, worst, slope):  # type: ignore[no-untyped-def]
    """Return the mass to move, at most ``most``: where the slope, which falls and jumps at ``held``, reaches zero."""
    n = w.size
    cash = 2 * n
    to = -1 if best == cash else (best if best < n else best - n)
    source = -1 if worst == cash else (worst if worst < n else worst - n)
    rise = 1.0 if best < n else -1.0
    fall = -1.0 if worst < n else 1.0
    curvature = 0.0
    if to >= 0:
        curvature += covariance[to, to]
    if source >= 0:
        curvature += covariance[source, source]
    if to >= 0 and source >= 0:
        curvature += 2.0 * rise * fall * covariance[to, source]
    # Mass at which each of the two weights passes its held weight, where its cost changes from a saving to a charge.
    first = (held[to] - w[to]) * rise if to >= 0 else 0.0
    second = (held[source] - w[source]) * fall if source >= 0 else 0.0
    done = 0.0
    while True:
        ahead = most
        jump = 0.0
        if first > done + SAME and first < ahead:
            ahead = first
            jump = 2.0 * cost[to]
        if second > done + SAME and second <= ahead and second < most:
            jump = 2.0 * cost[source] + (jump if second == ahead else 0.0)
            ahead = second
        reach = done + slope / curvature if curvature > 0.0 else np.inf
        if reach <= ahead:
            return reach
        if ahead >= most:
            return most
        slope -= curvature * (ahead - done) + jump
        done = ahead
        if slope <= 0.0:
            return done


@compiled
def _solve_all(weights, scratch, mean, covariance, held, cost, long_only, invested, _=SOURCES):  # type: ignore[no-untyped-def]
    for b in range(len(weights)):
        shared = covariance[b % len(covariance)]
        _solve(weights[b], scratch[0], scratch[1], mean[b], shared, held[b], cost, long_only, invested)


@compiled
def _follow(weights, scratch, mean, covariance, returns, start, cost, long_only, invested, _=SOURCES):  # type: ignore[no-untyped-def]
    n = weights.shape[1]
    held = scratch[2, :n]
    for a in range(n):
        held[a] = start[a]
    for t in range(len(weights)):
        for a in range(n):
            weights[t, a] = held[a]
        shared = covariance[t % len(covariance)]
        _solve(weights[t], scratch[0], scratch[1], mean[t], shared, held, cost, long_only, invested)
        growth = 1.0
        for a in range(n):
            growth += weights[t, a] * returns[t, a]
        for a in range(n):
            held[a] = weights[t, a] * (1.0 + returns[t, a]) / growth if growth > RUIN else 0.0
