"""The strategies on forecasts, each declared once: its name, what it needs of a forecast, and its rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from rlx.backtest import orders, positions
from rlx.backtest.joined import Joined
from rlx.backtest.orders import Orders, Tilt
from rlx.backtest.settings import StrategySettings
from rlx.errors import ConfigError, did_you_mean
from rlx.types import BoolArray, FloatArray

CLOSE: tuple[str, ...] = ("close",)
EXTREMES: tuple[str, ...] = ("high", "low")
SIMPLE, BUY_AND_HOLD, MAXDIFF = "simple", "buy_and_hold", "maxdiff"


@dataclass(frozen=True)
class Strategy:
    """A strategy; ``needs`` are the forecasts without which it does nothing. Crypto is long only in all of them."""

    name: str
    needs: tuple[str, ...]

    def missing(self, joined: Joined) -> BoolArray:
        """Where it does nothing because it lacks a forecast, (T, A)."""
        return joined.lacks(self.needs)


@dataclass(frozen=True)
class Held(Strategy):
    """A strategy that holds from close to close: ``rule`` gives positions in {-1, 0, 1}, (T, A)."""

    rule: Callable[[Joined, StrategySettings], FloatArray]

    def positions(self, joined: Joined, settings: StrategySettings) -> FloatArray:
        """Return the positions for the bar traded, (T, A): 0 where a forecast is missing, never short in crypto."""
        wanted = np.where(self.missing(joined), 0.0, self.rule(joined, settings))
        return np.where(joined.crypto, np.maximum(wanted, 0.0), wanted)


@dataclass(frozen=True)
class Limit(Strategy):
    """A strategy with limit orders within a bar, flat at its close; ``tuned`` where its limits can be tuned.

    With ``both_sides`` a bar has an order to buy and one to sell short.
    """

    rule: Callable[[Joined, StrategySettings, Tilt], tuple[Orders, ...]]
    tuned: bool = False
    both_sides: bool = False

    def orders(self, joined: Joined, settings: StrategySettings, tilt: Tilt = orders.UNTILTED) -> tuple[Orders, ...]:
        """Return the orders of each side traded: none where a forecast is missing or invalid, or short in crypto."""
        nothing = self.missing(joined) | joined.invalid
        return tuple(
            one._replace(side=np.where(nothing | (joined.crypto & (one.side < 0.0)), 0.0, one.side))
            for one in self.rule(joined, settings, tilt)
        )


STRATEGIES: dict[str, Held | Limit] = {
    one.name: one
    for one in (
        Held(SIMPLE, CLOSE, positions.simple),
        Held("all_signals", CLOSE + EXTREMES, positions.all_signals),
        Held(BUY_AND_HOLD, (), positions.buy_and_hold),
        Held("long_when_up", CLOSE, positions.long_when_up),
        Held("unprofit_shutdown", CLOSE, positions.unprofit_shutdown),
        Held("ci_guard", (*CLOSE, "band"), positions.ci_guard),
        Limit("entry_takeprofit", CLOSE + EXTREMES, orders.entry_takeprofit),
        Limit("high_low", CLOSE + EXTREMES, orders.high_low),
        Limit(MAXDIFF, EXTREMES, orders.maxdiff, tuned=True),
        Limit("maxdiff_eod", EXTREMES, orders.maxdiff_eod, tuned=True),
        Limit("maxdiff_always_on", EXTREMES, orders.maxdiff_always_on, tuned=True, both_sides=True),
        Limit("maxdiff_always_on_eod", EXTREMES, orders.maxdiff_always_on_eod, tuned=True, both_sides=True),
        Limit("pctdiff", EXTREMES, orders.pctdiff, tuned=True),
    )
}


def chosen(names: Iterable[str] | None, key: str = "strategies") -> dict[str, Held | Limit]:
    """Return the strategies with these names, all for None; ConfigError, naming the ``key``, for an unknown one."""
    if names is None:
        return dict(STRATEGIES)
    for name in names:
        if name not in STRATEGIES:
            allowed = ", ".join(STRATEGIES)
            hint = did_you_mean(name, STRATEGIES)
            raise ConfigError(f"{key}: unknown strategy {name!r:.80}; there are {allowed}.{hint}")
    return {name: STRATEGIES[name] for name in names}
