"""Which plan is executed on which day of the market."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rlx.backtest.plan import Plan
from rlx.errors import PlanError, did_you_mean
from rlx.types import TimeArray


@dataclass(frozen=True)
class Schedule:
    """Plans by the number of the market's day; ``moved``, ``superseded`` and ``outside`` list those with a remark."""

    by_day: Mapping[int, Plan]
    moved: tuple[str, ...]
    superseded: tuple[str, ...]
    outside: tuple[str, ...]

    @property
    def days(self) -> list[int]:
        """The days with a plan, sorted."""
        return sorted(self.by_day)


def schedule(plans: Sequence[Plan], symbols: Sequence[str], days: TimeArray) -> Schedule:
    """Assign plans, sorted by date, to the market's days (D,) datetime64[D].

    A plan for a day without trading waits for the next one. Where that day has its own plan, or several wait for it,
    the last one is executed and the others are superseded. Plans before the first day or after the last are not
    executed. Raises PlanError for a symbol that the market does not have and where no plan is left.
    """
    for plan in plans:
        _check_symbols(plan, symbols)
    by_day: dict[int, Plan] = {}
    moved, superseded, outside = [], [], []
    for plan in plans:
        target = np.datetime64(plan.target_date, "D")
        if not days[0] <= target <= days[-1]:
            outside.append(plan.source)
            continue
        day = int(np.searchsorted(days, target))
        if day in by_day:
            superseded.append(f"{by_day[day].source} by {plan.source}")
        if days[day] != target:
            moved.append(f"{plan.source} from {target} to {days[day]}")
        by_day[day] = plan
    if not by_day:
        raise PlanError(
            f"{plans[0].source}: the plans are for {plans[0].target_date} to {plans[-1].target_date}, the market runs "
            f"from {days[0]} to {days[-1]}: no overlap. Choose data of the same period, or check target_date."
        )
    return Schedule(by_day, tuple(moved), tuple(superseded), tuple(outside))


def _check_symbols(plan: Plan, symbols: Sequence[str]) -> None:
    for symbol in plan.symbols:
        if symbol in symbols:
            continue
        numbers = [one.number for one in plan.instructions if one.symbol == symbol]
        where = f"instruction {numbers[0]}: symbol" if numbers else "stop_trading_symbols:"
        raise PlanError(
            f"{plan.source}: {where} '{symbol}' is not a symbol of this market ({', '.join(symbols)})."
            f"{did_you_mean(symbol.upper(), symbols)} Rename it, or add it with data.symbols."
        )
