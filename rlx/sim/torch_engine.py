"""The definition of the rules: one step for a batch of accounts, in torch, differentiable and on any device.

``advance`` is the step; the functions it calls are its numbered paragraphs in order. The numba engine mirrors them name
for name. Guard and cooldown decisions carry no gradient; the resulting scales and clips do.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from rlx.sim.rule_numbers import COST_ROUNDS, RUIN, RuleNumbers
from rlx.sim.torch_state import State, Step, TorchRules


class Decision(NamedTuple):
    """The target after limits, cooldown and guards; the field names are the ledger's."""

    executed_weights: Tensor  # (B, A)
    limit_clipped: Tensor  # (B,)
    cooldown_clipped: Tensor
    cooldown_penalty: Tensor
    drawdown_guard: Tensor  # (B,) bool
    negative_return_guard: Tensor
    turnover_guard: Tensor
    leverage_scale: Tensor
    turnover_penalty: Tensor
    probe_weight: Tensor
    trailing_return: Tensor


class Settlement(NamedTuple):
    """The result of a trade and its step; it does not depend on the account's value."""

    gross_return: Tensor  # (B,)
    trading_cost: Tensor
    turnover: Tensor
    financing_cost: Tensor
    growth: Tensor  # 1 + net return, never below RUIN
    closing_weights: Tensor  # (B, A)
    carried_weights: Tensor  # (B, A) after drift
    own_return: Tensor  # (B, A) each position's return less its share of cost and financing


def advance(rules: TorchRules, state: State, target: Tensor, step: Step) -> tuple[State, dict[str, Tensor]]:
    """Play one step for B accounts and return their next state and one (B,) or (B, A) tensor per ledger quantity."""
    s = rules.settings
    alive = state.value > RUIN
    overnight_growth, held = to_the_open(s, state.weights, step)
    limited = apply_limits(rules, torch.where(alive[:, None], target, 0.0))
    decision = decide(rules, state, held, limited, (target - limited).abs().sum(-1))
    executed = decision.executed_weights
    settled = settle(rules, state.weights, overnight_growth, held, executed, step)

    growth = settled.growth
    grown = torch.where(growth > RUIN, state.value * growth, RUIN).clamp(min=RUIN)
    value = torch.where(alive, grown, state.value)
    peak = torch.maximum(state.peak, value)
    drawdown = (peak - value) / peak
    reward = shape_reward(s, decision, step, executed, growth, settled.turnover, drawdown)
    cooldown_long, cooldown_short = count_cooldowns(s, state, executed, settled.own_return)
    ruined = value <= RUIN
    next_state = State(
        weights=torch.where(ruined[:, None], 0.0, settled.carried_weights),
        value=value,
        peak=peak,
        past_values=torch.cat((state.past_values[:, 1:], state.value[:, None]), dim=1),
        cooldown_long=cooldown_long,
        cooldown_short=cooldown_short,
        steps=state.steps + 1,
    )
    outcome = {
        **decision._asdict(),
        "gross_return": settled.gross_return,
        "net_return": growth - 1.0,
        "value": value,
        "drawdown": drawdown,
        "turnover": settled.turnover,
        "trading_cost": settled.trading_cost,
        "financing_cost": settled.financing_cost,
        "gross_exposure": executed.abs().sum(-1),
        "closing_gross_exposure": settled.closing_weights.abs().sum(-1),
        "closing_weights": settled.closing_weights,
        "reward": reward,
        "cooldown_long": (cooldown_long > 0).sum(-1),
        "cooldown_short": (cooldown_short > 0).sum(-1),
        "ruined": ruined,
    }
    return next_state, outcome


def settle(
    rules: TorchRules, weights: Tensor, overnight_growth: Tensor, held: Tensor, executed: Tensor, step: Step
) -> Settlement:
    """Rules 4 to 7 and 11: trade from ``held`` to ``executed``, earn, close, finance and drift.

    ``weights`` were held before the overnight leg, which results in ``held`` and ``overnight_growth``.
    """
    s = rules.settings
    keep, cost_by_asset, turnover = trade(rules, executed, held)
    asset_returns = intraday_returns(s, step)
    leg_return = (executed * asset_returns).sum(-1)
    closing, closing_keep, closing_cost, closing_turnover = close(rules, executed)
    cost_by_asset, turnover = cost_by_asset + closing_cost, turnover + closing_turnover
    financing_by_asset = finance(s, closing)
    financing = financing_by_asset.sum(-1)

    if s.exact:
        gross_return = overnight_growth * (1.0 + leg_return) - 1.0
        trading_cost = 1.0 - keep * closing_keep
        net_return = (1.0 + gross_return) * (1.0 - trading_cost) * (1.0 - financing) - 1.0
    else:
        gross_return = (overnight_growth - 1.0) + leg_return
        trading_cost = cost_by_asset.sum(-1)
        net_return = gross_return - trading_cost - financing

    own_return = executed * asset_returns - cost_by_asset - financing_by_asset
    if step.overnight is not None and s.next_open:
        own_return = own_return + weights * step.overnight
    return Settlement(
        gross_return=gross_return,
        trading_cost=trading_cost,
        turnover=turnover,
        financing_cost=financing,
        growth=(1.0 + net_return).clamp(min=RUIN),
        closing_weights=closing,
        carried_weights=drift_weights(s, closing, asset_returns),
        own_return=own_return,
    )


