"""Strategies on forecasts as policies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rlx.audit.audit import AuditOptions, audit
from rlx.backtest.joined import join
from rlx.backtest.outcome import Trading, play
from rlx.backtest.settings import StrategySettings
from rlx.backtest.strategies import STRATEGIES, Held, Limit
from rlx.data.market import Market
from rlx.data.sources import sample
from rlx.data.splits import Span
from rlx.errors import ConfigError, DataError
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.windows import holdout_windows
from rlx.forecast.block_bootstrap import BlockBootstrapConfig
from rlx.forecast.features import ForecastOutlook
from rlx.forecast.rows import forecast_rows
from rlx.policies.strategy import OrderPolicy, make_strategy
from rlx.sim import Costs, Limits, Rules
from rlx.testing import check_policy
from tests.policies.acting import observe

FEW = BlockBootstrapConfig(n_samples=16, lookback_bars=60)


@pytest.fixture(autouse=True)
def no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLX_CACHE", "off")


def market(symbols: tuple[str, ...] = ("SPY", "AAPL", "IBM")) -> Market:
    return Market(sample("daily9", symbols, "2019-01", "2020-03"), ForecastOutlook.of(FEW))


@pytest.mark.parametrize("name", [name for name, one in STRATEGIES.items() if isinstance(one, Held)])
def test_weights_are_the_positions_of_the_strategy(name: str) -> None:
    traded = market()
    assert traded.outlook is not None
    policy = make_strategy(name)
    policy.bind(traded)
    rows = forecast_rows(ForecastOutlook.of(FEW).forecaster, traded, np.arange(traded.n_bars))
    positions = STRATEGIES[name].positions(join(rows, traded.panel), StrategySettings())  # type: ignore[union-attr]
    for bar in (5, 100, 200):
        np.testing.assert_array_equal(policy.act(observe(traded, [bar], policy))[0], positions[bar] / 3)
    if STRATEGIES[name].needs:
        assert not policy.act(observe(traded, [5], policy)).any()  # before the first forecast
        assert policy.describe()["forecast_missing"] == 60 * 3


def test_a_strategy_is_a_policy_that_does_not_look_ahead() -> None:
    check_policy(make_strategy("unprofit_shutdown"), market(("SPY", "AAPL")))


@pytest.mark.parametrize(
    "name", [name for name, one in STRATEGIES.items() if isinstance(one, Limit) and not one.both_sides]
)
def test_judged_orders_earn_what_their_backtest_earns(name: str) -> None:
    traded, costs = market(("SPY",)), Costs(commission_bps=5)
    policy = make_strategy(name)
    assert isinstance(policy, OrderPolicy)
    windows = [holdout_windows(Span(70, traded.n_bars - 1))]
    rules = Rules(costs=costs, limits=Limits(long_only=False))
    judged = evaluate(policy, traded, windows, rules).sets["holdout"].ledger.select(0)

    rows = forecast_rows(ForecastOutlook.of(FEW).forecaster, traded, np.arange(traded.n_bars))
    trading = Trading(join(rows, traded.panel), StrategySettings(), costs, traded.periods_per_year)
    backtest = play(STRATEGIES[name], trading)
    longs = backtest.orders[0].side[70:, 0] >= 0.0
    net = backtest.ledger.net_return[0, 70:]
    np.testing.assert_allclose(judged.net_return[longs], net[longs], atol=1e-12)
    # costs of closing a short are on the value entered in the simulator, and on the value closed in a backtest
    moves = np.abs(policy.trips().returns[70:, 0])
    assert (np.abs(judged.net_return - net) <= 2.0 * 5e-4 * moves + 1e-12).all()
    assert (judged.net_return != 0.0).sum() > 50 and not judged.closing_weights.any()


def test_orders_do_not_look_ahead_and_their_fills_may() -> None:
    policy, traded = make_strategy("maxdiff"), market(("SPY", "AAPL"))
    rules = Rules(costs=Costs(commission_bps=5), limits=Limits(long_only=False))
    options = AuditOptions(dates=4, permutations=0, seed=0)
    assert audit(policy, traded, Span(100, 200), rules, (), options)["passed"]


def test_tuned_orders_use_the_costs_of_the_evaluation() -> None:
    decided = []
    for bps in (0.0, 500.0):
        policy, traded = make_strategy("maxdiff", tune="past"), market(("SPY",))
        assert isinstance(policy, OrderPolicy)
        policy.charge(Costs(commission_bps=bps))
        policy.bind(traded)
        decided.append(policy.trips().filled)
    assert decided[0].sum() > decided[1].sum()  # at 5% a side, the best limits are those that are not filled


def test_what_a_policy_cannot_trade_is_refused() -> None:
    refused = r"maxdiff_always_on: it trades both sides.*rlx backtest strategies=\[maxdiff_always_on\]"
    with pytest.raises(ConfigError, match=refused):
        make_strategy("maxdiff_always_on")
    with pytest.raises(ConfigError, match=r"policy.strategy: unknown strategy 'simpel'.*Did you mean 'simple'\?"):
        make_strategy("simpel")
    with pytest.raises(ConfigError, match="both_touch"):
        make_strategy("maxdiff", both_touch="finer")
    closes = market(("SPY",)).panel
    bare = Market(replace(closes, open=None, high=None, low=None), ForecastOutlook.of(FEW))
    with pytest.raises(DataError, match="has no open, high, low"):
        make_strategy("maxdiff").bind(bare)


def test_a_strategy_needs_a_forecaster() -> None:
    with pytest.raises(ConfigError, match="needs a forecaster"):
        make_strategy().bind(Market(sample("daily9", ("SPY",), "2019-01", "2019-06")))
