"""Several seeds and several tests, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rlx.measures.multiple import holm_correction, interquartile_mean


def test_the_middle_half_of_the_scores_counts() -> None:
    assert interquartile_mean(np.array([100.0, 1.0, 2.0, 3.0, -50.0, 4.0, 5.0, 6.0])) == 3.5  # of 2, 3, 4, 5
    assert interquartile_mean(np.array([[1.0, 2.0], [3.0, 90.0]])) == 2.5  # runs of several markets count alike
    assert interquartile_mean(np.array([1.0, 2.0, 9.0])) == 4.0  # a quarter of three is none


@pytest.mark.parametrize("scores", [[], [1.0, np.nan]])
def test_scores_that_are_missing_are_refused(scores: list[float]) -> None:
    with pytest.raises(ValueError, match="finite: all must be"):
        interquartile_mean(np.array(scores))


def test_holm_by_hand() -> None:
    # sorted 0.01, 0.015, 0.04: times 3, 2, 1 gives 0.03, 0.03, 0.04, never falling
    adjusted = holm_correction({"b": 0.04, "a": 0.01, "c": 0.015})
    assert adjusted == {"b": pytest.approx(0.04), "a": pytest.approx(0.03), "c": pytest.approx(0.03)}
    # 0.02 times 2 is 0.04, and what comes after cannot be less: 0.03 becomes 0.04; and 1 is the most
    assert holm_correction({"a": 0.02, "b": 0.03}) == {"a": pytest.approx(0.04), "b": pytest.approx(0.04)}
    assert holm_correction({"a": 0.7, "b": 0.9}) == {"a": 1.0, "b": 1.0}
    assert holm_correction({}) == {}


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match=r"outside \[0, 1\]: b="):
        holm_correction({"a": 0.5, "b": p})
