"""Which plan is carried out on which day."""

from __future__ import annotations

import numpy as np
import pytest

from rlx.backtest.bars import day_bars
from rlx.backtest.plan import Plan
from rlx.backtest.schedule import schedule
from rlx.data.panel import MarketPanel
from rlx.data.sources import sample
from rlx.errors import PlanError
from tests.backtest.by_hand import make_plan, order

# Monday to Wednesday, Friday, Monday
DAYS = np.array(["2025-01-06", "2025-01-07", "2025-01-08", "2025-01-10", "2025-01-13"], dtype="datetime64[D]")


def plan(day: str) -> Plan:
    return make_plan(order("X", "buy", 1), day=day)


def test_a_plan_waits_for_the_next_day_of_trading() -> None:
    found = schedule([plan("2025-01-06"), plan("2025-01-09")], ["X"], DAYS)
    assert found.days == [0, 3]
    assert found.moved == ("plan.json from 2025-01-09 to 2025-01-10",)
    assert found.superseded == found.outside == ()


def test_the_last_of_several_plans_for_a_day_is_carried_out() -> None:
    plans = [plan("2025-01-11"), plan("2025-01-12"), plan("2025-01-13")]
    found = schedule(plans, ["X"], DAYS)
    assert found.by_day == {4: plans[2]}
    assert len(found.superseded) == len(found.moved) == 2


def test_plans_outside_the_market_are_left_out_and_told() -> None:
    found = schedule([plan("2025-01-05"), plan("2025-01-07"), plan("2025-01-14")], ["X"], DAYS)
    assert found.days == [1] and len(found.outside) == 2
    with pytest.raises(
        PlanError, match="for 2024-01-05 to 2024-01-06, the market runs from 2025-01-06 to 2025-01-13: no"
    ):
        schedule([plan("2024-01-05"), plan("2024-01-06")], ["X"], DAYS)


def test_unknown_symbols_are_refused_with_the_nearest() -> None:
    with pytest.raises(
        PlanError, match=r"instruction 1: symbol 'X' is not a symbol of this market \(XX, Y\). Did you mean 'XX'"
    ):
        schedule([plan("2025-01-06")], ["XX", "Y"], DAYS)
    with pytest.raises(PlanError, match="stop_trading_symbols: 'Z' is not a symbol"):
        schedule([make_plan(order("X", "hold"), stop=("Z",))], ["X"], DAYS)


def test_bars_are_never_made_up() -> None:
    closes = np.full((5, 1), 10.0)
    stamps = DAYS.astype("datetime64[ns]")
    with pytest.raises(PlanError, match=r"prices has no open, high, low: .* not invented"):
        day_bars(MarketPanel(("X",), stamps, closes, source="prices"))
    with pytest.raises(PlanError, match="has no high: "):
        day_bars(MarketPanel(("X",), stamps, closes, open=closes, low=closes))
    with pytest.raises(PlanError, match="has 1h bars: a plan names days"):
        day_bars(sample("hourly5"))
