"""Minimum variance and Kelly: hand-worked cases, and the conditions of the optimum rather than another solver."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf

import rlx
from rlx.policies.optimal import Kelly, MinimumVariance
from tests.evaluate.players import random_market
from tests.policies.acting import closes


def test_minimum_variance_by_hand() -> None:
    # Orthogonal +-1% and +-2%, over and over: S is diag(1, 4) e-4 and shrinks to S + d (2.5 - S). Over n returns r the
    # shrinkage is the mean of |r r' - S|^2 over n |S - 2.5|^2: here (2 x 2 x 2) / (n (1.5^2 + 1.5^2)), by the
    # off-diagonal +-2 alone. With n = 40, d = 8 / 180.
    close = closes([0.01, 0.01, -0.01, -0.01] * 10, [0.02, -0.02, 0.02, -0.02] * 10)
    variances = np.array([1.0, 4.0]) + 8.0 / 180.0 * (2.5 - np.array([1.0, 4.0]))
    expected = (1.0 / variances) / (1.0 / variances).sum()
    np.testing.assert_allclose(MinimumVariance(lookback_steps=40).estimate(close), expected, atol=1e-5)


def test_kelly_by_hand() -> None:
    # One asset (shrunk to itself), +10.5% or -9.5%: mean 0.5%, variance 1%, and mean/variance is a half.
    # At +11.5% or -8.5% it is 1.5, cut to all there is; with the signs turned it is negative.
    assert Kelly(lookback_steps=20, cap=1.0).estimate(closes([0.105, -0.095] * 10)) == pytest.approx([0.5], abs=1e-4)
    assert Kelly(lookback_steps=20, cap=1.0).estimate(closes([0.115, -0.085] * 10)) == pytest.approx([1.0], abs=1e-6)
    assert Kelly(lookback_steps=20, cap=0.3).estimate(closes([0.105, -0.095] * 10)) == pytest.approx([0.3], abs=1e-6)
    assert Kelly(lookback_steps=20, cap=1.0).estimate(closes([0.095, -0.105] * 10)) == pytest.approx([0.0], abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_minimum_variance_meets_the_conditions_of_the_minimum(seed: int) -> None:
    close = random_market(61, 6, seed).panel.close
    weights = MinimumVariance(lookback_steps=60).estimate(close)
    covariance = ledoit_wolf(close[1:] / close[:-1] - 1.0)[0]
    marginal = covariance @ weights / (weights @ covariance @ weights)
    # what is held adds variance equally; what is not would add no less
    np.testing.assert_allclose(marginal[weights > 1e-5], 1.0, atol=1e-4)
    assert (marginal > 1.0 - 1e-4).all()
    assert weights.sum() == pytest.approx(1.0) and (weights >= 0.0).all()


@pytest.mark.parametrize("cap", [0.25, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_no_neighbour_of_the_kelly_weights_grows_faster(seed: int, cap: float) -> None:
    close = random_market(61, 6, seed, volatility=0.05).panel.close
    returns = close[1:] / close[:-1] - 1.0
    mean, covariance = returns.mean(axis=0), ledoit_wolf(returns)[0]
    weights = Kelly(lookback_steps=60, cap=cap).estimate(close)
    growth = mean @ weights - 0.5 * weights @ covariance @ weights
    rng = np.random.default_rng(seed)
    for size in (1e-3, 1e-2, 1e-1):
        others = (weights + rng.normal(0.0, size, (200, 6))).clip(0.0, cap)
        others /= np.maximum(1.0, others.sum(axis=1, keepdims=True))
        rivals = others @ mean - 0.5 * np.einsum("ba,ac,bc->b", others, covariance, others)
        assert rivals.max() <= growth + 1e-8


def test_kelly_fills_up_what_grows_without_any_risk() -> None:
    close = closes([0.01] * 30, [0.03] * 30, [-0.02] * 30, [0.02] * 30)
    np.testing.assert_allclose(Kelly(lookback_steps=30, cap=0.4).estimate(close), [0.2, 0.4, 0.0, 0.4])
    np.testing.assert_allclose(Kelly(lookback_steps=30, cap=0.25).estimate(close), [0.25, 0.25, 0.0, 0.25])


def test_the_optimiser_is_imported_by_those_alone_that_need_it() -> None:
    source = {path.name: path.read_text(encoding="utf-8") for path in Path(rlx.__path__[0]).rglob("*.py")}
    assert [name for name, text in source.items() if re.search(r"^\s*(from|import) skfolio", text, re.M)] == [
        "optimal.py"
    ]
    assert not [
        name for name, text in source.items() if re.search(r"^\s*(from|import) rlx.policies.optimal", text, re.M)
    ]
