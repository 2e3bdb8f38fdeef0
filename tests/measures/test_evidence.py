"""Is a mean above zero for sure? By hand, and how often it errs where there is nothing."""

from __future__ import annotations

import numpy as np
import pytest

from rlx.measures.evidence import effective_number, mean_t, weigh


def test_t_without_lags_by_hand() -> None:
    # mean 2, variance (1 + 1 + 1 + 1) / 4 = 1, so t = 2 / sqrt(1 / 4)
    assert mean_t(np.array([1.0, 3.0, 1.0, 3.0]), 0) == pytest.approx(4.0)


def test_t_with_a_lag_by_hand() -> None:
    # deviations -1 -1 1 1: products 4 and 1, Bartlett weight 1/2, so variance (4 + 2 x 1/2 x 1) / 4 = 5/4
    assert mean_t(np.array([1.0, 1.0, 3.0, 3.0]), 1) == pytest.approx(2.0 / np.sqrt(1.25 / 4.0))


def test_what_does_not_vary_proves_nothing() -> None:
    assert np.isnan(mean_t(np.full(10, 0.3), 3))
    assert np.isnan(weigh(np.full((2, 10), 0.3), 3).t)


def test_equal_attempts_are_one_and_independent_ones_are_as_many() -> None:
    series = np.random.default_rng(0).normal(size=(6, 20_000))
    assert effective_number(np.repeat(series[:1], 6, axis=0)) == pytest.approx(1.0, abs=1e-6)
    assert effective_number(series) == pytest.approx(6.0, abs=0.01)
    assert effective_number(np.vstack([series[:1], np.zeros((3, 20_000))])) == 1.0


@pytest.mark.parametrize("shared", [0.0, 0.9])
def test_where_there_is_nothing_it_finds_something_as_often_as_it_says(shared: float) -> None:
    random = np.random.default_rng(1)
    found = 0
    for _ in range(400):
        attempts = np.sqrt(shared) * random.normal(size=(1, 500)) + np.sqrt(1.0 - shared) * random.normal(size=(8, 500))
        evidence = weigh(attempts, 5)
        found += evidence.t > evidence.needed(0.05)
    assert found <= 36  # 20 expected at most, and 36 is 3.7 standard deviations above
