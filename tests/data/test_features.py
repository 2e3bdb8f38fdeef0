"""Features: hand-worked values, and no look into the future."""

from __future__ import annotations

import pickle
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlx.data.features import DEFAULT_FEATURES, KINDS, compute_features, default_features, warmup_bars
from rlx.data.market import Market
from rlx.data.normalizer import Normalizer
from rlx.data.panel import MarketPanel
from rlx.data.sources import sample, synthetic
from rlx.errors import DataError

ALL = (
    *DEFAULT_FEATURES,
    "return_5_z21",
    "rsi_14_z10",
    "range_5",
    "gap_5_z5",
    "body_3",
    "drawdown_10",
    "close_location_5",
    "taylor_level_8",
    "taylor_slope_5",
    "taylor_curvature_21",
    "taylor_slope_10_z5",
    "haar_detail_2",
    "haar_detail_16",
    "haar_smooth_8",
)


def _bars() -> MarketPanel:
    close = np.array([[10.0], [11.0], [10.0], [12.0], [9.0]])
    opens = np.array([[10.0], [10.5], [11.0], [10.0], [12.0]])
    high, low = np.maximum(opens, close) + 1.0, np.minimum(opens, close) - 1.0
    volume = np.array([[0.0], [1.0], [3.0], [7.0], [7.0]])
    stamps = np.arange("2020-01-06", "2020-01-11", dtype="datetime64[D]")
    return MarketPanel(("A",), stamps, close, opens, high, low, volume)


def _last(name: str) -> float:
    return float(compute_features(_bars(), [name])[-1, 0, 0])


def test_hand_worked_values() -> None:
    moves = np.array([12.0 / 10.0 - 1.0, 9.0 / 12.0 - 1.0])
    assert _last("return_1") == pytest.approx(9.0 / 12.0 - 1.0)
    assert _last("return_2") == pytest.approx(9.0 / 10.0 - 1.0)
    assert _last("volatility_2") == pytest.approx(moves.std())
    assert _last("rsi_2") == pytest.approx((2.0 - 3.0) / (2.0 + 3.0))  # gains 2, losses 3
    assert _last("drawdown_3") == pytest.approx(9.0 / 12.0 - 1.0)
    assert _last("range_1") == pytest.approx((13.0 - 8.0) / 9.0)
    assert _last("body_1") == pytest.approx((9.0 - 12.0) / 9.0)
    assert _last("gap_1") == pytest.approx(12.0 / 12.0 - 1.0)
    assert _last("close_location_1") == pytest.approx(2.0 * (9.0 - 8.0) / (13.0 - 8.0) - 1.0)
    logs = np.log1p([3.0, 7.0, 7.0])
    assert _last("volume_zscore_3") == pytest.approx((logs[-1] - logs.mean()) / logs.std())
    returns = np.array([-1.0 / 11.0, 0.2, -0.25])
    assert _last("return_1_z3") == pytest.approx((returns[-1] - returns.mean()) / returns.std())


def test_every_kind_is_under_test() -> None:
    assert {re.sub(r"_\d+(_z\d+)?$", "", name) for name in ALL} == set(KINDS)


def test_shape_type_and_warmup() -> None:
    panel = synthetic("random_walk", 3, 120)
    features = compute_features(panel, ALL)
    assert features.shape == (120, 3, len(ALL)) and features.dtype == np.float32
    for column, name in enumerate(ALL):
        known = np.isfinite(features[:, :, column]).all(axis=1)
        assert known.argmax() == warmup_bars(name) and known[warmup_bars(name) :].all()


@given(st.integers(70, 118), st.integers(0, 2**32 - 1), st.floats(0.2, 5.0))
def test_no_feature_knows_the_future(bar: int, seed: int, factor: float) -> None:
    """Change every field after a bar: no feature up to that bar changes by a bit."""
    panel = synthetic("random_walk", 2, 120)
    noise = np.random.default_rng(seed).uniform(0.5, 1.5, (119 - bar, 2)) * factor

    def changed(values: np.ndarray) -> np.ndarray:
        return np.vstack([values[: bar + 1], values[bar + 1 :] * noise])

    assert panel.open is not None and panel.high is not None and panel.low is not None and panel.volume is not None
    other = replace(
        panel, close=changed(panel.close), open=changed(panel.open), high=changed(panel.high), low=changed(panel.low),
        volume=changed(panel.volume),
    )  # fmt: skip
    before, after = compute_features(panel, ALL), compute_features(other, ALL)
    np.testing.assert_array_equal(before[: bar + 1], after[: bar + 1])
    assert not np.array_equal(before[bar + 1 :], after[bar + 1 :])


