"""Taylor and Haar features: hand-worked values, exactness on the series they are made for, and laws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlx.data.features import compute_features
from rlx.data.filters import haar_detail_weights, haar_smooth_weights, taylor_weights
from rlx.data.panel import MarketPanel
from rlx.data.sources import sample, synthetic
from rlx.types import FloatArray

TAYLOR = ("taylor_level_9", "taylor_slope_9", "taylor_curvature_9")
NAMES = (*TAYLOR, "haar_detail_8", "haar_smooth_8")


def of_logs(logs: FloatArray, *names: str) -> FloatArray:
    """Return features (N, F) of one asset whose log closes are ``logs`` (N,)."""
    stamps = np.datetime64("2020-01-01") + np.arange(len(logs))
    return compute_features(MarketPanel(("A",), stamps, np.exp(logs)[:, None]), names)[:, 0]


def test_taylor_by_hand() -> None:
    # One parabola goes through p0 p1 p2, newest first: slope (3 p0 - 4 p1 + p2)/2 and curvature p0 - 2 p1 + p2.
    level, slope, curvature = of_logs(np.array([0.0, 1.0, 4.0, 2.0]), "taylor_level_4", "taylor_slope_3",
                                      "taylor_curvature_3")[-1]  # fmt: skip
    assert slope == pytest.approx((3 * 2.0 - 4 * 4.0 + 1.0) / 2)
    assert curvature == pytest.approx(2.0 - 2 * 4.0 + 1.0)
    # Over four points the cubic part (-1, 3, -3, 1)/20 per unit of p3 - 3 p2 + 3 p1 - p0 is left over.
    third = 2.0 - 3 * 4.0 + 3 * 1.0 - 0.0
    assert level == pytest.approx(-third / 20)


def test_haar_by_hand() -> None:
    detail, longer, smooth = of_logs(np.array([0.0, 1.0, 4.0, 2.0]), "haar_detail_2", "haar_detail_4", "haar_smooth_4")[
        -1
    ]
    assert detail == pytest.approx((2.0 - 4.0) / 2)
    assert longer == pytest.approx(((4.0 + 2.0) / 2 - (0.0 + 1.0) / 2) / 2)
    assert smooth == pytest.approx((0.0 + 1.0 + 4.0 + 2.0) / 4 - 2.0)


@given(st.floats(-0.05, 0.05), st.floats(-0.002, 0.002), st.integers(4, 30))
def test_taylor_is_exact_on_lines_and_parabolas(slope: float, curvature: float, bars: int) -> None:
    ago = np.arange(-39.0, 1.0)
    level, fitted_slope, fitted_curvature = of_logs(
        4.0 + slope * ago + curvature * ago**2 / 2, f"taylor_level_{bars}", f"taylor_slope_{bars}",
        f"taylor_curvature_{bars}",
    )[-1]  # fmt: skip
    assert level == pytest.approx(0.0, abs=1e-12)
    assert fitted_slope == pytest.approx(slope, rel=1e-6, abs=1e-12)
    assert fitted_curvature == pytest.approx(curvature, rel=1e-6, abs=1e-12)


def test_taylor_is_the_parabola_numpy_fits() -> None:
    closes = sample("daily9", ["SPY"], "2015", "2015").close[:, 0]
    for n in (4, 21, 64):
        got = of_logs(np.log(closes), f"taylor_level_{n}", f"taylor_slope_{n}", f"taylor_curvature_{n}")[-1]
        half_curvature, slope, level = np.polyfit(np.arange(1.0 - n, 1.0), np.log(closes[-n:] / closes[-1]), 2)
        np.testing.assert_allclose(got, [level, slope, 2 * half_curvature], rtol=1e-5)


@pytest.mark.parametrize("n", [2, 4, 16])
def test_haar_on_a_step_rises_and_falls_again(n: int) -> None:
    # A step of 1: the detail peaks at 1/2 when the step lies between the halves, and is over after n bars.
    logs = np.r_[np.zeros(20), np.ones(20)]
    detail, smooth = of_logs(logs, f"haar_detail_{n}", f"haar_smooth_{n}").T
    since = np.arange(1, n + 1)  # bars on the new level
    np.testing.assert_allclose(detail[20 : 20 + n], np.minimum(since, n - since) / n, atol=1e-7)
    np.testing.assert_allclose(smooth[20 : 20 + n], since / n - 1, atol=1e-7)
    assert (detail[20 + n :] == 0.0).all() and np.abs(smooth[20 + n :]).max() < 1e-12


def test_haar_details_and_smooth_add_up_to_the_log_close() -> None:
    names = ("haar_detail_2", "haar_detail_4", "haar_detail_8", "haar_detail_16", "haar_smooth_16")
    logs = np.cumsum(np.random.default_rng(0).normal(0, 0.02, 100))
    np.testing.assert_allclose(of_logs(logs, *names)[15:].sum(axis=1), 0.0, atol=1e-7)


def test_a_white_series_has_the_variance_of_its_scale() -> None:
    # Percival and Walden: the weights of level j have squares that add up to 2^-j.
    assert [np.sum(haar_detail_weights(n) ** 2) for n in (2, 8, 32)] == pytest.approx([1 / 2, 1 / 8, 1 / 32])


@given(st.floats(1e-6, 1e6), st.integers(0, 2**32 - 1))
def test_the_unit_of_a_price_does_not_matter(factor: float, seed: int) -> None:
    panel = synthetic("random_walk", 2, 60, seed=seed)
    scaled = replace(panel, close=panel.close * factor, open=None, high=None, low=None, volume=None)
    before, after = compute_features(panel, NAMES), compute_features(scaled, NAMES)
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("price", [1e-6, 0.1, 123.456, 1e9])
def test_a_constant_price_is_exactly_zero(price: float) -> None:
    features = of_logs(np.full(40, np.log(price)), *NAMES, "taylor_slope_9_z5", "haar_detail_8_z5")
    assert (features[8 + 4 :] == 0.0).all()


def test_a_panel_shorter_than_the_filter_has_no_value() -> None:
    assert np.isnan(of_logs(np.zeros(5), "taylor_slope_6", "haar_detail_8")).all()


@pytest.mark.parametrize("n", [4, 64, 512])
def test_weights_add_up_to_zero(n: int) -> None:
    weights = [taylor_weights(order)(n) for order in range(3)] + [haar_detail_weights(n), haar_smooth_weights(n)]
    assert all(w.shape == (n,) and abs(w.sum()) < 1e-9 for w in weights)
