"""The compiled fast path: the rules of ``torch_engine`` name for name, one account at a time, float64, no gradients.

``advance`` plays one step; the functions it calls are the numbered paragraphs of the same name in ``torch_engine``, and
tests compare the two. All working arrays are passed in, so that stepping allocates nothing. docs/performance.md
explains the structure of the code.
"""

from __future__ import annotations

import math

from rlx.sim.compiled import SOURCES, compiled, inlined
from rlx.sim.ledger import SCALARS
from rlx.sim.rule_numbers import COST_PRECISION, COST_ROUNDS, RUIN

_ROW = {name: index for index, name in enumerate(SCALARS)}
GROSS_RETURN, NET_RETURN, VALUE = _ROW["gross_return"], _ROW["net_return"], _ROW["value"]
DRAWDOWN, TURNOVER = _ROW["drawdown"], _ROW["turnover"]
TRADING_COST, FINANCING_COST = _ROW["trading_cost"], _ROW["financing_cost"]
GROSS_EXPOSURE, CLOSING_GROSS_EXPOSURE = _ROW["gross_exposure"], _ROW["closing_gross_exposure"]
REWARD, LIMIT_CLIPPED = _ROW["reward"], _ROW["limit_clipped"]
DRAWDOWN_GUARD, NEGATIVE_RETURN_GUARD = _ROW["drawdown_guard"], _ROW["negative_return_guard"]
TURNOVER_GUARD, LEVERAGE_SCALE = _ROW["turnover_guard"], _ROW["leverage_scale"]
TURNOVER_PENALTY, PROBE_WEIGHT = _ROW["turnover_penalty"], _ROW["probe_weight"]
COOLDOWN_LONG, COOLDOWN_SHORT = _ROW["cooldown_long"], _ROW["cooldown_short"]
COOLDOWN_CLIPPED, COOLDOWN_PENALTY = _ROW["cooldown_clipped"], _ROW["cooldown_penalty"]
TRAILING_RETURN, RUINED = _ROW["trailing_return"], _ROW["ruined"]


@inlined
def row_of(tape, b):  # type: ignore[no-untyped-def]
    return b if tape.shape[0] > 1 else 0


@inlined
def to_the_open(s, books, b, tape, t, scratch):  # type: ignore[no-untyped-def]
    held, earned, own_return = scratch.held, scratch.earned, scratch.own_return
    m = row_of(tape.returns, b)
    for a in range(held.size):
        held[a] = books.weights[b, a]
        own_return[a] = 0.0
    for a in range(tape.returns.shape[2]):
        earned[a] = tape.returns[m, t, a]
    if not s.next_open:
        return 1.0
    growth, m = 1.0, row_of(tape.overnight, b)
    for a in range(tape.overnight.shape[2]):
        overnight = tape.overnight[m, t, a]
        own_return[a] = held[a] * overnight
        growth += held[a] * overnight
        earned[a] = (1.0 + earned[a]) / (1.0 + overnight) - 1.0
    if s.drift:
        for a in range(held.size):
            held[a] = (held[a] + own_return[a]) / max(growth, RUIN)
    return growth


@inlined
def apply_limits(s, targets, b, i, alive, limited):  # type: ignore[no-untyped-def]
    lowest = 0.0 if s.long_only else -s.max_weight
    asked, total = 0.0, 0.0
    for a in range(targets.shape[2]):
        target = targets[b, i, a]
        x = lowest if target < lowest else target
        x = s.max_weight if x > s.max_weight else x
        x = x if alive else 0.0
        limited[a] = x
        asked += abs(target)
        total += abs(x)
    if s.any_crypto:
        total = apply_crypto_rule(s, limited)
    scale = s.intraday_gross / total if total > s.intraday_gross else 1.0
    return scale, asked - total * scale  # limits only reduce weights towards zero


