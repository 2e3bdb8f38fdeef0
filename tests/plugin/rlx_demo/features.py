"""A feature: how much of the last bars' range lies above the close."""

from __future__ import annotations

import pandas as pd

from rlx.data.features import FeatureKind, Frames


def _range_share(bars: Frames, n: int) -> pd.DataFrame:
    high, low = bars["high"].rolling(n).max(), bars["low"].rolling(n).min()
    spread = high - low
    return ((high - bars["close"]) / spread.where(spread > 0, 1.0)).where(spread.notna())


RANGE_SHARE = FeatureKind(_range_share, needs=("high", "low", "close"))
