"""The compiled fast path: the rules of ``torch_engine`` name for name, one account at a time, float64, no gradients.

Arrays a step works in are passed in, so that stepping allocates nothing. Each function is the numbered paragraph of
the same name in ``torch_engine``; tests hold the two to each other.
"""

from __future__ import annotations

import math
from typing import Any

from numba import njit

from rlx.sim.books import Tape
from rlx.sim.ledger import SCALARS
from rlx.sim.settings import COST_ITERATIONS, RUIN

COST_PRECISION = 1e-15  # stop the cost fixed point early once a round changes less than this
_COLUMN = {name: index for index, name in enumerate(SCALARS)}
GROSS_RETURN, NET_RETURN, VALUE = _COLUMN["gross_return"], _COLUMN["net_return"], _COLUMN["value"]
DRAWDOWN, TURNOVER = _COLUMN["drawdown"], _COLUMN["turnover"]
TRADING_COST, FINANCING_COST = _COLUMN["trading_cost"], _COLUMN["financing_cost"]
GROSS_EXPOSURE, CLOSING_GROSS_EXPOSURE = _COLUMN["gross_exposure"], _COLUMN["closing_gross_exposure"]
REWARD, LIMIT_CLIPPED = _COLUMN["reward"], _COLUMN["limit_clipped"]
DRAWDOWN_GUARD, NEGATIVE_RETURN_GUARD = _COLUMN["drawdown_guard"], _COLUMN["negative_return_guard"]
TURNOVER_GUARD, LEVERAGE_SCALE = _COLUMN["turnover_guard"], _COLUMN["leverage_scale"]
TURNOVER_PENALTY, PROBE_WEIGHT = _COLUMN["turnover_penalty"], _COLUMN["probe_weight"]
COOLDOWN_LONG, COOLDOWN_SHORT = _COLUMN["cooldown_long"], _COLUMN["cooldown_short"]
COOLDOWN_CLIPPED, COOLDOWN_PENALTY = _COLUMN["cooldown_clipped"], _COLUMN["cooldown_penalty"]
TRAILING_RETURN, RUINED = _COLUMN["trailing_return"], _COLUMN["ruined"]


compiled: Any = njit(cache=True, nogil=True, error_model="numpy")


@compiled
def gross(x):  # type: ignore[no-untyped-def]
    total = 0.0
    for a in range(x.size):
        total += abs(x[a])
    return total


@compiled
def to_the_open(s, weights, tape, t, held):  # type: ignore[no-untyped-def]
    held[:] = weights
    if not s.next_open:
        return 1.0
    growth = 1.0
    for a in range(held.size):
        growth += weights[a] * tape.overnight[t, a]
    if s.drift:
        for a in range(held.size):
            held[a] = weights[a] * (1.0 + tape.overnight[t, a]) / max(growth, RUIN)
    return growth


@compiled
def apply_limits(s, target, limited):  # type: ignore[no-untyped-def]
    crypto_gross = 0.0
    for a in range(target.size):
        x = max(target[a], 0.0) if s.long_only else target[a]
        x = min(max(x, -s.max_weight), s.max_weight)
        if s.is_crypto[a]:
            x = min(max(x, 0.0), 1.0)
            crypto_gross += x
        limited[a] = x
    if crypto_gross > 1.0:
        for a in range(target.size):
            if s.is_crypto[a]:
                limited[a] /= crypto_gross
    total = gross(limited)
    if total > s.intraday_gross:
        for a in range(target.size):
            limited[a] *= s.intraday_gross / total
    clipped = 0.0
    for a in range(target.size):
        clipped += abs(target[a] - limited[a])
    return clipped


@compiled
def clip_cooldown(s, x, in_cooldown, probe):  # type: ignore[no-untyped-def]
    if in_cooldown and abs(x) > s.min_position:
        return min(max(x, -probe), probe)
    return x