@inlined
def apply_crypto_rule(s, limited):  # type: ignore[no-untyped-def]
    crypto_gross, total = 0.0, 0.0
    for a in range(limited.size):
        if s.is_crypto[a]:
            limited[a] = min(max(limited[a], 0.0), 1.0)
            crypto_gross += limited[a]
    for a in range(limited.size):
        if s.is_crypto[a] and crypto_gross > 1.0:
            limited[a] /= crypto_gross
        total += abs(limited[a])
    return total


@inlined
def clip_cooldown(s, x, left, probe):  # type: ignore[no-untyped-def]
    size = abs(x)
    return math.copysign(probe, x) if (left > 0) & (size > s.min_position) & (size > probe) else x


@inlined
def clip_cooldowns(s, books, b, probe, scale, held, x):  # type: ignore[no-untyped-def]
    before, after, in_cooldown, turnover = 0.0, 0.0, 0.0, 0.0
    for a in range(x.size):
        wanted = x[a] * scale
        left_long, left_short = books.cooldown_long[b, a], books.cooldown_short[b, a]
        left = left_long if wanted > 0.0 else left_short
        x[a] = clip_cooldown(s, wanted, left, probe)
        before += abs(wanted)
        after += abs(x[a])
        in_cooldown += abs(x[a]) if left > 0 and abs(x[a]) > s.min_position else 0.0
        turnover += abs(x[a] - held[a])
    return before - after, after, in_cooldown, turnover


@inlined
def drawdown_of(books, b):  # type: ignore[no-untyped-def]
    return (books.peak[b] - books.value[b]) / books.peak[b]


@inlined
def trailing_return_of(s, books, b):  # type: ignore[no-untyped-def]
    return books.value[b] / books.past_values[b, books.oldest[b]] - 1.0 if s.guard_enabled else 0.0


@inlined
def decide(s, books, b, limit_scale, held, executed, out, row):  # type: ignore[no-untyped-def]
    clipped, total, in_cooldown, turnover = clip_cooldowns(s, books, b, s.probe_weight, limit_scale, held, executed)

    trailing = trailing_return_of(s, books, b)
    drawdown_guard = drawdown_of(books, b) >= s.drawdown_threshold
    negative_guard = (trailing <= s.negative_return_threshold) & (books.steps[b] > 0)
    turnover_guard = turnover >= s.turnover_threshold

    scale = s.leverage_scale if drawdown_guard else 1.0
    probe = min(s.probe_weight, s.turnover_probe_weight) if turnover_guard else s.probe_weight
    if drawdown_guard or turnover_guard:
        clipped, total, in_cooldown, turnover = clip_cooldowns(s, books, b, probe, scale, held, executed)
    elif s.guard_enabled:
        clipped = 0.0  # the last clip is the second one, and it found nothing more
    guarded_penalty = max(s.turnover_penalty, s.negative_return_turnover_penalty)
    out[COOLDOWN_CLIPPED, row] = clipped
    out[COOLDOWN_PENALTY, row] = s.cooldown_penalty * in_cooldown
    out[DRAWDOWN_GUARD, row] = drawdown_guard
    out[NEGATIVE_RETURN_GUARD, row] = negative_guard
    out[TURNOVER_GUARD, row] = turnover_guard
    out[LEVERAGE_SCALE, row] = scale
    out[TURNOVER_PENALTY, row] = guarded_penalty if negative_guard else s.turnover_penalty
    out[PROBE_WEIGHT, row] = probe
    out[TRAILING_RETURN, row] = trailing
    return total


@inlined
def trade(s, executed, held):  # type: ignore[no-untyped-def]
    keep, cost, turnover = 1.0, 0.0, 0.0
    for _ in range(COST_ROUNDS):
        cost, turnover, slope = 0.0, 0.0, 0.0
        for a in range(executed.size):
            gap = executed[a] * keep - held[a]
            cost += s.cost_rate[a] * abs(gap)
            turnover += abs(gap)
            slope += math.copysign(s.cost_rate[a], gap) * executed[a]
        if not s.exact:
            break
        change = (1.0 - cost - keep) / (1.0 + slope)
        keep += change
        if abs(change) < COST_PRECISION:
            break
    return keep, cost, turnover


