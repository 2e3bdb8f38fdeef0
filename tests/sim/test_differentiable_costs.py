"""Trading costs are differentiable: gradients against differences and arithmetic, and what smoothing tends to."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from torch import Tensor
from torch.autograd import grad, gradcheck

from rlx.sim import Costs, Ledger, Limits, Reward, Rules, simulate
from rlx.sim.rule_numbers import rule_numbers
from rlx.sim.torch_engine import advance, trade
from rlx.sim.torch_state import State, Step, TorchRules, initial_state
from tests.sim.markets import market

OPEN = Limits(intraday_gross=None, closing_gross=None)
EPSILON = 0.02
HELD = 0.3
RATE = 0.01
ACCOUNTING = pytest.mark.parametrize("accounting", ["exact", "additive"])
SMOOTHING = pytest.mark.parametrize("epsilon", [0.0, EPSILON])


def replay(targets: Tensor, seed: int = 0, **rules: Any) -> Ledger:
    """Play targets (B, T, A) on a random market of their shape, at 100 bps with no bounds by default."""
    returns, _, overnight = (torch.as_tensor(x) for x in market(seed, *targets.shape))
    if rules.get("execution") == "next_open":
        rules["overnight_returns"] = overnight
    return simulate(returns, targets, **{"costs": Costs(100), "limits": OPEN, "engine": "torch", **rules})


def random_targets(seed: int, batch: int = 3, steps: int = 5, assets: int = 3) -> Tensor:
    """Return long and short targets (B, T, A) float64 that ask for gradients."""
    return torch.as_tensor(market(seed + 100, batch, steps, assets)[1]).requires_grad_()


def trade_from_held(target: Tensor, accounting: str, epsilon: float = 0.0, rate_bps: float = 1e4 * RATE) -> Ledger:
    """Trade from ``HELD`` to ``target`` in one asset that does not move, and return that step's ledger, (1,) each."""
    settings = rule_numbers(Rules(costs=Costs(rate_bps), limits=OPEN, accounting=accounting), 1, 252)  # type: ignore[arg-type]
    state = initial_state(1, 1, settings.window, target)._replace(weights=torch.full((1, 1), HELD, dtype=target.dtype))
    step = Step(torch.zeros(1, 1, dtype=target.dtype), None, None, None)
    return Ledger(**advance(TorchRules(settings, target, epsilon), state, target.reshape(1, 1), step)[1])