def to_the_open(s: RuleNumbers, weights: Tensor, step: Step) -> tuple[Tensor, Tensor]:
    """Let held weights earn the overnight leg; without one, nothing happens before the trade."""
    if not s.next_open or step.overnight is None:
        return torch.ones_like(weights[:, 0]), weights
    growth = 1.0 + (weights * step.overnight).sum(-1)
    if not s.drift:
        return growth, weights
    return growth, weights * (1.0 + step.overnight) / growth.clamp(min=RUIN)[:, None]


def intraday_returns(s: RuleNumbers, step: Step) -> Tensor:
    """Return the asset returns for executed weights: the whole step, or open to close when the trade is at the open."""
    if not s.next_open or step.overnight is None:
        return step.returns
    return (1.0 + step.returns) / (1.0 + step.overnight) - 1.0


def apply_limits(rules: TorchRules, target: Tensor) -> Tensor:
    """Rule 1: long-only, maximum weight, the crypto broker rule, then gross exposure scaled to its cap."""
    s = rules.settings
    x = target.clamp(min=0.0) if s.long_only else target
    if s.max_weight != float("inf"):
        x = x.clamp(-s.max_weight, s.max_weight)
    if s.any_crypto:
        x = torch.where(rules.is_crypto, x.clamp(0.0, 1.0), x)
        crypto_gross = torch.where(rules.is_crypto, x, 0.0).sum(-1, keepdim=True)
        x = torch.where(rules.is_crypto, x * scale_to(1.0, crypto_gross), x)
    return x * scale_to(s.intraday_gross, x.abs().sum(-1, keepdim=True))


def scale_to(cap: float, gross: Tensor) -> Tensor:
    """Return the factor that brings ``gross`` down to ``cap``, 1 where it is within."""
    if cap == float("inf"):  # torch.where passes no gradient to the other branch, but 0 x infinity is NaN
        return torch.ones_like(gross)
    return torch.where(gross > cap, cap / gross.clamp(min=RUIN), 1.0)


def clip_cooldown(s: RuleNumbers, x: Tensor, in_cooldown: Tensor, probe: Tensor) -> Tensor:
    """Rule 2: clip weights of assets/directions in cooldown to the probe weight (B,)."""
    clipped = torch.minimum(torch.maximum(x, -probe[:, None]), probe[:, None])
    return torch.where(in_cooldown & (x.abs() > s.min_position), clipped, x)


def cooling(state: State, x: Tensor) -> Tensor:
    """Return (B, A) whether the direction of each weight is in cooldown."""
    return ((x > 0) & (state.cooldown_long > 0)) | ((x < 0) & (state.cooldown_short > 0))


def decide(rules: TorchRules, state: State, held: Tensor, limited: Tensor, limit_clipped: Tensor) -> Decision:
    """Rules 2 and 3: cooldown clip, guard decisions from the state before the trade, clip again if required."""
    s = rules.settings
    probe = torch.full_like(state.value, s.probe_weight)
    in_cooldown = cooling(state, limited)
    clipped = clip_cooldown(s, limited, in_cooldown, probe)

    drawdown_guard = (state.peak - state.value) / state.peak >= s.drawdown_threshold
    trailing = state.value / state.past_values[:, 0] - 1.0 if s.guard_enabled else torch.zeros_like(state.value)
    negative_guard = (trailing <= s.negative_return_threshold) & (state.steps > 0)
    turnover_guard = (clipped - held).abs().sum(-1) >= s.turnover_threshold

    scale = torch.where(drawdown_guard, torch.full_like(probe, s.leverage_scale), 1.0)
    probe = torch.where(turnover_guard, probe.clamp(max=s.turnover_probe_weight), probe)
    scaled = clipped * scale[:, None]
    executed = clip_cooldown(s, scaled, in_cooldown, probe) if s.guard_enabled else scaled
    last_clip = scaled - executed if s.guard_enabled else limited - clipped
    size = executed.abs()
    held_in_cooldown = torch.where(in_cooldown & (size > s.min_position), size, 0.0).sum(-1)
    guarded_penalty = max(s.turnover_penalty, s.negative_return_turnover_penalty)
    return Decision(
        executed_weights=executed,
        limit_clipped=limit_clipped,
        cooldown_clipped=last_clip.abs().sum(-1),
        cooldown_penalty=s.cooldown_penalty * held_in_cooldown,
        drawdown_guard=drawdown_guard,
        negative_return_guard=negative_guard,
        turnover_guard=turnover_guard,
        leverage_scale=scale,
        turnover_penalty=torch.where(negative_guard, torch.full_like(probe, guarded_penalty), s.turnover_penalty),
        probe_weight=probe,
        trailing_return=trailing,
    )


