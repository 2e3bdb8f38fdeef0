"""Outliers by hand: the fence, the events behind them, and the mean without them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlx.measures.evaluation import WindowLedger
from rlx.measures.outliers import describe_outliers, episodes, flag_names, outlier_sides, tukey_fence

DAYS = np.datetime64("2020-01-01T00:00:00", "ns") + np.arange(100) * np.timedelta64(1, "D")


def windows(n: int, steps: int, stride: int = 1) -> WindowLedger:
    """Return windows whose starts are days, without a book: outliers read dates only."""
    starts = np.arange(n) * stride
    bars = starts[:, None] + np.arange(steps)
    book: Any = None
    return WindowLedger("windows", starts, DAYS[bars], DAYS[bars + 1], book)


def test_the_fence_by_hand() -> None:
    # Quartiles of 1 .. 8 and 100: 3 and 7, so a distance of 4.
    values = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 100])
    assert tukey_fence(values, 1.5) == (3 - 6, 7 + 6)
    assert tukey_fence(values, 0.25) == (2, 8)
    assert outlier_sides(values, (-3.0, 13.0)).tolist() == [0] * 8 + [1]
    assert outlier_sides(values, (2.0, 8.0)).tolist() == [-1, 0, 0, 0, 0, 0, 0, 0, 1]  # a bound itself is inside
    assert flag_names(np.array([-1, 0, 1])) == ["low", None, "high"]


@pytest.mark.parametrize("values", [[0.0, 0.0, 9.0], [1.0, *[0.0] * 7, 9.0], [0.0] * 8])
def test_without_a_scale_nothing_is_far(values: list[float]) -> None:
    """Three windows, or a middle half that is all alike, as of a policy that is mostly in cash."""
    assert tukey_fence(np.array(values), 1.5) is None
    assert not outlier_sides(np.array(values), None).any()


def test_outliers_that_share_a_step_are_one_episode() -> None:
    flagged = np.zeros(12, dtype=bool)
    flagged[[0, 1, 5, 7, 10]] = True
    # Windows of 3 steps: 1 and 5 share none, 5 and 7 share bar 7, 7 and 10 none (bars 7 to 9, and 10 to 12).
    assert [group.tolist() for group in episodes(flagged, windows(12, 3))] == [[0, 1], [5, 7], [10]]
    assert [group.tolist() for group in episodes(flagged, windows(12, 4))] == [[0, 1], [5, 7, 10]]
    assert [group.tolist() for group in episodes(flagged, windows(12, 1))] == [[0], [1], [5], [7], [10]]
    assert episodes(np.zeros(12, dtype=bool), windows(12, 3)) == []


def test_what_they_are_and_do_by_hand() -> None:
    values = np.array([-9.0, 1, 2, 2, 3, 3, 4, 4, 20, 30])
    found = describe_outliers(values, (-1.0, 7.0), windows(10, 2))
    assert (found["fence_low"], found["fence_high"], found["n_low"], found["n_high"]) == (-1.0, 7.0, 1, 2)
    assert (found["mean"], found["median"]) == (6.0, 3.0)
    assert found["mean_without"] == pytest.approx(19 / 7) and found["median_without"] == 3.0
    assert found["mean_without_high"] == 10 / 8 and found["high_share_of_mean"] == pytest.approx(50 / 60)
    assert found["episodes"] == [
        {
            "side": "low",
            "first": "2020-01-01T00:00:00",
            "last": "2020-01-03T00:00:00",
            "windows": 1,
            "farthest": -9.0,
            "farthest_window": 0,
        },
        {
            "side": "high",
            "first": "2020-01-09T00:00:00",
            "last": "2020-01-12T00:00:00",  # the last of two decides on the 10th and 11th
            "windows": 2,
            "farthest": 30.0,
            "farthest_window": 9,
        },
    ]


def test_the_farthest_of_an_episode_is_the_lowest_of_low_ones_and_the_highest_of_high_ones() -> None:
    found = describe_outliers(np.array([-5.0, -9, -7, 0, 5, 9, 7]), (-1.0, 1.0), windows(7, 2))
    assert [(one["farthest"], one["farthest_window"]) for one in found["episodes"]] == [(-9.0, 1), (9.0, 5)]


def test_no_part_is_taken_of_a_mean_that_is_not_above_zero() -> None:
    found = describe_outliers(np.array([-30.0, 1, 2, 20]), (0.0, 10.0), windows(4, 1))
    assert found["high_share_of_mean"] is None and found["mean_without_high"] == -9.0


def test_without_a_fence_there_are_no_outliers_and_the_numbers_stay() -> None:
    found = describe_outliers(np.zeros(6), None, windows(6, 2))
    assert (found["fence_low"], found["fence_high"], found["episodes"]) == (None, None, [])
    assert (found["mean"], found["mean_without"], found["high_share_of_mean"]) == (0.0, 0.0, None)