def weight(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize(
    ("accounting", "drift", "execution", "closing_gross"),
    list(product(["exact", "additive"], [True, False], ["close", "next_open"], [None, 0.5])),
)
def test_gradients_are_central_differences(
    accounting: str, drift: bool, execution: str, closing_gross: float | None
) -> None:
    def play(targets: Tensor) -> Ledger:
        return replay(
            targets,
            costs=Costs(100, margin_annual=0.1, short_borrow_annual=0.05),
            limits=Limits(intraday_gross=None, closing_gross=closing_gross, base_gross=0.4),
            reward=Reward(turnover_penalty=0.01, drawdown_penalty=0.1),
            accounting=accounting,
            drift=drift,
            execution=execution,
            smooth_epsilon=EPSILON,
        )

    def outcomes(targets: Tensor) -> tuple[Tensor, ...]:
        ledger = play(targets)
        return tuple(x.sum(0) for x in (ledger.turnover, ledger.trading_cost, ledger.net_return, ledger.reward))

    targets = random_targets(0, batch=2, steps=4)
    ledger = play(targets)
    assert (ledger.executed_weights < 0).any() and not ledger.ruined.any()
    assert closing_gross is None or (ledger.gross_exposure > closing_gross).any()
    assert gradcheck(outcomes, (targets,), eps=1e-6, atol=1e-8, rtol=1e-5)


@pytest.mark.parametrize("seed", range(3))
@ACCOUNTING
def test_gradients_of_unsmoothed_costs_are_central_differences(seed: int, accounting: str) -> None:
    def outcomes(targets: Tensor) -> tuple[Tensor, ...]:
        ledger = replay(targets, seed, accounting=accounting)
        return tuple(x.sum(0) for x in (ledger.turnover, ledger.trading_cost, ledger.net_return))

    assert gradcheck(outcomes, (random_targets(seed, batch=2, steps=4),), eps=1e-7, atol=1e-8, rtol=1e-5)


@pytest.mark.parametrize("rate", [0.001, 0.01, 0.1])
@SMOOTHING
def test_the_equity_kept_is_the_solution_and_so_is_its_gradient(rate: float, epsilon: float) -> None:
    rng = np.random.default_rng(3)
    wanted, held = rng.normal(0, 0.5, 4), rng.normal(0, 0.5, 4)

    def solved(x: np.ndarray) -> float:
        def left_over(mu: float) -> float:
            return float(1 - rate * (np.sqrt((x * mu - held) ** 2 + epsilon**2) - epsilon).sum() - mu)

        return float(brentq(left_over, 0.0, 1.5, xtol=1e-15, rtol=1e-14))

    settings = rule_numbers(Rules(costs=Costs(rate * 1e4), limits=OPEN), 4, 252)
    targets = torch.tensor(wanted[None], requires_grad=True)
    keep, _, _ = trade(TorchRules(settings, targets, epsilon), targets, torch.tensor(held[None]))
    assert keep.item() == pytest.approx(solved(wanted), abs=1e-12)
    step = 1e-5
    differences = [(solved(wanted + step * e) - solved(wanted - step * e)) / (2 * step) for e in np.eye(4)]
    np.testing.assert_allclose(grad(keep.sum(), targets)[0][0], differences, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("smooth", [False, True])
def test_smooth_sign_is_the_slope_of_the_smooth_absolute_value(smooth: bool) -> None:
    settings = rule_numbers(Rules(), 1, 252)
    x = torch.linspace(-1, 1, 41, dtype=torch.float64, requires_grad=True)
    rules = TorchRules(settings, x, EPSILON if smooth else 0.0)
    torch.testing.assert_close(grad(rules.absolute(x).sum(), x)[0], rules.sign(x.detach()))
    assert rules.absolute(torch.zeros(1)) == 0.0 and rules.sign(torch.zeros(1)) == 0.0


@ACCOUNTING
def test_smoothing_vanishes_in_proportion_to_epsilon(accounting: str) -> None:
    """A trade is understated by epsilon - epsilon^2/(2|x - w|) + ..., which is less than epsilon."""
    targets = random_targets(1, steps=12).detach()
    exact = replay(targets, accounting=accounting, drift=False)
    epsilons = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6]
    cost_gaps, value_gaps = [], []
    for epsilon in epsilons:
        smooth = replay(targets, accounting=accounting, drift=False, smooth_epsilon=epsilon)
        gap, traded = exact.trading_cost - smooth.trading_cost, exact.turnover - smooth.turnover
        assert (gap >= 0).all() and (gap <= 3 * RATE * epsilon * 1.02).all()  # 3 assets
        assert (traded >= 0).all() and (traded <= 3 * epsilon * 1.02).all()
        cost_gaps.append(float(gap.max()))
        value_gaps.append(float((smooth.value - exact.value).min()))
    orders = np.diff(np.log10([cost_gaps, value_gaps]), axis=1)[:, 2:] / -1
    np.testing.assert_allclose(orders, 1.0, atol=0.02)
    assert cost_gaps == sorted(cost_gaps, reverse=True) and value_gaps == sorted(value_gaps, reverse=True)


@pytest.mark.parametrize(("accounting", "factor"), [("exact", 10), ("additive", 100)])
def test_smoothed_gradients_tend_to_the_exact_ones(accounting: str, factor: float) -> None:
    """The slope (x - w)/sqrt((x - w)^2 + epsilon^2) is off by the square of epsilon, the equity kept by epsilon."""

    def slope(epsilon: float) -> Tensor:
        targets = random_targets(2)
        return grad(replay(targets, accounting=accounting, smooth_epsilon=epsilon).trading_cost.sum(), targets)[0]

    gaps = [float((slope(epsilon) - slope(0.0)).abs().max()) for epsilon in (1e-3, 1e-4, 1e-5)]
    assert gaps[0] > 0.9 * factor * gaps[1] > (0.9 * factor) ** 2 * gaps[2] > 0.0


@ACCOUNTING
@SMOOTHING
def test_without_a_trade_the_gradient_is_zero(accounting: str, epsilon: float) -> None:
    target = weight(HELD)
    ledger = trade_from_held(target, accounting, epsilon)
    assert ledger.turnover.item() == 0.0 and ledger.trading_cost.item() == 0.0
    for quantity in (ledger.turnover, ledger.trading_cost, ledger.net_return, ledger.reward):
        assert grad(quantity.sum(), target, retain_graph=True)[0].item() == 0.0


@ACCOUNTING
@SMOOTHING
def test_cash_that_stays_cash_sees_returns_alone(accounting: str, epsilon: float) -> None:
    targets = torch.zeros(1, 4, 3, dtype=torch.float64, requires_grad=True)
    ledger = replay(targets, accounting=accounting, smooth_epsilon=epsilon, limits=Limits(closing_gross=0.5))
    returns = torch.as_tensor(market(0, 1, 4, 3)[0])
    torch.testing.assert_close(grad(ledger.net_return.sum(), targets, retain_graph=True)[0], returns)
    torch.testing.assert_close(grad(ledger.reward.sum(), targets)[0], returns)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_additive_slopes_on_both_sides_of_no_trade(side: float) -> None:
    target = weight(HELD + side * 0.05)
    assert grad(trade_from_held(target, "additive").trading_cost.sum(), target)[0].item() == pytest.approx(side * RATE)
    one_sided = [
        trade_from_held(weight(HELD + side * h), "additive").trading_cost.item() / h for h in (1e-2, 1e-4, 1e-6)
    ]
    assert one_sided == pytest.approx([RATE] * 3, rel=1e-9)


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_exact_slopes_on_both_sides_of_no_trade(side: float) -> None:
    # From w to x at rate c: bought, mu = 1 - c(x mu - w) = (1 + c w)/(1 + c x); sold, with -c. Cost is 1 - mu.
    c, x = side * RATE, HELD + side * 0.05
    target = weight(x)
    ledger = trade_from_held(target, "exact")
    assert ledger.trading_cost.item() == pytest.approx(1 - (1 + c * HELD) / (1 + c * x), abs=1e-14)
    by_hand = c * (1 + c * HELD) / (1 + c * x) ** 2
    assert grad(ledger.trading_cost.sum(), target)[0].item() == pytest.approx(by_hand, rel=1e-12)
    h = 1e-6
    at_the_kink = trade_from_held(weight(HELD + side * h), "exact").trading_cost.item() / h
    assert at_the_kink == pytest.approx(RATE / (1 + c * HELD), rel=1e-6)


@ACCOUNTING
@SMOOTHING
def test_a_more_expensive_asset_costs_what_was_traded_in_it(accounting: str, epsilon: float) -> None:
    """Envelope theorem: d cost/d c_a = |x_a - w_a|, exactly so or divided by 1 + sum c x sign(x mu - w)."""
    targets, returns = random_targets(4, steps=1)[:, 0].detach(), torch.as_tensor(market(4, 3, 1, 3)[0])[:, 0]
    settings = rule_numbers(Rules(costs=Costs(100), limits=OPEN, accounting=accounting), 3, 252)  # type: ignore[arg-type]
    rules = TorchRules(settings, targets, epsilon)
    rules.cost_rate = rules.cost_rate.clone().requires_grad_()
    state: State = initial_state(3, 3, settings.window, targets)
    outcome = advance(rules, state, targets, Step(returns, None, None, None))[1]
    (taken,) = grad(outcome["trading_cost"].sum(), rules.cost_rate, retain_graph=True)
    keep = 1.0 - outcome["trading_cost"] if accounting == "exact" else torch.ones(3, dtype=torch.float64)
    gap = targets * keep[:, None]
    shared = (1.0 + (RATE * targets * rules.sign(gap)).sum(-1)) if accounting == "exact" else 1.0
    torch.testing.assert_close(taken, (rules.absolute(gap).T / shared).sum(-1), rtol=1e-9, atol=0.0)
    (lost,) = grad(outcome["net_return"].sum(), rules.cost_rate)
    assert (lost < 0).all()


@ACCOUNTING
@SMOOTHING
def test_a_higher_cost_lowers_what_is_left(accounting: str, epsilon: float) -> None:
    targets = random_targets(5).detach()
    nets = [
        replay(targets, costs=Costs(bps), accounting=accounting, drift=False, smooth_epsilon=epsilon).net_return
        for bps in (0, 5, 50, 500)
    ]
    assert all((higher < lower).all() for lower, higher in pairwise(nets))
