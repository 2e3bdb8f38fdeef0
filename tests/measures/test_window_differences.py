"""Mean differences over overlapping windows: what they are sure of, and what they are not."""

from __future__ import annotations

import numpy as np
import pytest

from rlx.measures.window_differences import Difference, adjusted, independent_windows, mean_differences
from rlx.types import FloatArray

STEPS = 20


def differences(delta: FloatArray, among: FloatArray | None = None, steps: int = STEPS) -> Difference:
    group = np.ones(len(delta), bool) if among is None else np.asarray(among, bool)
    return mean_differences({"d": delta}, {"g": group}, np.arange(len(delta)), steps, replications=300)["d"]["g"]


def window_sums(steps: FloatArray, window: int = STEPS) -> FloatArray:
    return np.convolve(steps, np.ones(window), mode="valid")


def test_independent_windows_are_counted_greedily() -> None:
    assert independent_windows(np.arange(41), 20) == 3  # 0, 20, 40
    assert independent_windows(np.array([0, 1, 19, 20, 25, 90]), 20) == 3
    assert independent_windows(np.arange(5), 1) == 5
    assert independent_windows(np.array([], dtype=int), 20) == 0


def test_nothing_changed_is_no_evidence_of_anything() -> None:
    assert differences(np.zeros(200)) == Difference(0.0, 0.0, 0.0, 1.0)


def test_windows_of_one_step_have_the_error_of_a_mean() -> None:
    delta = np.random.default_rng(0).normal(1.0, 2.0, 400)
    found = differences(delta, steps=1)
    error = delta.std(ddof=1) / 20.0
    assert found.estimate == pytest.approx(delta.mean())
    assert found.high - found.low == pytest.approx(2 * 1.966 * error, rel=0.15)  # type: ignore[operator]


def test_overlapping_windows_are_as_uncertain_as_their_steps() -> None:
    steps = np.random.default_rng(1).normal(0.0, 1.0, 4019)
    found = differences(window_sums(steps))  # each the sum of 20 steps: the mean has the error 20 / sqrt(4000)
    assert found.high - found.low == pytest.approx(2 * 1.972 * 20.0 / np.sqrt(4000.0), rel=0.2)  # type: ignore[operator]


def test_chance_is_called_evidence_about_as_often_as_it_should_be() -> None:
    random = np.random.default_rng(2)
    false = [differences(window_sums(random.standard_t(5, 219))).p_value < 0.1 for _ in range(150)]  # type: ignore[operator]
    assert 0.02 < np.mean(false) < 0.2  # 0.1; percentiles of the resamples would be wrong on more than a quarter


def test_a_real_difference_is_found_and_only_in_its_group() -> None:
    noise = window_sums(np.random.default_rng(3).normal(0.0, 0.01, 619))
    stressed = np.arange(600) < 300
    delta = noise + np.where(stressed, 0.5, 0.0)
    groups = {"stressed": stressed, "calm": ~stressed}
    found = mean_differences({"d": delta}, groups, np.arange(600), STEPS, replications=300)["d"]
    assert found["stressed"].low > 0.3 and found["stressed"].p_value < 1e-6  # type: ignore[operator]
    assert found["calm"].low < 0.0 < found["calm"].high  # type: ignore[operator]


def test_too_few_windows_get_a_reason() -> None:
    assert differences(np.ones(40)).reason == "two without shared steps; an interval needs 3"
    assert differences(np.ones(5)).reason == "one without shared steps; an interval needs 3"
    assert differences(np.ones(100), np.zeros(100)) == Difference(None, reason="there is no such window")
    assert differences(np.ones(41)) == Difference(1.0, 1.0, 1.0, 0.0)  # three, and the same in all


def test_the_same_seed_gives_the_same_interval() -> None:
    delta = np.random.default_rng(4).normal(size=200)
    assert differences(delta) == differences(delta)


def test_signs_wait_for_the_correction() -> None:
    corrected = adjusted([Difference(1.0, 0.1, 1.9, 0.02), Difference(-1.0, -1.2, -0.8, 0.001), Difference(1.0)])
    assert [item.p_adjusted for item in corrected] == [0.02, 0.002, None]
    assert [item.sign(0.05) for item in corrected] == [1, -1, 0]
    crowded = adjusted([Difference(1.0, 0.1, 1.9, 0.02), *[Difference(0.0, -1.0, 1.0, 0.9)] * 3])
    assert crowded[0].p_adjusted == pytest.approx(0.08) and crowded[0].sign(0.05) == 0
    assert Difference(1.0, 0.1, 1.9, 0.001).sign(0.05) == 0


def test_the_degrees_of_freedom_are_those_of_windows_that_share_no_step() -> None:
    delta = window_sums(np.random.default_rng(5).normal(0.3, 1.0, 219))  # 200 windows, 10 of which share no step
    everything = {"g": np.ones(200, bool)}
    wide, narrow = (
        mean_differences({"d": delta}, everything, np.arange(200), STEPS, replications=300, confidence=c)["d"]["g"]
        for c in (0.95, 0.5)
    )
    ratio = (wide.high - wide.low) / (narrow.high - narrow.low)  # type: ignore[operator]
    assert ratio == pytest.approx(2.26216 / 0.70272, rel=1e-4)  # Student's t with 9 degrees of freedom
    exact = mean_differences(
        {"d": delta}, everything, np.arange(200), STEPS, replications=300, confidence=1 - wide.p_value
    )  # type: ignore[operator]
    assert exact["d"]["g"].low == pytest.approx(0.0, abs=1e-9)  # the widest interval that excludes zero