def test_features_lie_in_memory_as_their_pickled_copy_does() -> None:
    """Sums over another order of the same numbers round differently, and a process of its own gets a copy."""
    features = compute_features(sample("daily9"), DEFAULT_FEATURES)
    assert features.strides == pickle.loads(pickle.dumps(features)).strides == np.empty(features.shape, "f4").strides


def test_cut_history_gives_the_same_features() -> None:
    panel = sample("daily9", ["SPY", "AAPL"], "2015", "2016")
    cut = panel.select(end="2015-12-31")
    np.testing.assert_array_equal(compute_features(panel, ALL)[: len(cut)], compute_features(cut, ALL))


def test_still_market_has_quiet_finite_features() -> None:
    features = compute_features(synthetic("flat", 2, 100), ALL)[63 + 20 :]
    assert np.isfinite(features).all() and (np.abs(features) < 1e-6).all()


def test_unknown_and_impossible_features_are_named() -> None:
    panel = _bars()
    with pytest.raises(DataError, match=r"unknown feature 'retrun_5'\. Did you mean 'return_5'\?"):
        compute_features(panel, ["retrun_5"])
    with pytest.raises(DataError, match="at least 2 bars"):
        compute_features(panel, ["volatility_1"])
    with pytest.raises(DataError, match=r"unknown feature 'taylr_slope_9_z5'\. Did you mean 'taylor_slope_9_z5'\?"):
        compute_features(panel, ["taylr_slope_9_z5"])
    with pytest.raises(DataError, match="'haar_detail_12' needs a power of two, such as 8 or 16 bars"):
        compute_features(panel, ["haar_detail_12"])
    with pytest.raises(DataError, match="listed twice"):
        compute_features(panel, ["return_1", "return_1"])
    closes = MarketPanel(("A",), panel.timestamps, panel.close, source="closes.csv")
    with pytest.raises(DataError, match=r"'range_1' needs high and low, which closes\.csv does not have"):
        compute_features(closes, ["range_1"])
    usable = default_features(closes)
    assert set(usable) < set(DEFAULT_FEATURES) and compute_features(closes, usable).shape == (5, 1, len(usable))
    assert default_features(panel) == DEFAULT_FEATURES


def test_market_caches_features_and_accepts_none() -> None:
    market = Market(_bars())
    assert market.features(["return_1"]) is market.features(("return_1",))
    assert market.features([]).shape == (5, 1, 0)


def test_normalizer_uses_training_bars_only() -> None:
    random = np.random.default_rng(0)
    features = random.normal(3.0, 2.0, (200, 4, 2)).astype(np.float32)
    features[:10] = np.nan
    fitted = Normalizer.fit(["a", "b"], features, slice(0, 100))
    np.testing.assert_allclose(fitted.mean, features[10:100].reshape(-1, 2).mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(fitted.std, features[10:100].reshape(-1, 2).std(axis=0), rtol=1e-5)
    features[100:] = 1e9
    again = Normalizer.fit(["a", "b"], features, slice(0, 100))
    np.testing.assert_array_equal(again.mean, fitted.mean)
    assert (fitted.apply(features[100:]) == 5.0).all()


def test_normalizer_is_elementwise_and_survives_json() -> None:
    import json

    features = np.random.default_rng(1).normal(size=(50, 3, 2)).astype(np.float32)
    fitted = Normalizer.fit(["a", "b"], features, slice(None), clip=1.5)
    np.testing.assert_array_equal(fitted.apply(features)[7:9], fitted.apply(features[7:9]))
    assert fitted.apply(features).dtype == np.float32 and np.abs(fitted.apply(features)).max() == 1.5
    loaded = Normalizer.from_dict(json.loads(json.dumps(fitted.to_dict())))
    np.testing.assert_array_equal(loaded.apply(features), fitted.apply(features))


def test_normalizer_refuses_what_it_cannot_scale() -> None:
    constant = np.full((10, 2, 1), 7.0, dtype=np.float32)
    fitted = Normalizer.fit(["a"], constant, slice(None))
    assert fitted.std[0] == 1.0 and (fitted.apply(constant) == 0.0).all()
    with pytest.raises(DataError, match="no known value of a"):
        Normalizer.fit(["a"], np.full((10, 2, 1), np.nan), slice(None))
    with pytest.raises(DataError, match="missing clip"):
        Normalizer.from_dict({"feature_names": ["a"], "mean": [0.0], "std": [1.0]})
    with pytest.raises(DataError, match="must be positive"):
        Normalizer(("a",), np.zeros(1), np.zeros(1))
