"""The same plan over bootstrapped days."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlx.backtest import monte_carlo as module
from rlx.backtest.bars import DayBars
from rlx.backtest.monte_carlo import Distribution, Resampling, monte_carlo
from rlx.backtest.plan import Plan, ReplaySettings
from rlx.backtest.replay import replay
from tests.backtest.by_hand import make_bars, make_plan, order, random_bars


def resampled(
    plans: dict[int, Plan], market: DayBars, first: int, last: int, paths: int = 200, seed: int = 0, **settings: Any
) -> Distribution:
    rates = dict.fromkeys(market.symbols, 0.0)
    chosen = ReplaySettings(initial_cash=10_000.0, **settings)
    books = replay(plans, market.between(first, last), chosen, rates)
    return monte_carlo(plans, market, first, books, chosen, rates, Resampling(paths, 3, seed))


def grown(days: int, factors: tuple[float, float, float, float], start: float = 100.0) -> DayBars:
    """Return bars that are all the same multiples of the close before."""
    rows, close = [], start
    for _ in range(days):
        rows.append(tuple(close * factor for factor in factors))
        close *= factors[3]
    return make_bars(X=rows)  # type: ignore[arg-type]


def test_where_all_days_are_alike_every_path_is_the_replay() -> None:
    # Every day opens 1% up, closes 2% up: a day trade of 10 from day 2 on, close before 100 x 1.02^2.
    market = grown(6, (1.01, 1.03, 0.99, 1.02))
    plan = make_plan(order("X", "buy", 10), order("X", "exit", None, "close"))
    found = resampled({0: plan}, market, 2, 3, paths=20)
    assert found.mean == pytest.approx(10 * 0.01 * 100 * 1.02**2)
    assert found.standard_deviation == pytest.approx(0.0, abs=1e-9)
    assert found.quantiles["p01"] == pytest.approx(found.quantiles["p99"])
    assert found.share_of_losses == 0.0 and found.days == 2


def test_prices_of_limits_go_along_with_the_market() -> None:
    # A limit 1% below the close before is touched on every path, wherever the path has gone by then.
    rng = np.random.default_rng(3)
    rows, close = [], 100.0
    for _ in range(40):
        end = close * float(rng.choice([0.8, 1.25]))
        rows.append((close, max(close, end), close * 0.99, end))
        close = end
    market = make_bars(X=[(o, h, min(low, c), c) for o, h, low, c in rows])
    before = market.close[9, 0]
    wanted = order("X", "buy", 1, entry_price=float(before * 0.995), exit_price=float(before * 1.2))
    found = resampled({5: make_plan(wanted)}, market, 5, 12, strategy="maxdiff")
    # In at 0.995 of the close before, out at 1.2 (days that end 25% up) or at 0.8 of it (the others).
    assert 0.2 < found.share_of_losses < 0.8
    assert found.quantiles["p95"] > 0 > found.quantiles["p05"]
    missing = resampled(
        {5: make_plan(wanted | {"entry_price": float(before * 0.5)})}, market, 5, 12, strategy="maxdiff"
    )
    assert missing.mean == missing.standard_deviation == 0.0


def test_the_seed_decides() -> None:
    market = random_bars(60, 1)
    plans = {0: make_plan(order("X", "buy", 10), order("Y", "sell", 5, "close")), 4: make_plan(order("X", "exit"))}
    first, again, other = (resampled(plans, market, 20, 30, seed=seed) for seed in (0, 0, 1))
    assert first == again != other
    assert first.quantiles["p05"] < first.quantiles["median"] < first.quantiles["p95"]
    assert 0.0 < first.share_below_replay < 1.0


@pytest.mark.parametrize(("first", "last"), [(0, 59), (0, 3), (20, 40)])
def test_bars_of_a_path_stay_consistent(monkeypatch: pytest.MonkeyPatch, first: int, last: int) -> None:
    market, seen = random_bars(60, 2), []
    real = module.carry_out

    def watched(plans: dict[int, Plan], bars: DayBars, *rest: Any) -> Any:
        seen.append(bars)
        return real(plans, bars, *rest)

    monkeypatch.setattr(module, "carry_out", watched)
    resampled({0: make_plan(order("X", "buy", 1))}, market, first, last, paths=30)
    before = market.close[first - 1] if first else market.open[0]
    ratios = market.close[1:] / market.close[:-1]
    for path in seen:
        assert path.close.shape == (last - first + 1, 3)
        inside = [np.all(path.low <= part) and np.all(part <= path.high) for part in (path.open, path.close)]
        assert all(inside)
        grew = path.close / np.vstack([before, path.close[:-1]])
        distance = np.abs(grew[:, None, :] - ratios).max(axis=2)  # each day is one real day, of all symbols together
        assert distance.min(axis=1).max() < 1e-9
    assert len({path.close.tobytes() for path in seen}) > 20


def test_days_are_drawn_in_blocks() -> None:
    rows = np.concatenate(list(module._draws(1000, 1000, Resampling(20, 10, 0))))
    follows = np.diff(rows) % 1000 == 1
    assert 0.87 < follows.mean() < 0.93  # a block ends with probability 1/10