def trade(rules: TorchRules, executed: Tensor, held: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rule 4: return the equity kept (B,), the cost by asset (B, A) and the turnover (B,).

    Exact accounting solves mu = 1 - sum c|x mu - w|: the target is a fraction of the equity left after its own cost.
    """
    keep = torch.ones_like(executed[:, 0])
    if rules.settings.exact:
        for _ in range(COST_ROUNDS - 1):
            keep = newton_step(rules, executed.detach(), held.detach(), keep)
        keep = newton_step(rules, executed, held, keep)
    traded = rules.absolute(executed * keep[:, None] - held)
    return keep, rules.cost_rate * traded, traded.sum(-1)


def newton_step(rules: TorchRules, executed: Tensor, held: Tensor, keep: Tensor) -> Tensor:
    """Return one round of Newton's method for mu = 1 - sum c|x mu - w|, whose right side is piecewise linear in mu.

    At the solution a round's gradient is the solution's own (implicit differentiation), so only the last needs one.
    """
    gap = executed * keep[:, None] - held
    cost = (rules.cost_rate * rules.absolute(gap)).sum(-1)
    slope = (rules.cost_rate * rules.sign(gap) * executed).sum(-1)
    return keep + (1.0 - cost - keep) / (1.0 + slope)


def close(rules: TorchRules, executed: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Rule 6: scale weights down to the closing cap and pay for that trade.

    Every position shrinks, so mu = 1 - sum c|k x mu - x| with the scale k has the solution (1 - C)/(1 - k C), where
    C = sum c|x|. Returns closing weights (B, A), the equity kept (B,), the cost by asset (B, A) and the turnover.
    """
    s, size = rules.settings, executed.abs()
    gross, sale = size.sum(-1), (rules.cost_rate * size).sum(-1)
    scale = scale_to(s.closing_gross, gross)
    keep = (1.0 - sale) / (1.0 - scale * sale) if s.exact else torch.ones_like(scale)
    sold = 1.0 - scale * keep
    return executed * scale[:, None], keep, rules.cost_rate * size * sold[:, None], gross * sold


def finance(s: RuleNumbers, closing: Tensor) -> Tensor:
    """Rule 7: margin on gross above base, shared by absolute weight, and borrow on shorts; (B, A)."""
    size = closing.abs()
    gross = size.sum(-1, keepdim=True)
    margin = (gross - s.base_gross).clamp(min=0.0) * s.margin_rate
    return margin * size / gross.clamp(min=RUIN) + s.borrow_rate * (-closing).clamp(min=0.0)


def shape_reward(
    s: RuleNumbers, decision: Decision, step: Step, executed: Tensor, growth: Tensor, turnover: Tensor, drawdown: Tensor
) -> Tensor:
    """Rule 9: log growth less the penalties."""
    reward = torch.log(growth) - decision.turnover_penalty * turnover - s.drawdown_penalty * drawdown
    if step.cvar is not None:
        reward = reward - s.cvar_penalty * (executed.abs() * step.cvar).sum(-1)
    if step.uncertainty is not None:
        reward = reward - s.uncertainty_penalty * (executed.abs() * step.uncertainty).sum(-1)
    return reward - decision.cooldown_penalty


def count_cooldowns(s: RuleNumbers, state: State, executed: Tensor, own_return: Tensor) -> tuple[Tensor, Tensor]:
    """Rule 10: count down, then let losses start a cooldown and gains end one, by direction."""
    if s.cooldown_steps == 0:
        return state.cooldown_long, state.cooldown_short
    counters = []
    for counter, position in ((state.cooldown_long, executed), (state.cooldown_short, -executed)):
        left = (counter - 1).clamp(min=0)
        in_position = position > s.min_position
        left = torch.where(in_position & (own_return < -s.tolerance), s.cooldown_steps, left)
        counters.append(torch.where(in_position & (own_return > s.tolerance), 0, left))
    return counters[0], counters[1]


def drift_weights(s: RuleNumbers, closing: Tensor, returns: Tensor) -> Tensor:
    """Rule 11: let the carried weights move with prices."""
    if not s.drift:
        return closing
    growth = 1.0 + (closing * returns).sum(-1, keepdim=True)
    return closing * (1.0 + returns) / growth.clamp(min=RUIN)
