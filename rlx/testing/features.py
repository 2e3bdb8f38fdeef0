"""Is a feature causal, and available after its declared warm-up?"""

from __future__ import annotations

from typing import Any

import numpy as np

from rlx.audit.perturbations import KINDS, perturbed
from rlx.data.features import FeatureKind, frames
from rlx.data.panel import MarketPanel
from rlx.data.sources import synthetic
from rlx.types import FloatArray

LATE = 60  # later prices are changed after this bar


def check_feature(kind: FeatureKind, bars: int = 8, panel: MarketPanel | None = None) -> None:
    """Assert that a kind of feature over ``bars`` bars has its warm-up, is finite after it, and is causal.

    ``panel`` is the market it is computed on, by default a random walk of three assets over 120 days. AssertionError
    names the violation.
    """
    panel = synthetic("random_walk", 3, 120) if panel is None else panel
    values = _values(kind, bars, panel)
    assert values.shape == panel.close.shape, f"it must return one value per bar and asset, {panel.close.shape}"
    warmup = bars - 1 + kind.extra_bars
    assert np.isnan(values[:warmup]).all(), f"the first {warmup} bars must be NaN: bars - 1 + extra_bars have no past"
    assert np.isfinite(values[warmup:]).all(), f"after {warmup} bars of warm-up every value must be finite"
    still = _values(kind, bars, synthetic("flat", 2, 120))[warmup:]
    assert np.isfinite(still).all(), "prices that do not move must give finite values"
    for name in KINDS:
        other = perturbed(panel, LATE, name, np.random.default_rng(0))
        again = _values(kind, bars, other)
        same = np.array_equal(values[: LATE + 1], again[: LATE + 1], equal_nan=True)
        assert same, f"it looks ahead: a future that is {name} changed past values"
    cut = _values(kind, bars, panel.select(end=str(panel.timestamps[LATE])))
    assert np.array_equal(values[: LATE + 1], cut, equal_nan=True), "values must not depend on the length of the panel"


def _values(kind: FeatureKind, bars: int, panel: MarketPanel) -> FloatArray:
    computed: Any = kind.compute(frames(panel), bars)
    return np.asarray(computed.to_numpy(dtype=np.float64))
