"""Accounts of several symbols: their own costs, their average, and ruin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rlx.backtest.forecast_error import forecast_error
from rlx.backtest.joined import Joined, Ohlc, join
from rlx.backtest.measured import with_average
from rlx.backtest.outcome import Trading, play
from rlx.backtest.strategies import STRATEGIES
from rlx.backtest.strategy_document import comparability_key
from rlx.sim.rules import Costs
from tests.backtest.worked_example import make_panel, make_rows, trading


def twice(one: Joined) -> Joined:
    """Return the joined rows and bars of X for X and Y."""

    def doubled(bars: Ohlc) -> Ohlc:
        return Ohlc(*(np.repeat(price, 2, axis=1) for price in bars))

    forecasts = {name: np.repeat(getattr(one, name), 2, axis=1) for name in ("close", "high", "low", "band")}
    crypto = np.repeat(one.crypto, 2)
    return replace(
        one, symbols=("X", "Y"), crypto=crypto, before=doubled(one.before), traded=doubled(one.traded), **forecasts
    )


def two(**settings: object) -> Trading:
    one = trading(**settings)  # type: ignore[arg-type]
    return replace(one, joined=twice(one.joined), costs=Costs(per_asset_bps={"X": 10.0, "Y": 40.0}))


def test_a_symbol_traded_alone_has_its_own_costs() -> None:
    both = two()
    whole = play(STRATEGIES["maxdiff"], both).ledger.net_return
    for column in range(2):
        alone = play(STRATEGIES["maxdiff"], both.symbol(column)).ledger.net_return
        np.testing.assert_array_equal(alone[0], whole[column])
    assert (whole[0] >= whole[1]).all() and (whole[0] > whole[1]).any()


def test_a_ruined_account_trades_no_more() -> None:
    # sold short at 100, closed at 240: more than everything is lost on the second bar
    bars = [[100, 101, 99, 100], [100, 101, 99, 100], [100, 240, 99, 240], [240, 241, 120, 120], [120, 121, 60, 60]]
    rows = make_rows([[99, 101, 90, 0.0]] * 4, bars)
    rows = replace(rows, high=np.full((4, 1), 0.001), low=np.full((4, 1), -0.9), close=np.full((4, 1), -0.05))
    ledger = play(STRATEGIES["high_low"], replace(trading(), joined=join(rows, make_panel(bars)))).ledger.select(0)
    assert ledger.ruined.tolist() == [False, True, True, True]
    assert not ledger.net_return[2:].any() and not ledger.turnover[2:].any()


def test_the_average_is_an_account_of_its_own() -> None:
    averaged = with_average(play(STRATEGIES["maxdiff"], two())).ledger
    np.testing.assert_allclose(averaged.reward[2], np.log1p(averaged.net_return[:2].mean(axis=0)), atol=1e-15)
    assert averaged.ruined.dtype == np.bool_ and not averaged.ruined.any()


def test_its_forecast_error_is_that_of_all_symbols() -> None:
    joined = two().joined
    moved = replace(joined, close=joined.close + np.array([0.0, 0.02]))
    each = [forecast_error(moved, slice(column, column + 1))["close"]["mae"] for column in range(2)]
    pooled = forecast_error(moved, slice(None))["close"]
    np.testing.assert_allclose(pooled["mae"], np.mean(each))
    assert pooled["bars"] == 10 and each[0] != each[1]


def test_results_on_other_finer_bars_are_not_compared() -> None:
    data = {"fingerprint": "a", "first": "b", "last": "c", "bars": 5, "symbols": ["X"], "finer_fingerprint": None}
    keys = {comparability_key(data | {"finer_fingerprint": one}, Costs(), "finer") for one in ("1", "2")}
    assert len(keys) == 2