@compiled
def decide(s, books, b, scratch, executed, out):  # type: ignore[no-untyped-def]
    held, limited = scratch.held, scratch.limited
    value, peak, window = books.value[b], books.peak[b], books.past_values.shape[1]
    anticipated, first_clip = 0.0, 0.0
    for a in range(limited.size):
        x = limited[a]
        cooling = (x > 0 and books.cooldown_long[b, a] > 0) or (x < 0 and books.cooldown_short[b, a] > 0)
        executed[a] = clip_cooldown(s, x, cooling, s.probe_weight)
        first_clip += abs(x - executed[a])
        anticipated += abs(executed[a] - held[a])

    drawdown_guard = (peak - value) / peak >= s.drawdown_threshold
    trailing = value / books.past_values[b, books.steps[b] % window] - 1.0 if s.guard_enabled else 0.0
    negative_guard = trailing <= s.negative_return_threshold and books.steps[b] > 0
    turnover_guard = anticipated >= s.turnover_threshold

    scale = s.leverage_scale if drawdown_guard else 1.0
    probe = min(s.probe_weight, s.turnover_probe_weight) if turnover_guard else s.probe_weight
    second_clip, held_in_cooldown = 0.0, 0.0
    for a in range(limited.size):
        x = limited[a]
        cooling = (x > 0 and books.cooldown_long[b, a] > 0) or (x < 0 and books.cooldown_short[b, a] > 0)
        scaled = executed[a] * scale
        executed[a] = clip_cooldown(s, scaled, cooling, probe) if s.guard_enabled else scaled
        second_clip += abs(scaled - executed[a])
        if cooling:
            held_in_cooldown += abs(executed[a])
    out[COOLDOWN_CLIPPED] = second_clip if s.guard_enabled else first_clip
    out[COOLDOWN_PENALTY] = s.cooldown_penalty * held_in_cooldown
    out[DRAWDOWN_GUARD] = drawdown_guard
    out[NEGATIVE_RETURN_GUARD] = negative_guard
    out[TURNOVER_GUARD] = turnover_guard
    out[LEVERAGE_SCALE] = scale
    guarded_penalty = max(s.turnover_penalty, s.negative_return_turnover_penalty)
    out[TURNOVER_PENALTY] = guarded_penalty if negative_guard else s.turnover_penalty
    out[PROBE_WEIGHT] = probe
    out[TRAILING_RETURN] = trailing


@compiled
def trade(s, executed, held, own_return):  # type: ignore[no-untyped-def]
    keep = 1.0
    if s.exact:
        for _ in range(COST_ITERATIONS):
            cost = 0.0
            for a in range(executed.size):
                cost += s.cost_rate[a] * abs(executed[a] * keep - held[a])
            converged = abs(1.0 - cost - keep) < COST_PRECISION
            keep = 1.0 - cost
            if converged:
                break
    cost, turnover = 0.0, 0.0
    for a in range(executed.size):
        traded = abs(executed[a] * keep - held[a])
        turnover += traded
        cost += s.cost_rate[a] * traded
        own_return[a] -= s.cost_rate[a] * traded
    return keep, cost, turnover


@compiled
def close(s, executed, closing, own_return):  # type: ignore[no-untyped-def]
    total = gross(executed)
    closing[:] = executed
    if total <= s.closing_gross:
        return 1.0, 0.0, 0.0
    for a in range(executed.size):
        closing[a] = executed[a] * (s.closing_gross / total)
    return trade(s, closing, executed, own_return)


@compiled
def finance(s, closing, own_return):  # type: ignore[no-untyped-def]
    total = gross(closing)
    margin = max(total - s.base_gross, 0.0) * s.margin_rate
    financing = 0.0
    for a in range(closing.size):
        share = margin * abs(closing[a]) / max(total, RUIN) + s.borrow_rate * max(-closing[a], 0.0)
        financing += share
        own_return[a] -= share
    return financing


@compiled
def shape_reward(s, tape, t, executed, growth, out):  # type: ignore[no-untyped-def]
    reward = math.log(growth) - out[TURNOVER_PENALTY] * out[TURNOVER] - s.drawdown_penalty * out[DRAWDOWN]
    if tape.cvar.shape[0] > 0:
        for a in range(executed.size):
            reward -= s.cvar_penalty * abs(executed[a]) * tape.cvar[t, a]
    if tape.uncertainty.shape[0] > 0:
        for a in range(executed.size):
            reward -= s.uncertainty_penalty * abs(executed[a]) * tape.uncertainty[t, a]
    return reward - out[COOLDOWN_PENALTY]


@compiled
def count_down(s, counter, a, position, own_return):  # type: ignore[no-untyped-def]
    if counter[a] > 0:
        counter[a] -= 1
    if position > s.min_position:
        if own_return < -s.tolerance:
            counter[a] = s.cooldown_steps
        elif own_return > s.tolerance:
            counter[a] = 0
    return 1 if counter[a] > 0 else 0


@compiled
def count_cooldowns(s, books, b, executed, own_return, out):  # type: ignore[no-untyped-def]
    n_long, n_short = 0, 0
    if s.cooldown_steps > 0:
        for a in range(executed.size):
            n_long += count_down(s, books.cooldown_long[b], a, executed[a], own_return[a])
            n_short += count_down(s, books.cooldown_short[b], a, -executed[a], own_return[a])
    out[COOLDOWN_LONG] = n_long
    out[COOLDOWN_SHORT] = n_short


