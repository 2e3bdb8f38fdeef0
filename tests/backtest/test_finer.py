"""Bars of a finer frequency show which of two prices came first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlx.backtest.finer import finer_bars
from rlx.backtest.joined import join
from rlx.backtest.outcome import Outcome, Trading, play
from rlx.backtest.settings import StrategySettings
from rlx.backtest.strategies import STRATEGIES
from rlx.data.panel import MarketPanel
from rlx.errors import ConfigError, DataError
from rlx.sim.rules import Costs
from tests.backtest.worked_example import make_panel, make_rows

DAILY = [[100, 101, 99, 100], [100, 104, 97, 101]]
FORECAST = [[101, 103, 98, 0.01]]  # buys at 98, leaves at 103
LOW_FIRST = [[100, 101, 97, 99], [99, 104, 99, 102], [102, 102, 101, 101]]
HIGH_FIRST = [[100, 104, 99, 101], [101, 101, 97, 99], [99, 101, 99, 101]]
SAME_BAR = [[100, 104, 97, 102], [102, 102, 101, 102], [102, 102, 101, 101]]


def hourly(*days: Any, start: str = "2025-01-06T14") -> MarketPanel:
    """Return three hourly bars of X for each day, from 14:00 on."""
    prices = np.concatenate([np.asarray(day, dtype=float) for day in days])
    stamps = np.concatenate(
        [np.datetime64(start) + np.timedelta64(24 * day, "h") + np.arange(3) for day in range(len(days))]
    )
    fields = {name: prices[:, [column]] for column, name in enumerate(("open", "high", "low", "close"))}
    return MarketPanel(("X",), stamps, frequency="1h", **fields)


def played(finer: MarketPanel, name: str = "maxdiff", forecast: Any = FORECAST, daily: Any = DAILY) -> Outcome:
    joined = join(make_rows(forecast, daily), make_panel(daily))
    settings = StrategySettings(both_touch="finer")
    return play(STRATEGIES[name], Trading(joined, settings, Costs(), 252, finer_bars(joined, finer, "1D")))


FIRST_DAY = [[100, 101, 99, 100]] * 3


@pytest.mark.parametrize(("day", "exit", "ambiguous"), [(LOW_FIRST, 103, 0), (HIGH_FIRST, 101, 0), (SAME_BAR, 101, 1)])
def test_the_order_within_the_day_decides(day: Any, exit: float, ambiguous: int) -> None:
    found = played(hourly(FIRST_DAY, day))
    assert (found.fills[0].entry[0, 0], found.fills[0].exit[0, 0]) == (98, exit)
    assert found.counts["ambiguous"].tolist() == [ambiguous]
    assert found.counts["without_finer"].tolist() == [0]


def test_a_target_behind_a_gap_between_finer_bars_is_left_at_the_better_open() -> None:
    found = played(hourly(FIRST_DAY, [[100, 100, 97, 98.5], [103.5, 104, 99, 100], [100, 101, 100, 101]]))
    assert found.fills[0].exit[0, 0] == 103.5


def test_an_entry_behind_a_gap_between_finer_bars_is_filled_at_the_better_open() -> None:
    found = played(hourly(FIRST_DAY, [[100, 104, 99, 99], [97.5, 98, 97, 98], [98, 101, 98, 101]]))
    assert found.fills[0].entry[0, 0] == 97.5
    assert found.counts["gap"].tolist() == [1]


@pytest.mark.parametrize(
    "without",
    [hourly(FIRST_DAY), hourly(FIRST_DAY, np.array(HIGH_FIRST) / 2), hourly(FIRST_DAY, [[100, 101, 99, 101]] * 3)],
)
def test_a_day_without_bars_of_its_range_is_pessimistic_and_counted(without: MarketPanel) -> None:
    found = played(without)
    assert found.fills[0].exit[0, 0] == 101
    assert found.counts["without_finer"].tolist() == [1]
    assert found.counts["ambiguous"].tolist() == [1]


def test_orders_at_the_open_are_filled_at_the_first_finer_open() -> None:
    found = played(hourly(FIRST_DAY, HIGH_FIRST), "entry_takeprofit")
    assert (found.fills[0].entry[0, 0], found.fills[0].exit[0, 0]) == (100, 103)


def random_days(seed: int, days: int = 300) -> tuple[np.ndarray, MarketPanel]:
    """Return daily bars and the hourly bars that they consist of."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 0.004, (days, 3, 20))
    path = 100 * np.exp(np.cumsum(steps.ravel()).reshape(steps.shape))
    fine = np.stack([path[..., 0], path.max(-1), path.min(-1), path[..., -1]], axis=-1)
    coarse = np.stack([fine[:, 0, 0], fine[..., 1].max(1), fine[..., 2].min(1), fine[:, -1, 3]], axis=-1)
    return coarse, hourly(*fine)


@pytest.mark.parametrize("name", [name for name in STRATEGIES if "maxdiff" in name or "pct" in name])
def test_finer_bars_are_never_worse_than_pessimistic(name: str) -> None:
    daily, finer = random_days(3)
    rng = np.random.default_rng(4)
    last = daily[:-1, 3:]
    ends = last * np.exp(np.abs(rng.normal(0, 0.01, (len(last), 2))) * [1, -1])
    found = played(finer, name, np.concatenate([last * 1.001, ends, 0 * last], axis=1), daily)
    assert found.counts["without_finer"].tolist() == [0]
    assert (found.ledger.net_return >= found.bounds["pessimistic"] - 1e-12).all()
    if found.counts["ambiguous"][0]:
        assert (found.ledger.net_return > found.bounds["pessimistic"] + 1e-12).any()


def test_unusable_finer_data() -> None:
    joined = join(make_rows(FORECAST, DAILY), make_panel(DAILY))
    with pytest.raises(ConfigError, match="both_touch=finer: needs bars of a finer frequency"):
        Trading(joined, StrategySettings(both_touch="finer"), Costs(), 252)
    with pytest.raises(DataError, match="1D bars, which are not finer than 1D"):
        finer_bars(joined, make_panel(DAILY), "1D")
    other = hourly(FIRST_DAY)
    renamed = MarketPanel(("Y",), other.timestamps, other.close, other.open, other.high, other.low)
    with pytest.raises(DataError, match=r"none of the symbols \(X\)"):
        finer_bars(joined, renamed, "1D")
