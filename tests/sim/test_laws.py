"""Laws that hold for every market, and arithmetic worked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rlx.sim import Accounts, Cooldown, Costs, Guard, Limits, Reward, Rules, simulate
from tests.sim.markets import cooldowns, guards, market, worlds

OPEN = Limits(intraday_gross=None, closing_gross=None)
ENGINES = pytest.mark.parametrize("engine", ["numba", "torch"])


def share_count_loop(returns: np.ndarray, targets: np.ndarray, rate: float, overnight: np.ndarray) -> np.ndarray:
    """Trade whole books of shares and cash at the open: pay the fee out of cash, mark to market at the close."""
    n_assets = returns.shape[1]
    prices, shares, cash, values = np.ones(n_assets), np.zeros(n_assets), 1.0, []
    for r, x, o in zip(returns, targets, overnight, strict=True):
        opens = prices * (1 + o)
        equity = cash + shares @ opens
        low, high = 0.0, equity
        for _ in range(200):  # bisect the equity left after paying for the trade to x of what is left
            left = (low + high) / 2
            fee = rate * np.abs(x * left - shares * opens).sum()
            low, high = (left, high) if equity - fee > left else (low, left)
        wanted = x * left / opens
        cash = cash - (wanted - shares) @ opens - rate * np.abs((wanted - shares) * opens).sum()
        shares, prices = wanted, prices * (1 + r)
        values.append(cash + shares @ prices)
    return np.array(values)


@ENGINES
@pytest.mark.parametrize(("bps", "tolerance"), [(10, 1e-6), (100, 2e-4)])
@pytest.mark.parametrize("long_short", [False, True])
@pytest.mark.parametrize("execution", ["close", "next_open"])
def test_exact_accounting_is_a_self_financing_share_count(
    engine: str, bps: float, tolerance: float, long_short: bool, execution: str
) -> None:
    rng = np.random.default_rng(5)
    returns = rng.normal(0.0005, 0.015, (500, 6))
    targets = rng.dirichlet(np.ones(7), 500)[:, :6] * (rng.choice([-1, 1], (500, 6)) if long_short else 1)
    overnight = (1 + returns) ** 0.4 - 1 if execution == "next_open" else np.zeros_like(returns)
    ledger = simulate(
        returns,
        targets,
        costs=Costs(bps),
        limits=OPEN,
        execution=execution,
        overnight_returns=overnight,
        engine=engine,
    )
    counted = share_count_loop(returns, targets, bps * 1e-4, overnight)
    np.testing.assert_allclose(ledger.value, counted, rtol=tolerance)


@ENGINES
def test_one_step_by_hand(engine: str) -> None:
    # Buy 60% / 30% of what is left at 10 bps: mu = 1 - 0.001 (0.9 mu), mu = 1/1.0009. Then +10% and -5%.
    ledger = simulate(np.array([[0.10, -0.05]]), np.array([[0.6, 0.3]]), costs=Costs(10), engine=engine)
    keep = 1 / 1.0009
    assert ledger.trading_cost[0] == pytest.approx(1 - keep, abs=1e-14)
    assert ledger.turnover[0] == pytest.approx(0.9 * keep, abs=1e-14)
    assert ledger.gross_return[0] == pytest.approx(0.045, abs=1e-14)
    assert ledger.value[0] == pytest.approx(keep * 1.045, abs=1e-14)
    assert ledger.reward[0] == pytest.approx(np.log(keep * 1.045), abs=1e-14)


@ENGINES
def test_a_position_kept_while_others_trade_pays_for_its_share_by_hand(engine: str) -> None:
    # Hold A at 50%, then buy B for 50% at 100 bps keeping A: A is sold down to 50% of what is left, so its direction
    # differs from x - w = 0. mu = 1 - 0.01 (0.5 mu + (0.5 - 0.5 mu)) = 0.995.
    ledger = simulate(
        np.zeros((2, 2)), np.array([[0.5, 0.0], [0.5, 0.5]]), costs=Costs(100), limits=OPEN, engine=engine
    )
    assert ledger.trading_cost[1] == pytest.approx(0.005, abs=1e-14)
    assert ledger.turnover[1] == pytest.approx(0.5 * 0.995 + 0.5 - 0.5 * 0.995, abs=1e-14)


@ENGINES
def test_closing_down_to_the_cap_is_paid_by_hand(engine: str) -> None:
    # Free to buy 1.0 of A; closing cap 0.8 sells a fifth: mu = 1 - 0.01 (1 - 0.8 mu), so mu = 0.99/0.992.
    ledger = simulate(
        np.zeros((1, 1)),
        np.array([[1.0]]),
        costs=Costs(100),
        limits=Limits(intraday_gross=1.0, closing_gross=0.8),
        engine=engine,
    )
    bought, closed = 1 / 1.01, 0.99 / 0.992
    assert ledger.trading_cost[0] == pytest.approx(1 - bought * closed, abs=1e-14)
    assert ledger.turnover[0] == pytest.approx(bought + 1 - 0.8 * closed, abs=1e-14)


@ENGINES
def test_next_open_by_hand(engine: str) -> None:
    # Hold 100% of A overnight (+2%), switch to B at the open (two sides at 100 bps additive), B earns 5% to the close.
    returns, overnight = np.array([[0.0, 0.0], [0.02, 0.05]]), np.array([[0.0, 0.0], [0.02, 0.0]])
    targets = np.array([[1.0, 0.0], [0.0, 1.0]])
    ledger = simulate(
        returns,
        targets,
        costs=Costs(100),
        accounting="additive",
        execution="next_open",
        overnight_returns=overnight,
        engine=engine,
    )
    assert ledger.net_return == pytest.approx([-0.01, 0.02 + 0.05 - 0.02], abs=1e-14)


@ENGINES
def test_leverage_is_closed_and_financed_by_hand(engine: str) -> None:
    ledger = simulate(
        np.array([[0.01, 0.01]]),
        np.array([[0.9, 0.6]]),
        costs=Costs(10, margin_annual=0.10),
        limits=Limits(intraday_gross=1.2, closing_gross=1.1),
        accounting="additive",
        periods_per_year=1,
        engine=engine,
    )
    assert ledger.executed_weights[0] == pytest.approx([0.72, 0.48])  # 1.5 scaled to 1.2
    assert ledger.limit_clipped[0] == pytest.approx(0.3)
    assert ledger.closing_weights[0] == pytest.approx([0.66, 0.44])  # 1.2 scaled to 1.1
    assert ledger.turnover[0] == pytest.approx(1.2 + 0.1)
    assert ledger.financing_cost[0] == pytest.approx(0.1 * 0.10)
    assert ledger.net_return[0] == pytest.approx(0.012 - 0.0013 - 0.01)


@ENGINES
def test_annual_rates_compound_over_the_steps_of_a_year(engine: str) -> None:
    levered = Limits(intraday_gross=2.0, closing_gross=2.0)
    ledger = simulate(
        np.zeros((252, 1)), np.full((252, 1), 2.0), costs=Costs(margin_annual=0.10), limits=levered, engine=engine
    )
    paid = 1.10 ** (1 / 252) - 1
    np.testing.assert_allclose(ledger.financing_cost, paid, rtol=1e-12)
    assert ledger.value[-1] == pytest.approx((1 - paid) ** 252, rel=1e-12)


@ENGINES
def test_shorts_pay_borrow_and_gain_when_prices_fall(engine: str) -> None:
    costs = Costs(short_borrow_annual=0.05)
    ledger = simulate(np.array([[-0.1]]), np.array([[-0.5]]), costs=costs, periods_per_year=1, engine=engine)
    assert ledger.financing_cost[0] == pytest.approx(0.025)
    assert ledger.value[0] == pytest.approx(1.05 * 0.975)


@ENGINES
def test_crypto_is_long_only_and_unlevered(engine: str) -> None:
    classes, levered = ["crypto", "crypto", "equity"], Limits(intraday_gross=3.0, closing_gross=None)
    targets = np.array([[-0.5, 0.4, -0.5], [1.7, 0.0, 0.5], [0.9, 0.6, 0.5]])
    ledger = simulate(np.zeros((3, 3)), targets, limits=levered, asset_classes=classes, engine=engine)
    np.testing.assert_allclose(ledger.executed_weights, [[0, 0.4, -0.5], [1, 0, 0.5], [0.6, 0.4, 0.5]])
    np.testing.assert_allclose(ledger.limit_clipped, [0.5, 0.7, 0.5])


@ENGINES
def test_cooldown_by_hand(engine: str) -> None:
    # A loses at step 0, so for 2 steps it is limited to 5%; then it is free. A gain within cooldown would end it.
    returns = np.array([[-0.02], [0.0], [0.0], [0.0]])
    ledger = simulate(
        returns, np.full((4, 1), 0.5), cooldown=Cooldown(steps=2, probe_weight=0.05, penalty=2.0), engine=engine
    )
    assert ledger.executed_weights[:, 0] == pytest.approx([0.5, 0.05, 0.05, 0.5])
    assert ledger.cooldown_long.tolist() == [1, 1, 0, 0]
    assert ledger.cooldown_clipped == pytest.approx([0.0, 0.45, 0.45, 0.0])
    assert ledger.cooldown_penalty == pytest.approx([0.0, 0.1, 0.1, 0.0])


@ENGINES
def test_the_cooldowns_penalty_counts_positions_above_min_position_only(engine: str) -> None:
    # Both assets lose at step 0. Then A asks for 9.5e-5, not a position, and B for 0.5, which is limited to 5%.
    returns = np.array([[-0.02, -0.02], [0.0, 0.0]])
    targets = np.array([[0.5, 0.5], [9.5e-5, 0.5]])
    cooldown = Cooldown(steps=12, probe_weight=0.05, penalty=0.6)
    ledger = simulate(returns, targets, cooldown=cooldown, engine=engine)
    assert ledger.executed_weights[1] == pytest.approx([9.5e-5, 0.05])
    assert ledger.cooldown_penalty == pytest.approx([0.0, 0.6 * 0.05], abs=1e-12)


@ENGINES
def test_the_cooldowns_penalty_is_measured_on_the_final_clip(engine: str) -> None:
    # A drawdown of 1% scales 1.5e-4, a position, to 0.9e-4, which is none any more: only the short of 0.012 counts.
    returns = np.array([[-0.02, 0.0], [0.0, 0.02], [0.0, 0.0]])
    targets = np.array([[0.5, 0.0], [0.0, -0.5], [1.5e-4, -0.02]])
    guard, cooldown = Guard(drawdown_threshold=0.009, leverage_scale=0.6), Cooldown(steps=12, penalty=1.0)
    ledger = simulate(returns, targets, guard=guard, cooldown=cooldown, engine=engine)
    assert ledger.executed_weights[2] == pytest.approx([0.9e-4, -0.012])
    assert ledger.cooldown_penalty[2] == pytest.approx(0.012, abs=1e-12)


@ENGINES
def test_zero_cost_buy_and_hold_is_price_growth(engine: str) -> None:
    returns = np.random.default_rng(0).normal(0, 0.02, (200, 4))
    held = np.full(4, 0.25)
    targets = [held]
    for r in returns[:-1]:
        held = held * (1 + r) / (1 + held @ r)
        targets.append(held)
    ledger = simulate(returns, np.array(targets), engine=engine)
    np.testing.assert_allclose(ledger.value, np.cumprod(1 + returns, axis=0).mean(1), rtol=1e-12)
    assert ledger.turnover[1:].max() < 1e-12


@settings(max_examples=60, deadline=None)
@given(world=worlds(), factor=st.floats(1.05, 3.0))
def test_cost_is_monotone(world: dict[str, Any], factor: float) -> None:
    world.update(guard=None, cooldown=None)  # a guard may answer higher costs with a smaller, luckier position
    base = world.pop("costs")
    more = Costs(base.commission_bps * factor, base.half_spread_bps * factor, base.slippage_bps * factor)
    same = Costs(base.commission_bps, base.half_spread_bps, base.slippage_bps)
    cheap, expensive = simulate(**world, costs=same), simulate(**world, costs=more)
    assert (expensive.value[:, -1] <= cheap.value[:, -1] + 1e-12).all()


@settings(max_examples=60, deadline=None)
@given(world=worlds(), order=st.permutations(range(4)))
def test_the_order_of_assets_does_not_matter(world: dict[str, Any], order: list[int]) -> None:
    shuffled = dict(world)
    for name in ("returns", "targets", "overnight_returns", "cvar", "uncertainty"):
        if world[name] is not None:
            shuffled[name] = world[name][..., order]
    if world["asset_classes"] is not None:
        shuffled["asset_classes"] = [world["asset_classes"][k] for k in order]
    np.testing.assert_allclose(simulate(**shuffled).value, simulate(**world).value, rtol=1e-9)


@settings(max_examples=60, deadline=None)
@given(world=worlds())
def test_an_asset_never_held_changes_nothing(world: dict[str, Any]) -> None:
    wider = dict(world)
    for name in ("returns", "targets", "overnight_returns", "cvar", "uncertainty"):
        if world[name] is not None:
            wider[name] = np.concatenate((world[name], np.zeros_like(world[name][..., :1])), axis=-1)
    if world["asset_classes"] is not None:
        wider["asset_classes"] = [*world["asset_classes"], "equity"]
    np.testing.assert_allclose(simulate(**wider).value, simulate(**world).value, rtol=1e-9)


def test_splitting_an_asset_into_two_equal_halves_changes_nothing() -> None:
    returns, targets, _ = market(11)
    rules: dict[str, Any] = {"costs": Costs(10), "limits": Limits(closing_gross=0.9), "guard": Guard(0.05)}
    whole = simulate(returns, targets, **rules)
    halves = simulate(np.repeat(returns, 2, axis=-1), np.repeat(targets / 2, 2, axis=-1), **rules)
    np.testing.assert_allclose(halves.value, whole.value, rtol=1e-9)


@settings(max_examples=60, deadline=None)
@given(world=worlds())
def test_guard_without_thresholds_is_the_identity(world: dict[str, Any]) -> None:
    off, none = simulate(**{**world, "guard": Guard()}), simulate(**{**world, "guard": None})
    for name in off.names():
        np.testing.assert_array_equal(getattr(off, name), getattr(none, name), err_msg=name)


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), guard=guards, cooldown=st.one_of(st.just(Cooldown()), cooldowns))
def test_guards_never_raise_exposure(seed: int, guard: Guard, cooldown: Cooldown) -> None:
    # Two sets of accounts step side by side; before each step the unguarded ones are put in the guarded ones' state.
    returns, targets, _ = market(seed, batch=3)
    bars = np.zeros(3, dtype=np.int64)
    guarded, free = (
        Accounts(returns[0], Rules(guard=g, cooldown=cooldown, reward=Reward(0.001)), 3, periods_per_year=252)
        for g in (guard, Guard())
    )
    guarded.reset(bars), free.reset(bars)
    for k in range(targets.shape[1]):
        for name in ("weights", "value", "peak", "cooldown_long", "cooldown_short"):
            getattr(free, name)[:] = getattr(guarded, name)
        with_guard, without = guarded.step(targets[:, k]), free.step(targets[:, k])
        assert (np.abs(with_guard.executed_weights) <= np.abs(without.executed_weights) + 1e-15).all()
        assert (with_guard.turnover_penalty >= without.turnover_penalty).all()
        assert (with_guard.probe_weight <= without.probe_weight).all()


@settings(max_examples=60, deadline=None)
@given(world=worlds())
def test_books_add_up(world: dict[str, Any]) -> None:
    ledger = simulate(**world)
    if world["accounting"] == "exact":
        net = (1 + ledger.gross_return) * (1 - ledger.trading_cost) * (1 - ledger.financing_cost) - 1
    else:
        net = ledger.gross_return - ledger.trading_cost - ledger.financing_cost
    whole = ledger.value > 1e-7
    np.testing.assert_allclose(ledger.net_return[whole], net[whole], atol=1e-12)
    grown = np.cumprod(1 + ledger.net_return, axis=1)
    np.testing.assert_allclose(ledger.value[whole], grown[whole], rtol=1e-9)
    peak = np.maximum.accumulate(np.maximum(ledger.value, 1.0), axis=1)
    np.testing.assert_allclose(ledger.drawdown, 1 - ledger.value / peak, atol=1e-12)
    limit = world["limits"]
    for cap, exposure in (
        (limit.intraday_gross, ledger.gross_exposure),
        (limit.closing_gross, ledger.closing_gross_exposure),
    ):
        assert cap is None or (exposure <= cap + 1e-9).all()


@pytest.mark.parametrize("accounting", ["exact", "additive"])
@pytest.mark.parametrize("guard", [None, Guard(0.01, 0.6, 4, -0.01, 0.01, 0.9, 0.01)])
def test_gradients_match_finite_differences(accounting: str, guard: Guard | None) -> None:
    torch.manual_seed(0)
    returns = 0.02 * torch.randn(2, 6, 3, dtype=torch.float64)
    targets = (0.3 * torch.randn(2, 6, 3, dtype=torch.float64)).requires_grad_()

    def final_value(x: torch.Tensor) -> torch.Tensor:
        ledger = simulate(
            returns,
            x,
            costs=Costs(20, margin_annual=0.1, short_borrow_annual=0.05),
            limits=Limits(intraday_gross=0.9, closing_gross=0.8, base_gross=0.5),
            guard=guard,
            cooldown=Cooldown(2, 0.05, 0.1),
            reward=Reward(0.002, 0.1),
            accounting=accounting,
        )
        return torch.stack((ledger.value[:, -1].sum(), ledger.reward.sum()))

    assert torch.autograd.gradcheck(final_value, (targets,), eps=1e-7, atol=1e-5)


def test_smoothed_cost_tends_to_the_exact_cost() -> None:
    returns, targets, _ = market(9)
    exact = simulate(returns, targets, costs=Costs(50)).value
    smooth = [simulate(returns, targets, costs=Costs(50), smooth_epsilon=e).value for e in (1e-2, 1e-4, 1e-6)]
    gaps = [np.abs(value - exact).max() for value in smooth]
    assert gaps[0] > 50 * gaps[1] > 2500 * gaps[2] > 0