@compiled
def drift_weights(s, closing, earned, weights):  # type: ignore[no-untyped-def]
    weights[:] = closing
    if not s.drift:
        return
    growth = 1.0
    for a in range(closing.size):
        growth += closing[a] * earned[a]
    for a in range(closing.size):
        weights[a] = closing[a] * (1.0 + earned[a]) / max(growth, RUIN)


@compiled
def advance(s, books, b, target, tape, t, scratch, executed, closing, out):  # type: ignore[no-untyped-def]
    """Play step ``t`` of the tape for account ``b``: books, weights (A,) and ``out`` (N_SCALARS,) are written."""
    held, own_return, earned = scratch.held, scratch.own_return, scratch.earned
    alive = books.value[b] > RUIN
    weights = books.weights[b]
    overnight_growth = to_the_open(s, weights, tape, t, held)
    if alive:
        out[LIMIT_CLIPPED] = apply_limits(s, target, scratch.limited)
    else:
        out[LIMIT_CLIPPED] = gross(target)
        scratch.limited[:] = 0.0
    decide(s, books, b, scratch, executed, out)

    leg_return = 0.0
    for a in range(executed.size):
        earned[a] = tape.returns[t, a]
        own_return[a] = 0.0
        if s.next_open:
            earned[a] = (1.0 + tape.returns[t, a]) / (1.0 + tape.overnight[t, a]) - 1.0
            own_return[a] = weights[a] * tape.overnight[t, a]
        leg_return += executed[a] * earned[a]
        own_return[a] += executed[a] * earned[a]
    keep, cost, turnover = trade(s, executed, held, own_return)
    closing_keep, closing_cost, closing_turnover = close(s, executed, closing, own_return)
    financing = finance(s, closing, own_return)

    if s.exact:
        gross_return = overnight_growth * (1.0 + leg_return) - 1.0
        trading_cost = 1.0 - keep * closing_keep
        net_return = (1.0 + gross_return) * (1.0 - trading_cost) * (1.0 - financing) - 1.0
    else:
        gross_return = (overnight_growth - 1.0) + leg_return
        trading_cost = cost + closing_cost
        net_return = gross_return - trading_cost - financing
    growth = max(1.0 + net_return, RUIN)
    past = books.past_values[b]
    past[books.steps[b] % past.size] = books.value[b]
    if alive:
        books.value[b] = max(books.value[b] * growth, RUIN) if growth > RUIN else RUIN
    books.steps[b] += 1
    books.peak[b] = max(books.peak[b], books.value[b])

    out[GROSS_RETURN] = gross_return
    out[NET_RETURN] = growth - 1.0
    out[VALUE] = books.value[b]
    out[DRAWDOWN] = (books.peak[b] - books.value[b]) / books.peak[b]
    out[TURNOVER] = turnover + closing_turnover
    out[TRADING_COST] = trading_cost
    out[FINANCING_COST] = financing
    out[GROSS_EXPOSURE] = gross(executed)
    out[CLOSING_GROSS_EXPOSURE] = gross(closing)
    out[RUINED] = books.value[b] <= RUIN
    out[REWARD] = shape_reward(s, tape, t, executed, growth, out)
    count_cooldowns(s, books, b, executed, own_return, out)
    drift_weights(s, closing, earned, weights)
    if out[RUINED] != 0.0:
        weights[:] = 0.0


@compiled
def step_accounts(s, books, bars, targets, tape, scratch, executed, closing, out):  # type: ignore[no-untyped-def]
    """Play one step for the first n accounts, each at its own bar of the shared tape; ``bars`` move on by one."""
    for b in range(targets.shape[0]):
        advance(s, books, b, targets[b], tape, bars[b], scratch, executed[b], closing[b], out[b])
        bars[b] += 1


@compiled
def replay_accounts(s, books, targets, tapes, scratch, executed, closing, out):  # type: ignore[no-untyped-def]
    """Play targets (B, T, A) through tapes (B or 1, T, A), whole ledgers at once."""
    for b in range(targets.shape[0]):
        m = b if tapes.returns.shape[0] > 1 else 0
        tape = Tape(
            tapes.returns[m],
            tapes.overnight[m if tapes.overnight.shape[0] > 1 else 0],
            tapes.cvar[m if tapes.cvar.shape[0] > 1 else 0],
            tapes.uncertainty[m if tapes.uncertainty.shape[0] > 1 else 0],
        )
        for t in range(targets.shape[1]):
            advance(s, books, b, targets[b, t], tape, t, scratch, executed[b, t], closing[b, t], out[b, t])
