"""The charts of strategies: value over time, and the band between both assumptions about bars that touch both."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rlx.backtest.outcome import Outcome
from rlx.backtest.strategies import BUY_AND_HOLD
from rlx.report.charts.chart import OWN, Chart, Mark, dates_across, legend, spoken
from rlx.report.charts.curves import equity
from rlx.report.charts.scale import Scale, plain_number
from rlx.types import FloatArray, TimeArray

PREFERRED = ("maxdiff", BUY_AND_HOLD, "simple", "maxdiff_always_on", "entry_takeprofit")
"""Strategies that are drawn, the first of them in the strongest colour; more lines could not be distinguished."""


def drawn(outcomes: Mapping[str, Outcome]) -> list[str]:
    """Return the names of the strategies to draw."""
    preferred = [name for name in PREFERRED if name in outcomes]
    return preferred or list(outcomes)[: len(PREFERRED)]


def value_chart(stamps: TimeArray, outcomes: Mapping[str, Outcome], account: int) -> Chart:
    """Return the chart of the value of 1 invested in each strategy drawn."""
    names = drawn(outcomes)
    values = {name: _value(outcomes[name].ledger.net_return[account]) for name in names}
    return equity(_moments(stamps), values, names[0], spoken(names[0]))


def bounds_chart(stamps: TimeArray, outcomes: Mapping[str, Outcome], account: int) -> Chart | None:
    """Return the chart of a strategy's value under both assumptions; None without a strategy with targets."""
    named = names_with_fills(outcomes)
    if not named:
        return None
    outcome = outcomes[named[0]]
    bounds = {name: _value(net[account]) for name, net in outcome.bounds.items()}
    traded = outcome.ledger.net_return[account]
    if not any(np.array_equal(traded, net[account]) for net in outcome.bounds.values()):
        bounds["by finer bars"] = _value(traded)
    title = f"{spoken(named[0])}: value of 1 by the rule for bars that touch both prices"
    return band_chart(_moments(stamps), bounds, title)


def band_chart(moments: TimeArray, bounds: Mapping[str, FloatArray], title: str) -> Chart:
    """Return the chart of the values (D,) by assumption."""
    roles = dict(zip(bounds, (OWN, BUY_AND_HOLD, "other_0"), strict=False))
    marks = tuple(Mark(roles[name], moments, value, name, f"{value[-1] - 1.0:+.1%}") for name, value in bounds.items())
    said = ", ".join(f"{mark.name} {mark.said}" for mark in marks)
    return Chart(
        title,
        marks,
        Scale.growth(list(bounds.values())),
        plain_number,
        f"{said}.",
        legend(marks),
        dates_across(moments),
        zero=1.0,
        large=True,
    )


def _value(net: FloatArray) -> FloatArray:
    return np.concatenate([[1.0], np.cumprod(1.0 + net)])


def _moments(stamps: TimeArray) -> TimeArray:
    """Return the T + 1 moments of values at the start and after each of T bars."""
    before = stamps[0] - (stamps[1] - stamps[0] if len(stamps) > 1 else np.timedelta64(1, "D"))
    return np.concatenate([[before], stamps])


def names_with_fills(outcomes: Mapping[str, Outcome]) -> list[str]:
    """Return the strategies with orders, those drawn first."""
    return [name for name in dict.fromkeys([*PREFERRED, *outcomes]) if name in outcomes and outcomes[name].fills]
