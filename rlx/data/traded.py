"""From the data configuration to what is traded: market, features and splits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rlx.data.config import DataConfig
from rlx.data.features import chosen_features
from rlx.data.market import Market
from rlx.data.outlook import Outlook
from rlx.data.splits import Splits, make_splits


class Traded(NamedTuple):
    """A market, the features learners see on it and its splits."""

    market: Market
    feature_names: tuple[str, ...]
    splits: Splits


def load_traded(data: DataConfig, window_steps: int, outlook: Outlook | None = None) -> Traded:
    """Load the panel and cut it where a window of ``window_steps`` bars of every feature is known."""
    market = Market(data.load(), outlook)
    names = chosen_features(data.features, market.panel)
    return Traded(market, names, cut(market, data, names, window_steps))


def cut(market: Market, data: DataConfig, names: Sequence[str], window_steps: int) -> Splits:
    """Return the splits of the decisions at which a window of these features is known."""
    return make_splits(market, data.split, market.first_bar(names, window_steps))