@inlined
def close(s, executed, total):  # type: ignore[no-untyped-def]
    if total <= s.closing_gross:
        return 1.0, 1.0, 0.0
    scale, sale = s.closing_gross / total, 0.0
    for a in range(executed.size):
        sale += s.cost_rate[a] * abs(executed[a])
    keep = (1.0 - sale) / (1.0 - sale * scale) if s.exact else 1.0
    return scale, keep, sale * (1.0 - scale * keep)


@inlined
def finance(s, executed, total, closing_scale):  # type: ignore[no-untyped-def]
    net = 0.0
    for a in range(executed.size):
        net += executed[a]
    margin = max(total * closing_scale - s.base_gross, 0.0) * s.margin_rate
    return margin, margin + s.borrow_rate * 0.5 * (total - net) * closing_scale  # (|x| - x) / 2 is the short part


@inlined
def shape_reward(s, tape, b, t, executed, growth, out, row):  # type: ignore[no-untyped-def]
    reward = math.log(growth) - out[TURNOVER_PENALTY, row] * out[TURNOVER, row]
    reward -= s.drawdown_penalty * out[DRAWDOWN, row]
    m = row_of(tape.cvar, b)
    for a in range(tape.cvar.shape[2] if tape.cvar.shape[0] > 0 else 0):
        reward -= s.cvar_penalty * abs(executed[a]) * tape.cvar[m, t, a]
    m = row_of(tape.uncertainty, b)
    for a in range(tape.uncertainty.shape[2] if tape.uncertainty.shape[0] > 0 else 0):
        reward -= s.uncertainty_penalty * abs(executed[a]) * tape.uncertainty[m, t, a]
    return reward - out[COOLDOWN_PENALTY, row]


@inlined
def count_down(s, left, position, own_return):  # type: ignore[no-untyped-def]
    left = left - 1 if left > 0 else left
    left = s.cooldown_steps if (position > s.min_position) & (own_return < -s.tolerance) else left
    return 0 if (position > s.min_position) & (own_return > s.tolerance) else left


@inlined
def count_cooldowns(s, books, b, scratch, keep, sold, closing_scale, margin, out, row):  # type: ignore[no-untyped-def]
    held, executed, earned, overnight = scratch.held, scratch.executed, scratch.earned, scratch.own_return
    n_long, n_short = 0, 0
    for a in range(executed.size if s.cooldown_steps > 0 else 0):
        x = executed[a]
        cost = s.cost_rate[a] * (abs(x * keep - held[a]) + abs(x) * sold)
        short = -x if x < 0.0 else 0.0
        financing = (margin * abs(x) + s.borrow_rate * short) * closing_scale
        own_return = overnight[a] + x * earned[a] - cost - financing
        left_long = count_down(s, books.cooldown_long[b, a], x, own_return)
        left_short = count_down(s, books.cooldown_short[b, a], -x, own_return)
        books.cooldown_long[b, a] = left_long
        books.cooldown_short[b, a] = left_short
        n_long += left_long > 0
        n_short += left_short > 0
    out[COOLDOWN_LONG, row] = n_long
    out[COOLDOWN_SHORT, row] = n_short


@inlined
def drift_weights(s, books, b, executed, earned, closing_scale, leg_return):  # type: ignore[no-untyped-def]
    moved = 1.0 if s.drift else 0.0
    shrink = closing_scale / max(1.0 + moved * closing_scale * leg_return, RUIN)
    alive = books.value[b] > RUIN
    for a in range(executed.size):
        weight = executed[a] * (1.0 + moved * earned[a]) * shrink
        books.weights[b, a] = weight if alive else 0.0


