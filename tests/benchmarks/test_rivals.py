"""The rivals of the benchmark do what is said of them, and a missing one is a line and not a crash."""

from __future__ import annotations

import importlib
import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rivals

from rlx.sim import Limits, simulate

FEE = 0.001


def _need(module: str) -> Any:
    if why := rivals.missing(module):
        pytest.skip(why)
    return importlib.import_module(module)


def _flat_bars(steps: int = 10) -> pd.DataFrame:
    stamps = pd.date_range("2020-01-01", periods=steps, freq="h")
    columns = dict.fromkeys(("open", "high", "low", "close", "Close", "features_0"), 100.0)
    return pd.DataFrame(columns | {"volume": 1.0}, index=stamps)


def _shares_before_fees(returns: np.ndarray, targets: np.ndarray, cost: float) -> float:
    """Hold shares of the equity before fees and pay the fees from cash: what vectorbt means by a target weight."""
    held, cash = np.zeros(returns.shape[1]), 1.0
    for weights, earned in zip(targets, returns, strict=True):
        wanted = weights * (cash + held.sum())
        cash -= (wanted - held).sum() + cost * np.abs(wanted - held).sum()
        held = wanted * (1.0 + earned)
    return float(cash + held.sum())


def test_what_is_not_installed_is_a_line_that_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    rivals.missing.cache_clear()
    for rival in (*rivals.REPLAYERS, *rivals.STEPPERS):
        monkeypatch.setitem(sys.modules, rival.module, None)  # importing it raises ImportError
    assert rivals.replay_rivals() == rivals.stepping_rivals() == []
    lines = rivals.skipped()
    assert len(lines) == 5
    assert all("--extra bench" in line for line in lines)
    assert lines[0].startswith("vectorbt: skipped, import of vectorbt halted")
    rivals.missing.cache_clear()


@pytest.mark.slow  # vectorbt alone takes seconds to import
def test_everything_is_measured_or_skipped() -> None:
    filters = list(warnings.filters)
    here = {rival.package for rival in (*rivals.replay_rivals(), *rivals.stepping_rivals())}
    absent = {line.split(":")[0] for line in rivals.skipped()}
    assert here | absent == {"vectorbt", "vectorbt-rust", "gym-anytrading", "gym-trading-env", "torchtrade"}
    assert not here & absent
    assert warnings.filters == filters, "gym-trading-env makes every later warning an error"


@pytest.mark.slow
def test_vectorbt_agrees_without_costs_and_nearly_with_them() -> None:
    _need("vectorbt")
    assert rivals.vectorbt_gap(cost_bps=0.0) < 1e-9
    assert 1e-6 < rivals.vectorbt_gap(cost_bps=1.0) < 1e-4
    assert rivals.vectorbt_gap(cost_bps=10.0) < 2e-3  # 2,500 steps that each turn over 80% of the equity


@pytest.mark.slow
@pytest.mark.parametrize(("module", "engine"), [("vectorbt", "numba"), ("vectorbt_rust", "rust")])
def test_vectorbt_holds_shares_of_the_equity_before_fees(module: str, engine: str) -> None:
    _need(module)
    returns, targets = rivals.long_only_market(250, 5)
    values = rivals.prepare_vectorbt(returns, targets[None], 10.0, engine=engine)()
    np.testing.assert_allclose(values, [_shares_before_fees(returns, targets, FEE)], rtol=1e-10)


@pytest.mark.slow
def test_vectorbt_replays_many_paths_on_shared_and_on_own_returns() -> None:
    _need("vectorbt")
    n_paths = 2 * rivals.PATHS_AT_ONCE + 1  # a last portion of another width
    returns, targets = rivals.long_only_market(60 * n_paths, 3)
    own, paths = returns.reshape(n_paths, 60, 3), targets.reshape(n_paths, 60, 3)
    limits = Limits(intraday_gross=None, closing_gross=None)
    for market in (own, own[0]):
        values = rivals.prepare_vectorbt(market, paths, 0.0, engine="numba")()
        ours = simulate(np.broadcast_to(market, paths.shape), paths, limits=limits)
        np.testing.assert_allclose(values, ours.value[:, -1], rtol=1e-9)


@pytest.mark.parametrize("rival", rivals.STEPPERS, ids=lambda rival: rival.name)
def test_a_stepped_rival_trades_and_pays(rival: Any) -> None:
    _need(rival.module)
    work, steps = rival.prepare()
    first, again = np.atleast_1d(work()), np.atleast_1d(work())
    assert steps > 0 and rival.version and rival.does
    np.testing.assert_array_equal(first, again)
    assert np.isfinite(first).all() and (first > 0).all() and (first != 1.0).any()


def test_anytrading_has_fixed_fees_a_reward_without_them_and_no_shorts() -> None:
    envs = _need("gym_anytrading.envs")
    env = envs.StocksEnv(df=_flat_bars(), window_size=1, frame_bound=(1, 10))
    env.reset()
    rewards = [env.step(action)[1] for action in (1, 0)]
    assert rewards == [0.0, 0.0]
    assert env.unwrapped._total_profit == pytest.approx(0.995 * 0.99)

    falling = envs.StocksEnv(df=pd.DataFrame({"Close": np.linspace(100, 50, 10)}), window_size=1, frame_bound=(1, 10))
    falling.reset()
    outcomes = [falling.step(0) for _ in range(8)]  # 0 is Sell: it stays in its 'short'
    assert sum(outcome[1] for outcome in outcomes) == 0.0
    assert outcomes[-1][4]["total_profit"] == 1.0


def test_trading_env_charges_its_fee_but_not_at_the_start_and_interest_once() -> None:
    module = _need("gym_trading_env.environments")

    def values(actions: list[int], **settings: Any) -> list[float]:
        env = module.TradingEnv(df=_flat_bars(), positions=[-1, 0, 1], portfolio_initial_value=1, verbose=0, **settings)
        env.reset()
        return [float(env.step(action)[4]["portfolio_valuation"]) for action in actions]

    assert values([2, 1], initial_position=0, trading_fees=FEE) == pytest.approx([0.999, 0.999**2])
    assert values([2, 2], initial_position=1, trading_fees=FEE) == [1.0, 1.0]
    assert values([0, 0, 0], initial_position=0, borrow_interest_rate=0.01) == pytest.approx([0.99, 0.99, 0.99])


def test_torchtrade_charges_the_fee_it_is_given() -> None:
    torch = pytest.importorskip("torch")
    _need("torchtrade")
    env = rivals.torchtrade_env(_flat_bars().drop(columns="Close"), 2, transaction_fee=FEE, action_levels=[0, 1])
    data = env.reset()
    data["action"] = torch.tensor([0, 1])
    reward = env.step(data)["next"]["reward"][:, 0]
    np.testing.assert_allclose(reward.exp(), [1.0, 1 / 1.001], rtol=1e-6)
