"""Small markets with highs and lows, for the tests of forecasters."""

from __future__ import annotations

import numpy as np

from rlx.data.market import Market
from rlx.data.sources import synthetic


def daily(n_assets: int = 3, n_bars: int = 400) -> Market:
    """Return a random walk with complete bars."""
    return Market(synthetic("random_walk", n_assets, n_bars))


def closes(market: Market) -> Market:
    """Return the market without its opens, highs, lows and volume."""
    panel = market.panel
    return Market(type(panel)(panel.symbols, panel.timestamps, panel.close))


def later(market: Market, first: int) -> Market:
    """Return the market from a bar on."""
    return Market(market.panel.select(start=str(np.datetime_as_string(market.timestamps[first], unit="s"))))
