"""The same plans on other days: profit and loss over block-bootstrapped markets."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from rlx.backtest.bars import DayBars
from rlx.backtest.plan import Plan, ReplaySettings, Strategy
from rlx.backtest.replay import Replay
from rlx.backtest.replay import replay as carry_out
from rlx.types import FloatArray, IntArray

QUANTILES = {"p01": 0.01, "p05": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True)
class Resampling:
    """The number of paths, the mean length of blocks in days, and the seed."""

    paths: int = 1000
    block_days: int = 5
    seed: int = 0


@dataclass(frozen=True)
class Distribution:
    """Net PnL over the paths: one account and plan, other days.

    ``share_of_losses`` is the share of paths that lost, ``share_below_replay`` of those that earned less than the real
    days.
    """

    resampling: Resampling
    days: int
    mean: float
    standard_deviation: float
    quantiles: Mapping[str, float]
    share_of_losses: float
    share_below_replay: float


def monte_carlo(
    plans: Mapping[int, Plan],
    market: DayBars,
    first: int,
    replayed: Replay,
    settings: ReplaySettings,
    fee_rates: Mapping[str, float],
    resampling: Resampling,
) -> Distribution:
    """Replay ``plans`` over bootstrapped paths of as many days as ``replayed`` has, which began on day ``first``.

    Days are drawn by the stationary bootstrap (Politis and Romano 1994) from all of the market's days but its first,
    for all symbols together. A day's bar is kept as ratios to the previous close and applied to the path's previous
    close. Quantities and sessions are those of the plans; entry and exit prices keep their ratio to the close before
    the plan's day. ``plans`` count their days from ``first``.
    """
    n_days = len(replayed.bars)
    begins = market.close[first - 1] if first > 0 else market.open[0]
    before = np.vstack([begins, replayed.bars.close[:-1]])  # (D, A) the close before each real day
    ratios = _ratios(market)
    earned = np.empty(resampling.paths)
    for number, rows in enumerate(_draws(len(market) - 1, n_days, resampling)):
        path, path_before = _path(ratios, rows, begins, replayed.bars)
        carried = plans
        if settings.strategy != Strategy.base.value:
            carried = {day: _carried(plan, path, path_before[day] / before[day]) for day, plan in plans.items()}
        earned[number] = carry_out(carried, path, settings, fee_rates).net_pnl
    return Distribution(
        resampling=resampling,
        days=n_days,
        mean=float(earned.mean()),
        standard_deviation=float(earned.std(ddof=1)) if earned.size > 1 else 0.0,
        quantiles={name: float(np.quantile(earned, level)) for name, level in QUANTILES.items()},
        share_of_losses=float((earned < 0).mean()),
        share_below_replay=float((earned < replayed.net_pnl).mean()),
    )


class _Ratios(NamedTuple):
    """Prices of days 1 to N-1 over the close before, (N-1, A)."""

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray


def _ratios(market: DayBars) -> _Ratios:
    before = market.close[:-1]
    return _Ratios(
        market.open[1:] / before, market.high[1:] / before, market.low[1:] / before, market.close[1:] / before
    )


def _draws(n_rows: int, n_days: int, resampling: Resampling) -> Iterator[IntArray]:
    """Yield rows (D,) for each path; a bootstrap of the length of the data is cut, or several are joined."""
    from arch.bootstrap import StationaryBootstrap

    rounds = math.ceil(n_days / n_rows)
    rng = np.random.default_rng(resampling.seed)
    bootstrap = StationaryBootstrap(resampling.block_days, np.arange(n_rows), seed=rng)
    draws = (drawn[0][0] for drawn in bootstrap.bootstrap(resampling.paths * rounds))
    for _ in range(resampling.paths):
        yield np.concatenate([next(draws) for _ in range(rounds)])[:n_days]


def _path(ratios: _Ratios, rows: IntArray, begins: FloatArray, real: DayBars) -> tuple[DayBars, FloatArray]:
    """Return the bars of one path and the close before each of its days (D, A)."""
    close = begins * np.cumprod(ratios.close[rows], axis=0)
    before = np.vstack([begins, close[:-1]])
    opens, highs, lows = (before * part[rows] for part in (ratios.open, ratios.high, ratios.low))
    return DayBars(real.symbols, real.days, opens, highs, lows, close), before


def _carried(plan: Plan, path: DayBars, factors: FloatArray) -> Plan:
    """Return the plan with its prices multiplied by each symbol's factor, (A,)."""

    def moved(price: float | None, factor: float) -> float | None:
        return None if price is None else price * factor

    instructions = []
    for one in plan.instructions:
        factor = float(factors[path.column[one.symbol]])
        entry, leave = moved(one.entry_price, factor), moved(one.exit_price, factor)
        instructions.append(replace(one, entry_price=entry, exit_price=leave))
    return replace(plan, instructions=tuple(instructions))
