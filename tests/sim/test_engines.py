"""The compiled engine and the torch engine are one behaviour."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings

from rlx.errors import ConfigError, DataError
from rlx.sim import Accounts, Cooldown, Costs, Guard, Ledger, Limits, Reward, Rules, simulate
from tests.sim.markets import market, worlds

torch.set_num_threads(1)


def assert_same(left: Ledger, right: Ledger, atol: float = 1e-9) -> None:
    for name in Ledger.names():
        a, b = getattr(left, name), getattr(right, name)
        assert a.shape == b.shape and a.dtype == b.dtype, name
        np.testing.assert_allclose(a.astype(float), b.astype(float), atol=atol, rtol=1e-9, err_msg=name)


@settings(max_examples=120, deadline=None)
@given(world=worlds())
def test_engines_agree_on_random_markets_and_rules(world: dict[str, Any]) -> None:
    assert_same(simulate(**world, engine="numba"), simulate(**world, engine="torch"))


def test_stepping_accounts_equals_replaying() -> None:
    returns, targets, overnight = market(7, batch=3, steps=30)
    rules = Rules(
        costs=Costs(5, 2, 1, margin_annual=0.065),
        limits=Limits(intraday_gross=1.2, closing_gross=1.05),
        guard=Guard(0.02, 0.6, 5, -0.01, 0.0075, 0.4, 0.002),
        cooldown=Cooldown(4, 0.05, 0.6),
        reward=Reward(0.001),
        execution="next_open",  # type: ignore[arg-type]
    )
    accounts = Accounts(returns[0], rules, 3, periods_per_year=252, overnight_returns=overnight[0])
    accounts.reset(np.array([0, 5, 9]))
    stepped = [accounts.step(targets[:, k]).ledger() for k in range(20)]
    for b, start in enumerate((0, 5, 9)):
        replayed = simulate(
            returns[0, start : start + 20],
            targets[b, :20],
            costs=rules.costs,
            limits=rules.limits,
            guard=rules.guard,
            cooldown=rules.cooldown,
            reward=rules.reward,
            execution="next_open",
            overnight_returns=overnight[0, start : start + 20],
        )
        for name in Ledger.names():
            np.testing.assert_array_equal([getattr(s, name)[b] for s in stepped], getattr(replayed, name), err_msg=name)


def test_reset_of_some_accounts_leaves_the_others_alone() -> None:
    returns, targets, _ = market(1, batch=3)
    accounts = Accounts(returns[0], Rules(guard=Guard(0.01)), 3, periods_per_year=252)
    accounts.reset(np.zeros(3, dtype=np.int64))
    for k in range(5):
        accounts.step(targets[:, k])
    before = accounts.value.copy()
    accounts.reset(np.array([2]), rows=np.array([1]))
    assert accounts.value[1] == 1.0 and accounts.bar.tolist() == [5, 2, 5] and accounts.steps.tolist() == [5, 0, 5]
    assert not accounts.weights[1].any() and accounts.trailing_return[1] == 0.0
    np.testing.assert_array_equal(accounts.value[[0, 2]], before[[0, 2]])


def test_trailing_return_of_accounts_is_what_the_next_step_decides_on() -> None:
    returns, targets, _ = market(3, batch=2)
    accounts = Accounts(
        returns[0], Rules(guard=Guard(window=4, negative_return_threshold=-0.5)), 2, periods_per_year=252
    )
    for k in range(12):
        before = accounts.trailing_return.copy()
        np.testing.assert_array_equal(accounts.step(targets[:, k]).trailing_return, before)


def test_tensors_in_tensors_out_in_their_own_type() -> None:
    returns, targets, _ = market(2)
    ledger = simulate(torch.tensor(returns, dtype=torch.float32), torch.tensor(targets, dtype=torch.float32))
    assert isinstance(ledger.value, torch.Tensor) and ledger.value.dtype is torch.float32
    assert ledger.drawdown_guard.dtype is torch.bool and ledger.cooldown_long.dtype is torch.int64
    assert simulate(returns.astype(np.float32), targets.astype(np.float32)).value.dtype == np.float32


def test_shared_returns_serve_a_batch_of_targets() -> None:
    returns, targets, _ = market(4, batch=3)
    shared = simulate(returns[0], targets)
    for b in range(3):
        np.testing.assert_array_equal(shared.value[b], simulate(returns[0], targets[b]).value)


@pytest.mark.parametrize("engine", ["numba", "torch"])
def test_weights_are_left_out_of_the_ledger_where_they_are_not_wanted(engine: str) -> None:
    returns, targets, _ = market(4, batch=3)
    whole, slim = (simulate(returns, targets, engine=engine, weights=kept) for kept in (True, False))
    assert slim.executed_weights is None and slim.closing_weights is None
    assert slim.select(0).numpy().closing_weights is None
    np.testing.assert_array_equal(slim.value, whole.value)


@pytest.mark.parametrize("limits", [Limits(long_only=True, max_weight=0.2), Limits(intraday_gross=None)])
def test_targets_that_are_not_finite_are_refused_whatever_the_limits_make_of_them(limits: Limits) -> None:
    returns, targets, _ = market(4, batch=3)
    for bad in (np.nan, np.inf, -np.inf):
        targets[2, 7, 1] = bad
        with pytest.raises(DataError, match=r"targets\[2, 7, 1\]"):
            simulate(returns, targets, limits=limits)


@pytest.mark.parametrize("n_assets", [1, 7, 8, 9, 17])
def test_the_width_of_vector_registers_shows_nowhere(n_assets: int) -> None:
    returns, targets, _ = market(6, batch=1, assets=n_assets)
    rules: dict[str, Any] = {"guard": Guard(0.02, 0.6, 5, -0.01), "cooldown": Cooldown(3), "costs": Costs(10)}
    compiled, defined = (simulate(returns[0], targets[0], engine=engine, **rules) for engine in ("numba", "torch"))
    assert compiled.executed_weights.shape == (40, n_assets)
    for name in compiled.names():
        np.testing.assert_allclose(getattr(compiled, name), getattr(defined, name), atol=1e-12, err_msg=name)


def test_a_market_that_does_not_fit_itself_is_refused() -> None:
    with pytest.raises(DataError, match=r"overnight_returns have shape \(5, 9\): must be \(5, 3\)"):
        Accounts(np.zeros((5, 3)), Rules(), 2, periods_per_year=252, overnight_returns=np.zeros((5, 9)))
    with pytest.raises(DataError, match=r"bars=\[0, -1\]: must be from 0 to 5"):
        Accounts(np.zeros((5, 3)), Rules(), 2, periods_per_year=252).reset(np.array([0, -1]))


def test_targets_of_another_market_are_refused() -> None:
    accounts = Accounts(np.zeros((5, 3)), Rules(), 2, periods_per_year=252)
    with pytest.raises(DataError, match=r"targets have shape \(2, 9\): must be \(any, 3\)"):
        accounts.step(np.zeros((2, 9)))
    with pytest.raises(DataError, match="accounts 0 to 3 cannot be stepped: there are 2"):
        accounts.step(np.zeros((3, 3)))


@pytest.mark.slow
def test_the_compiled_torch_step_is_the_eager_one() -> None:
    returns, targets, _ = market(8, batch=16)
    rules: dict[str, Any] = {"guard": Guard(0.02, 0.6, 5, -0.01), "cooldown": Cooldown(3), "costs": Costs(10)}
    asked = [torch.tensor(targets, requires_grad=True) for _ in range(2)]
    eager, compiled = (
        simulate(torch.tensor(returns), one, engine="torch", compile=mode, **rules)
        for one, mode in zip(asked, ("off", "default"), strict=True)
    )
    for name in eager.names():
        torch.testing.assert_close(getattr(compiled, name), getattr(eager, name), rtol=1e-7, atol=1e-12, msg=name)
    for ledger in (eager, compiled):
        ledger.reward.sum().backward()
    torch.testing.assert_close(asked[1].grad, asked[0].grad, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("engine", ["numba", "torch"])
def test_a_ruined_account_stops_trading_and_stays_ruined(engine: str) -> None:
    returns = np.array([[0.1, 0.0], [-1.0, 0.0], [0.5, 0.5], [0.5, 0.5]])
    ledger = simulate(returns, np.tile([1.0, 0.0], (4, 1)), engine=engine)
    assert ledger.ruined.tolist() == [False, True, True, True]
    assert ledger.value[1:].tolist() == [1e-8] * 3
    assert not ledger.executed_weights[2:].any() and not ledger.turnover[2:].any()
    assert np.isfinite(ledger.reward).all()


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"targets": np.zeros((3, 3))}, DataError, "must agree"),
        ({"returns": np.full((4, 2), np.nan)}, DataError, r"returns\[0, 0\]=nan"),
        ({"targets": np.zeros(4)}, DataError, r"\(T, A\)"),
        ({"returns": np.zeros((0, 2)), "targets": np.zeros((0, 2))}, DataError, "at least 1"),
        ({"engine": "numbas"}, ConfigError, "Did you mean 'numba'"),
        ({"accounting": "approximate"}, ConfigError, "exact, additive"),
        ({"execution": "next_open"}, DataError, "overnight_returns"),
        ({"asset_classes": ["crypto"]}, ConfigError, "1 classes for 2 assets"),
        ({"asset_classes": ["crypto", "equities"]}, ConfigError, "Did you mean 'equity'"),
        ({"costs": Costs(per_asset_bps=[1.0])}, ConfigError, "1 numbers for 2 assets"),
        ({"periods_per_year": 0}, ConfigError, "periods_per_year"),
        ({"engine": "numba", "smooth_epsilon": 1e-3}, ConfigError, "no gradients"),
        ({"compile": "of"}, ConfigError, "Did you mean 'off'"),
        ({"targets": np.array([[0.0, 0.1], [0.2, np.inf]] * 2)}, DataError, r"targets\[1, 1\]=inf"),
        ({"targets": np.array([[0.0, 0.1], [np.nan, 0.2]] * 2)}, DataError, r"targets\[1, 0\]=nan"),
    ],
)
def test_bad_input_is_refused_by_name(change: dict[str, Any], error: type[Exception], text: str) -> None:
    world: dict[str, Any] = {"returns": np.zeros((4, 2)), "targets": np.zeros((4, 2))}
    with pytest.raises(error, match=text):
        simulate(**{**world, **change})
