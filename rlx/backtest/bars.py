"""The daily bars that plans are replayed on."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np

from rlx.backtest.plan import Session
from rlx.data.panel import PRICE_FIELDS, MarketPanel
from rlx.errors import PlanError
from rlx.types import FloatArray, TimeArray


class Bar(NamedTuple):
    """One symbol's prices of one day."""

    open: float
    high: float
    low: float
    close: float

    def at(self, session: Session) -> float:
        """Return the price of the day's opening or closing auction."""
        return self.open if session is Session.market_open else self.close


class DayBars:
    """Prices (D, A) of A symbols on D days; days: (D,) datetime64[D]."""

    def __init__(
        self,
        symbols: tuple[str, ...],
        days: TimeArray,
        open: FloatArray,
        high: FloatArray,
        low: FloatArray,
        close: FloatArray,
    ) -> None:
        self.symbols, self.days = symbols, days
        self.open, self.high, self.low, self.close = open, high, low, close

    def __len__(self) -> int:
        return len(self.days)

    @cached_property
    def column(self) -> dict[str, int]:
        """The column of each symbol."""
        return {symbol: position for position, symbol in enumerate(self.symbols)}

    def bar(self, day: int, symbol: str) -> Bar:
        """Return a symbol's prices on a day."""
        at = day, self.column[symbol]
        return Bar(float(self.open[at]), float(self.high[at]), float(self.low[at]), float(self.close[at]))

    def between(self, first: int, last: int) -> DayBars:
        """Return the days from ``first`` to ``last``, both inclusive."""
        cut = slice(first, last + 1)
        return DayBars(self.symbols, self.days[cut], self.open[cut], self.high[cut], self.low[cut], self.close[cut])


def day_bars(panel: MarketPanel) -> DayBars:
    """Return a panel's bars; PlanError when it has no daily bars of open, high, low and close."""
    source = panel.source or "this market"
    lacking = [name for name in PRICE_FIELDS if getattr(panel, name) is None]
    if lacking:
        raise PlanError(
            f"{source} has no {', '.join(lacking)}: a plan is replayed on the open, high, low and close of its days, "
            "and missing ones are not invented. Use data with all four."
        )
    if panel.frequency != "1D":
        raise PlanError(
            f"{source} has {panel.frequency} bars: a plan names days and their opening and closing auctions. Use daily "
            "bars, for example data=sample_daily."
        )
    assert panel.open is not None and panel.high is not None and panel.low is not None
    days = panel.timestamps.astype("datetime64[D]")
    return DayBars(panel.symbols, np.asarray(days), panel.open, panel.high, panel.low, panel.close)
