"""What the strategies of one account support, in words and no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlx.backtest.measured import Measured
from rlx.backtest.strategies import BUY_AND_HOLD

CLAIMED = 0.95
"""Deflated Sharpe ratio from which the best of the settings tried is no luck."""


def write_verdict(found: Mapping[str, Measured], error: Mapping[str, Mapping[str, Any]], test_only: str | None) -> str:
    """Return sentences on buying and holding, on the assumption about bars that touch both prices, and on the forecast.

    ``test_only`` is the reason why the forecaster's results are no evidence of skill, None for any other: nothing else
    is said of those.
    """
    if test_only is not None:
        return f"No evidence of skill: {test_only}."
    parts = [_against_holding(found), _bounds(found), _peeking(found), _error(error)]
    return " ".join(part for part in parts if part)


def _against_holding(found: Mapping[str, Measured]) -> str:
    if BUY_AND_HOLD not in found:
        return "Buying and holding was not traded, so nothing can be said about beating it."
    compared = {name: one.excess for name, one in found.items() if one.excess is not None}
    above = {name: one for name, one in compared.items() if one.low is not None and one.low > 0.0}
    below = [name for name, one in compared.items() if one.high is not None and one.high < 0.0]
    if not above:
        less = f"; {len(below)} of {len(compared)} earned less beyond chance" if below else ""
        return f"No strategy earned more than buying and holding on the same bars beyond chance{less}."
    best = max(above, key=lambda name: above[name].estimate or 0.0)
    one, significance = above[best], found[best].significance
    assert one.low is not None and one.high is not None
    words = (
        f"{best} earned more than buying and holding on the same bars: {one.estimate:+.1%} a year, interval "
        f"{one.low:+.1%} to {one.high:+.1%}."
    )
    if significance.dsr is None:
        return words
    claim = "no luck" if significance.dsr >= CLAIMED else "what the best of so many may reach by luck"
    return (
        f"{words} As the best of {significance.trials} rules tried, its deflated Sharpe ratio is "
        f"{significance.dsr:.2f}: {claim}."
    )


def _bounds(found: Mapping[str, Measured]) -> str:
    """Name the strategy whose sign depends on the order of prices within a bar."""
    signs = {
        name: (one.bounds["pessimistic"]["annual_return"], one.bounds["optimistic"]["annual_return"])
        for name, one in found.items()
        if one.bounds
    }
    depends = {name: pair for name, pair in signs.items() if pair[0] < 0.0 < pair[1]}
    if not depends:
        return ""
    widest = max(depends, key=lambda name: depends[name][1] - depends[name][0])
    low, high = depends[widest]
    return (
        f"Whether {widest} earns anything depends on the order of prices within a bar: {low:+.1%} to {high:+.1%} a "
        "year."
    )


def _peeking(found: Mapping[str, Measured]) -> str:
    gains = {name: one.in_sample_gain for name, one in found.items() if one.in_sample_gain is not None}
    if not gains:
        return ""
    largest = max(gains, key=lambda name: gains[name])
    return f"Tuned on the judged bars themselves, {largest} would seem to earn {gains[largest]:+.1%} a year more."


def _error(error: Mapping[str, Mapping[str, Any]]) -> str:
    if "close" not in error:
        return ""
    close = error["close"]
    return (
        f"The forecast of the close errs by {close['mae']:.3%} on average, a forecast of no move by "
        f"{close['naive_mae']:.3%}; whether that is skill, rlx forecast check says."
    )
