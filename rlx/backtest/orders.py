"""The rules of strategies that are flat at every close: at most one entry and one exit of a side in each bar."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rlx.backtest.joined import Joined
from rlx.backtest.positions import sides
from rlx.backtest.settings import StrategySettings
from rlx.types import FloatArray


class Tilt(NamedTuple):
    """Factors less 1 on the forecast prices of highs and of lows, numbers or arrays that broadcast with (T, A)."""

    high: FloatArray | float = 0.0
    low: FloatArray | float = 0.0


UNTILTED = Tilt()


class Orders(NamedTuple):
    """An order for each bar and symbol: its side, 0 for none, the limits of entry and exit, and its share of equity.

    An infinite ``entry`` is an order at the open. What has not left at ``target`` leaves at the close; NaN is no
    target. Arrays (T, A), or with the leading axes of a ``Tilt``.
    """

    side: FloatArray
    entry: FloatArray
    target: FloatArray
    share: float = 1.0


def entry_takeprofit(joined: Joined, settings: StrategySettings, tilt: Tilt) -> tuple[Orders, ...]:
    """Enter at the open on the side of the forecast move, with the forecast extreme of that side as target."""
    side = sides(joined.close)
    high, low = _prices(joined, tilt)
    return (Orders(side, np.where(side > 0, np.inf, -np.inf), np.where(side > 0, high, low)),)


def high_low(joined: Joined, settings: StrategySettings, tilt: Tilt) -> tuple[Orders, ...]:
    """Enter on the side of the forecast move at the forecast extreme of the other side, leave at the close."""
    return (_bracket(joined, sides(joined.close), tilt)._replace(target=_no_target(joined)),)


def maxdiff(joined: Joined, settings: StrategySettings, tilt: Tilt) -> tuple[Orders, ...]:
    """Trade from one forecast extreme to the other, towards the one that is further from the last close."""
    return (_bracket(joined, _further_side(joined), tilt),)


def maxdiff_always_on(joined: Joined, settings: StrategySettings, tilt: Tilt) -> tuple[Orders, ...]:
    """Trade between the forecast extremes on both sides, with half of the equity each."""
    side = np.where(joined.low < joined.high, 1.0, 0.0)
    return tuple(_bracket(joined, sign * side, tilt)._replace(share=0.5) for sign in (1.0, -1.0))


def pctdiff(joined: Joined, settings: StrategySettings, tilt: Tilt) -> tuple[Orders, ...]:
    """Enter as ``maxdiff``, with the target at a fixed distance from the entry."""
    (orders,) = maxdiff(joined, settings, tilt)
    distance = np.where(orders.side > 0, 1.0 + settings.pctdiff_target, 1.0 - settings.pctdiff_target)
    return (orders._replace(target=orders.entry * distance),)


def maxdiff_eod(joined: Joined, settings: StrategySettings, tilt: Tilt) -> tuple[Orders, ...]:
    """Enter as ``maxdiff``, leave at the close."""
    return _without_target(maxdiff(joined, settings, tilt), joined)


def maxdiff_always_on_eod(joined: Joined, settings: StrategySettings, tilt: Tilt) -> tuple[Orders, ...]:
    """Enter as ``maxdiff_always_on``, leave at the close."""
    return _without_target(maxdiff_always_on(joined, settings, tilt), joined)


def _further_side(joined: Joined) -> FloatArray:
    side = np.where(np.abs(joined.high) > np.abs(joined.low), 1.0, -1.0)
    return np.where(joined.low < joined.high, side, 0.0)


def _bracket(joined: Joined, side: FloatArray, tilt: Tilt) -> Orders:
    """Buy at the low with the high as target, or sell at the high with the low as target."""
    high, low = _prices(joined, tilt)
    return Orders(side, np.where(side > 0, low, high), np.where(side > 0, high, low))


def _prices(joined: Joined, tilt: Tilt) -> tuple[FloatArray, FloatArray]:
    last = joined.before.close
    high, low = ((1.0 + move) * last * (1.0 + m) for move, m in ((joined.high, tilt.high), (joined.low, tilt.low)))
    return np.asarray(high), np.asarray(low)


def _without_target(orders: tuple[Orders, ...], joined: Joined) -> tuple[Orders, ...]:
    return tuple(one._replace(target=_no_target(joined)) for one in orders)


def _no_target(joined: Joined) -> FloatArray:
    return np.full(joined.close.shape, np.nan)
