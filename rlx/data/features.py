"""Causal features of single assets, computed from their names.

A name is a kind and a number of bars, ``return_21``, and may end in ``_z<bars>`` for a rolling z-score over the past
only, ``return_21_z63``. A feature at bar t reads bars up to and including t and nothing later.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rlx import registry
from rlx.data.filters import haar_detail_weights, haar_smooth_weights, log_close_filter, taylor_weights
from rlx.errors import DataError, did_you_mean
from rlx.types import FloatArray

if TYPE_CHECKING:
    import pandas as pd

    from rlx.data.panel import MarketPanel

DEFAULT_FEATURES: tuple[str, ...] = (
    "return_1",
    "return_5",
    "return_21",
    "return_63",
    "volatility_21",
    "volatility_63",
    "rsi_14",
    "drawdown_63",
    "volume_zscore_21",
    "range_1",
    "body_1",
    "close_location_1",
    "gap_1",
)
"""Thirteen features with a warm-up of 63 bars."""

Frames = dict[str, "pd.DataFrame"]


@dataclass(frozen=True)
class FeatureKind:
    """How a feature is computed, which fields it needs and how far it looks back.

    ``compute(bars, n)`` returns (N, A); ``extra_bars`` is the look-back beyond n - 1 bars.
    """

    compute: Callable[[Frames, int], pd.DataFrame]
    needs: tuple[str, ...] = ("close",)
    extra_bars: int = 0
    minimum: int = 1
    power_of_two: bool = False


@dataclass(frozen=True)
class Feature:
    """A parsed feature name."""

    kind: FeatureKind
    bars: int
    zscore_bars: int | None

    @property
    def warmup(self) -> int:
        """Number of leading bars without a value."""
        return self.bars - 1 + self.kind.extra_bars + (self.zscore_bars - 1 if self.zscore_bars else 0)


def compute_features(panel: MarketPanel, names: Sequence[str]) -> FloatArray:
    """Return raw features (N, A, F) float32 in the order of ``names``; NaN during each feature's warm-up.

    Raises DataError for an unknown name (with the nearest match), a name listed twice, and a feature that needs fields
    the panel does not have.
    """
    if len(set(names)) != len(names):
        raise DataError(f"data.features: a name is listed twice in {list(names)}.")
    parsed = [parse_feature(name) for name in names]
    for name, feature in zip(names, parsed, strict=True):
        _require(panel, name, feature)
    bars = frames(panel)
    columns = [_compute(bars, feature) for feature in parsed]
    if not columns:
        return np.zeros((len(panel), len(panel.symbols), 0), dtype=np.float32)
    # In C order, which a pickled copy has too: sums over another order of the same numbers round differently.
    return np.ascontiguousarray(np.stack(columns, axis=-1), dtype=np.float32)


def default_features(panel: MarketPanel) -> tuple[str, ...]:
    """Return the default features that can be computed from this panel."""
    return tuple(name for name in DEFAULT_FEATURES if not _missing(panel, parse_feature(name)))


def chosen_features(names: Sequence[str] | None, panel: MarketPanel) -> tuple[str, ...]:
    """Return the names of an option for features, of which None means the default features."""
    return default_features(panel) if names is None else tuple(names)


def warmup_bars(name: str) -> int:
    """Return how many leading bars of a panel have no value of this feature."""
    return parse_feature(name).warmup


def parse_feature(name: str) -> Feature:
    """Turn a name such as ``return_21`` or ``rsi_14_z63`` into a feature, or raise DataError."""
    match = re.fullmatch(r"([a-z_]+?)_(\d+)(?:_z(\d+))?", name)
    kind = _kind(match[1]) if match else None
    if match is None or kind is None:
        kinds = ", ".join(f"{key}_<bars>" for key in _kinds())
        raise DataError(
            f"data.features: unknown feature '{name}'.{_nearest(name)} Allowed: {kinds}; add _z<bars> to any."
        )
    bars, zscore_bars = int(match[2]), int(match[3]) if match[3] else None
    if bars < kind.minimum or (zscore_bars is not None and zscore_bars < 2):
        raise DataError(f"data.features: '{name}' needs at least {kind.minimum} bars (and 2 after _z).")
    if kind.power_of_two and bars & (bars - 1):
        below = 1 << (bars.bit_length() - 1)
        raise DataError(f"data.features: '{name}' needs a power of two, such as {below} or {2 * below} bars.")
    return Feature(kind, bars, zscore_bars)


def _kind(name: str) -> FeatureKind | None:
    """Return a kind of feature, built-in or from another package."""
    return KINDS.get(name) or registry.find("feature", name)


def _kinds() -> list[str]:
    return list(dict.fromkeys([*KINDS, *registry.components("feature")]))


def _nearest(name: str) -> str:
    bars = name[len(re.sub(r"_\d+(_z\d+)?$", "", name)) :] or "_<bars>"
    return did_you_mean(name, [*DEFAULT_FEATURES, *(f"{kind}{bars}" for kind in _kinds())])


def _missing(panel: MarketPanel, feature: Feature) -> list[str]:
    return [field for field in feature.kind.needs if getattr(panel, field) is None]


def _require(panel: MarketPanel, name: str, feature: Feature) -> None:
    missing = _missing(panel, feature)
    if missing:
        usable = ", ".join(default_features(panel))
        raise DataError(
            f"data.features: '{name}' needs {' and '.join(missing)}, which {panel.source or 'this panel'} does not"
            f" have. Usable by default: {usable}."
        )


def frames(panel: MarketPanel) -> Frames:
    """Return the fields of a panel as tables (N, A), by name, the input of every kind of feature."""
    import pandas as pd

    fields = ("open", "high", "low", "close", "volume")
    return {name: pd.DataFrame(values) for name in fields if (values := getattr(panel, name)) is not None}


def _compute(bars: Frames, feature: Feature) -> FloatArray:
    values = feature.kind.compute(bars, feature.bars)
    if feature.zscore_bars is not None:
        values = _rolling_zscore(values, feature.zscore_bars)
    return values.to_numpy(dtype=np.float64)


def _rolling_zscore(values: pd.DataFrame, bars: int) -> pd.DataFrame:
    """Distance from the mean of the last ``bars`` bars in their standard deviations; 0 where nothing moved."""
    window = values.rolling(bars)
    mean, deviation = window.mean(), window.std(ddof=0)
    # The online sums of pandas leave dust of about 1e-8 relative on constant windows: this is not movement.
    still = deviation <= 1e-7 * (1.0 + mean.abs())
    return ((values - mean) / deviation.where(~still, 1.0)).where(~still, 0.0).where(mean.notna())


def _returns(bars: Frames, n: int) -> pd.DataFrame:
    close = bars["close"]
    return close / close.shift(n) - 1.0


def _volatility(bars: Frames, n: int) -> pd.DataFrame:
    return _returns(bars, 1).rolling(n).std(ddof=0)


def _rsi(bars: Frames, n: int) -> pd.DataFrame:
    """Relative strength of the last n moves in [-1, 1]: (gains - losses) / (gains + losses).

    This is RSI/50 - 1 with simple instead of Wilder's exponential averages (Cutler's RSI), so that its memory ends
    after n bars; 0 where the price did not move.
    """
    moves = bars["close"].diff()
    total = moves.abs().rolling(n).sum()
    net = bars["close"] - bars["close"].shift(n)
    still = total <= 1e-12 * bars["close"]
    return (net / total.where(~still, 1.0)).where(~still, 0.0).clip(-1.0, 1.0).where(total.notna())


def _drawdown(bars: Frames, n: int) -> pd.DataFrame:
    close = bars["close"]
    return close / close.rolling(n).max() - 1.0


def _volume_zscore(bars: Frames, n: int) -> pd.DataFrame:
    """Score log(1 + volume), because volume is skewed and grows over the years."""
    return _rolling_zscore(bars["volume"].transform(np.log1p), n)


def _range(bars: Frames, n: int) -> pd.DataFrame:
    return ((bars["high"] - bars["low"]) / bars["close"]).rolling(n).mean()


def _body(bars: Frames, n: int) -> pd.DataFrame:
    return ((bars["close"] - bars["open"]) / bars["close"]).rolling(n).mean()


def _close_location(bars: Frames, n: int) -> pd.DataFrame:
    """Where the close lies between the n-bar low (-1) and high (1); 0 where they coincide."""
    low, high = bars["low"].rolling(n).min(), bars["high"].rolling(n).max()
    spread = high - low
    flat = spread <= 0.0
    located = (2.0 * (bars["close"] - low) / spread.where(~flat, 1.0) - 1.0).where(~flat, 0.0)
    return located.where(spread.notna())


def _gap(bars: Frames, n: int) -> pd.DataFrame:
    return (bars["open"] / bars["close"].shift(1) - 1.0).rolling(n).mean()


KINDS: dict[str, FeatureKind] = {
    "return": FeatureKind(_returns, extra_bars=1),
    "volatility": FeatureKind(_volatility, extra_bars=1, minimum=2),
    "rsi": FeatureKind(_rsi, extra_bars=1, minimum=2),
    "drawdown": FeatureKind(_drawdown, minimum=2),
    "volume_zscore": FeatureKind(_volume_zscore, needs=("volume",), minimum=2),
    "range": FeatureKind(_range, needs=("high", "low", "close")),
    "body": FeatureKind(_body, needs=("open", "close")),
    "close_location": FeatureKind(_close_location, needs=("high", "low", "close")),
    "gap": FeatureKind(_gap, needs=("open", "close"), extra_bars=1),
    "taylor_level": FeatureKind(log_close_filter(taylor_weights(0)), minimum=4),
    "taylor_slope": FeatureKind(log_close_filter(taylor_weights(1)), minimum=3),
    "taylor_curvature": FeatureKind(log_close_filter(taylor_weights(2)), minimum=3),
    "haar_detail": FeatureKind(log_close_filter(haar_detail_weights), minimum=2, power_of_two=True),
    "haar_smooth": FeatureKind(log_close_filter(haar_smooth_weights), minimum=2, power_of_two=True),
}