@inlined
def advance(s, books, b, targets, i, tape, t, scratch, record, row):  # type: ignore[no-untyped-def]
    """Play step ``t`` of the tape for account ``b`` with ``targets[b, i]``, into ``row`` of the record."""
    held, executed, earned, out = scratch.held, scratch.executed, scratch.earned, record.scalars
    alive = books.value[b] > RUIN
    overnight_growth = to_the_open(s, books, b, tape, t, scratch)
    limit_scale, limit_clipped = apply_limits(s, targets, b, i, alive, executed)
    total = decide(s, books, b, limit_scale, held, executed, out, row)

    keep, cost, turnover = trade(s, executed, held)
    leg_return = 0.0
    for a in range(executed.size):
        leg_return += executed[a] * earned[a]
    closing_scale, closing_keep, closing_cost = close(s, executed, total)
    sold = 1.0 - closing_scale * closing_keep
    margin, financing = finance(s, executed, total, closing_scale)

    if s.exact:
        gross_return = overnight_growth * (1.0 + leg_return) - 1.0
        trading_cost = 1.0 - keep * closing_keep
        net_return = (1.0 + gross_return) * (1.0 - trading_cost) * (1.0 - financing) - 1.0
    else:
        gross_return = (overnight_growth - 1.0) + leg_return
        trading_cost = cost + closing_cost
        net_return = gross_return - trading_cost - financing
    growth = max(1.0 + net_return, RUIN)
    book(books, b, growth, alive)

    out[GROSS_RETURN, row] = gross_return
    out[NET_RETURN, row] = growth - 1.0
    out[VALUE, row] = books.value[b]
    out[DRAWDOWN, row] = drawdown_of(books, b)
    out[TURNOVER, row] = turnover + total * sold
    out[TRADING_COST, row] = trading_cost
    out[FINANCING_COST, row] = financing
    out[GROSS_EXPOSURE, row] = total
    out[CLOSING_GROSS_EXPOSURE, row] = total * closing_scale
    out[LIMIT_CLIPPED, row] = limit_clipped
    out[RUINED, row] = books.value[b] <= RUIN
    out[REWARD, row] = shape_reward(s, tape, b, t, executed, growth, out, row)
    margin_share = margin / max(total * closing_scale, RUIN)
    count_cooldowns(s, books, b, scratch, keep, sold, closing_scale, margin_share, out, row)
    drift_weights(s, books, b, executed, earned, closing_scale, leg_return)
    for a in range(record.executed_weights.shape[1]):
        record.executed_weights[row, a] = executed[a]
        record.closing_weights[row, a] = executed[a] * closing_scale


@inlined
def book(books, b, growth, alive):  # type: ignore[no-untyped-def]
    """Rule 8: move the value, its peak and the ring of past values on by one step."""
    oldest = books.oldest[b]
    books.past_values[b, oldest] = books.value[b]
    books.oldest[b] = oldest + 1 if oldest + 1 < books.past_values.shape[1] else 0
    if alive:
        books.value[b] = max(books.value[b] * growth, RUIN) if growth > RUIN else RUIN
    books.peak[b] = max(books.peak[b], books.value[b])
    books.steps[b] += 1


@compiled
def step_books(s, books, bars, targets, tape, scratch, record, row, first, last, _=SOURCES):  # type: ignore[no-untyped-def]
    """Play one step for accounts ``first`` .. ``last`` - 1, each at its own bar, which advances by one.

    Targets (n, 1, A) are by account; account b is recorded in row ``row`` + b.
    """
    for b in range(first, last):
        advance(s, books, b, targets, 0, tape, bars[b], scratch, record, row + b)
        bars[b] += 1


@compiled
def replay_books(s, books, targets, tape, scratch, record, first, last, _=SOURCES):  # type: ignore[no-untyped-def]
    """Play targets (B, T, A) of accounts ``first`` .. ``last`` - 1 through the tapes from their first step on."""
    n_steps = targets.shape[1]
    for b in range(first, last):
        for t in range(n_steps):
            advance(s, books, b, targets, t, tape, t, scratch, record, b * n_steps + t)
