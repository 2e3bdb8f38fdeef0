"""Every strategy on five bars that were worked out by hand, and what it does where forecasts are missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rlx.backtest.strategies import STRATEGIES, Held, chosen
from rlx.errors import ConfigError
from tests.backtest.worked_example import make_rows, outcome

HELD = {
    "simple": ([1, 1, -1, 1, 1], [0.01898102, -0.03921569, 0.01836939, 0.03962704, 0.03], 1.06760875),
    "all_signals": ([0, 1, -1, 0, 1], [0, -0.04017551, 0.01836939, -0.00096, 0.02897103], 1.00480824),
    "long_when_up": ([1, 1, 0, 1, 1], [0.01898102, -0.03921569, -0.001, 0.04062604, 0.03], 1.04830921),
    "buy_and_hold": ([1, 1, 1, 1, 1], [0.01898102, -0.03921569, -0.02040816, 0.04166667, 0.03], 1.02897103),
    "unprofit_shutdown": ([1, 1, 0, 1, 1], [0.01898102, -0.03921569, -0.001, 0.04062604, 0.03], 1.04830921),
    "ci_guard": ([1, 0, -1, 0, 1], [0.01898102, -0.001, 0.01938877, -0.00096, 0.02897103], 1.06673723),
}
SAME_FILLS = [0.02824448, -0.03164163, 0.02338271, 0, 0.02282792]
LIMITS = {
    "entry_takeprofit": ([0.01796204, -0.04113534, 0.00831128, 0.00314634, 0.02270502], 1.00971359),
    "high_low": (SAME_FILLS, 1.04225299),
    "maxdiff": (SAME_FILLS, 1.04225299),
    "maxdiff_eod": (SAME_FILLS, 1.04225299),
    "maxdiff_always_on": ([0.01312324, -0.01582081, 0.01069235, -0.01381951, 0.01283042], 1.00658064),
    "maxdiff_always_on_eod": ([0.01312324, -0.01582081, 0.01069235, -0.01381951, 0.01283042], 1.00658064),
    "pctdiff": ([0.01796204, -0.03164163, 0.01800200, 0, 0.01796204], 1.02152243),
}
NAN = float("nan")


def test_every_strategy_has_a_worked_example() -> None:
    assert set(HELD) | set(LIMITS) == set(STRATEGIES)


@pytest.mark.parametrize("name", HELD)
def test_strategies_that_hold(name: str) -> None:
    positions, net, value = HELD[name]
    found = outcome(name)
    assert found.positions is not None and found.positions[:, 0].tolist() == positions
    np.testing.assert_allclose(found.ledger.net_return[0], net, atol=5e-9)
    assert found.ledger.value[0, -1] == pytest.approx(value, abs=5e-9)
    assert found.counts["entered"].tolist() == [np.count_nonzero(positions)]


@pytest.mark.parametrize("name", LIMITS)
def test_strategies_with_limits(name: str) -> None:
    net, value = LIMITS[name]
    ledger = outcome(name).ledger
    np.testing.assert_allclose(ledger.net_return[0], net, atol=5e-9)
    assert ledger.value[0, -1] == pytest.approx(value, abs=5e-9)
    np.testing.assert_allclose(ledger.net_return, ledger.gross_return - ledger.trading_cost, atol=1e-15)


def test_the_optimistic_bound_leaves_at_the_target_that_was_touched() -> None:
    found = outcome("maxdiff")
    np.testing.assert_allclose(found.bounds["pessimistic"][0], SAME_FILLS, atol=5e-9)
    np.testing.assert_allclose(found.bounds["optimistic"][0], [*SAME_FILLS[:4], 0.02779310], atol=5e-9)
    optimistic = outcome("maxdiff", both_touch="optimistic")
    assert optimistic.ledger.value[0, -1] == pytest.approx(1.04731247, abs=5e-9)
    assert optimistic.counts["ambiguous"].tolist() == [1]


def test_entries_exits_and_counts_of_maxdiff() -> None:
    found = outcome("maxdiff")
    np.testing.assert_allclose(found.fills[0].entry[:, 0], [99, 101, 98.5, NAN, 100.5])
    np.testing.assert_allclose(found.fills[0].exit[:, 0], [102, 98, 96, NAN, 103])
    counted = {name: int(count[0]) for name, count in found.counts.items()}
    assert counted == {
        "bars": 5,
        "entered": 4,
        "target": 2,
        "ambiguous": 1,
        "gap": 0,
        "forecast_missing": 0,
        "invalid_forecast": 0,
    }


def test_both_sides_of_maxdiff_always_on_are_counted() -> None:
    found = outcome("maxdiff_always_on")
    np.testing.assert_allclose(found.fills[1].entry[:, 0], [102, NAN, 98.5, 97.5, 103.5])
    np.testing.assert_allclose(found.fills[1].exit[:, 0], [102, NAN, 96, 100, 103])
    assert (found.counts["entered"].tolist(), found.counts["ambiguous"].tolist()) == ([8], [4])


def test_turnover_and_cost_are_of_the_value_traded_on_both_sides() -> None:
    # Bar 1: 1 / (99 x 1.001) bought at 99 and sold at 102, at 10 bps of each.
    ledger = outcome("maxdiff").ledger
    assert ledger.turnover[0, 0] == pytest.approx((99 + 102) / (99 * 1.001))
    assert ledger.trading_cost[0, 0] == pytest.approx(0.001 * (99 + 102) / (99 * 1.001))
    assert ledger.turnover[0, 3] == 0.0


@pytest.mark.parametrize("name", STRATEGIES)
def test_crypto_is_never_short(name: str) -> None:
    found = outcome(name, crypto=True)
    if found.positions is not None:
        assert found.positions.min() >= 0.0
    assert not any((one.side < 0.0).any() for one in found.orders)


def test_simple_on_crypto_is_long_when_up() -> None:
    assert outcome("simple", crypto=True).ledger.value[0, -1] == pytest.approx(1.04830921, abs=5e-9)


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_missing_forecast_is_flat_and_counted(name: str) -> None:
    rows = make_rows()
    for field in ("close", "high", "low", "band"):
        getattr(rows, field)[1] = NAN
    found = outcome(name, rows=rows)
    needs = bool(STRATEGIES[name].needs)
    assert found.counts["forecast_missing"].tolist() == [int(needs)]
    if isinstance(STRATEGIES[name], Held):
        assert found.positions is not None and (found.positions[1, 0] == 0.0) == needs
    else:
        assert found.ledger.net_return[0, 1] == 0.0
        np.testing.assert_allclose(np.delete(found.ledger.net_return[0], 1), np.delete(LIMITS[name][0], 1), atol=5e-9)


@pytest.mark.parametrize("name", LIMITS)
def test_a_forecast_high_below_the_low_is_counted_and_not_traded(name: str) -> None:
    rows = make_rows()
    swapped = replace(rows, high=rows.high.copy(), low=rows.low.copy())
    swapped.high[2], swapped.low[2] = rows.low[2], rows.high[2]
    found = outcome(name, rows=swapped)
    assert found.counts["invalid_forecast"].tolist() == [1]
    assert found.ledger.turnover[0, 2] == 0.0


def test_no_forecast_move_is_flat() -> None:
    rows = make_rows()
    rows.close[:] = 0.0
    assert not outcome("simple", rows=rows).positions.any()  # type: ignore[union-attr]


def test_rows_one_bar_late_are_another_result() -> None:
    shifted = make_rows()
    for field in ("close", "high", "low", "band"):
        values = getattr(shifted, field)
        values[1:] = values[:-1].copy()
    for name in set(STRATEGIES) - {"buy_and_hold", "long_when_up", "unprofit_shutdown"}:
        assert not np.allclose(outcome(name).ledger.net_return, outcome(name, rows=shifted).ledger.net_return), name


def test_an_unknown_strategy_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown strategy 'maxdif'.* Did you mean 'maxdiff'\?"):
        chosen(["maxdif"])
