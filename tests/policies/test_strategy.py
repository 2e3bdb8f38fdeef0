"""Strategies on forecasts as policies."""

from __future__ import annotations

import numpy as np
import pytest

from rlx.backtest.joined import join
from rlx.backtest.settings import StrategySettings
from rlx.backtest.strategies import STRATEGIES, Held
from rlx.data.market import Market
from rlx.data.sources import sample
from rlx.errors import ConfigError
from rlx.forecast.block_bootstrap import BlockBootstrapConfig
from rlx.forecast.features import ForecastOutlook
from rlx.forecast.rows import forecast_rows
from rlx.policies.strategy import StrategyPolicy
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
    policy = StrategyPolicy(name)
    policy.bind(traded)
    rows = forecast_rows(ForecastOutlook.of(FEW).forecaster, traded, np.arange(traded.n_bars))
    positions = STRATEGIES[name].positions(join(rows, traded.panel), StrategySettings())  # type: ignore[union-attr]
    for bar in (5, 100, 200):
        np.testing.assert_array_equal(policy.act(observe(traded, [bar], policy))[0], positions[bar] / 3)
    if STRATEGIES[name].needs:
        assert not policy.act(observe(traded, [5], policy)).any()  # before the first forecast
        assert policy.describe()["forecast_missing"] == 60 * 3


def test_a_strategy_is_a_policy_that_does_not_look_ahead() -> None:
    check_policy(StrategyPolicy("unprofit_shutdown"), market(("SPY", "AAPL")))


def test_strategies_that_weights_cannot_express_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"maxdiff: it is flat at every close.*rlx backtest strategies=\[maxdiff\]"):
        StrategyPolicy("maxdiff")
    with pytest.raises(ConfigError, match=r"policy.strategy: unknown strategy 'simpel'.*Did you mean 'simple'\?"):
        StrategyPolicy("simpel")


def test_a_strategy_needs_a_forecaster() -> None:
    with pytest.raises(ConfigError, match="needs a forecaster"):
        StrategyPolicy().bind(Market(sample("daily9", ("SPY",), "2019-01", "2019-06")))
