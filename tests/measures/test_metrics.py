"""Every measure against arithmetic worked by hand, an independent library's published values, and its NaN rule."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from rlx.measures import metrics

R = np.array([0.10, -0.05, 0.02, 0.03])
V = np.cumprod(1 + R)  # 1.1, 1.045, 1.0659, 1.097877
MIXED = np.array([1.0, 10.0, -4.0, 2.0, 3.0, 2.0, 1.0, -10.0]) / 100

returns = npst.arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(2, 30)), elements=st.floats(-0.3, 0.3))


def test_growth() -> None:
    assert metrics.cumulative_return(R) == pytest.approx(0.097877)
    assert metrics.annual_return(R, 4.0) == pytest.approx(0.097877)  # four steps are a year
    assert metrics.annual_return(R, 8.0) == pytest.approx(1.097877**2 - 1)


def test_risk_and_ratios() -> None:
    # mean 0.025; deviations 0.075 -0.075 -0.005 0.005, squares 0.0113, / 3
    deviation = math.sqrt(0.0113 / 3)
    assert metrics.volatility(R, 252.0) == pytest.approx(deviation * math.sqrt(252))
    assert metrics.sharpe(R, 252.0) == pytest.approx(0.025 / deviation * math.sqrt(252))
    assert metrics.sortino(R, 252.0) == pytest.approx(math.sqrt(252))  # downside sqrt(0.0025 / 4) = 0.025
    assert metrics.max_drawdown(V) == pytest.approx(0.05)  # 1.1 -> 1.045
    assert metrics.calmar(R, V, 4.0) == pytest.approx(0.097877 / 0.05)
    assert metrics.hit_rate(R) == 0.75
    # 5% quantile of -5% 2% 3% 10%: 0.15 of the way from -5% to 2%
    assert metrics.value_at_risk(R) == pytest.approx(0.05 - 0.15 * 0.07)
    assert metrics.conditional_value_at_risk(R) == pytest.approx(0.05)
    assert metrics.per_year(np.array([0.001, 0.003]), 252.0) == pytest.approx(0.504)


def test_values_that_empyrical_publishes_in_its_own_tests() -> None:
    """Series and expected numbers of empyrical's test_stats (``mixed_returns``, which there begins with a NaN)."""
    assert metrics.sharpe(MIXED, 252.0) == pytest.approx(1.7238613961706866, abs=1e-12)
    assert metrics.sortino(MIXED, 252.0) == pytest.approx(2.605531251673693, abs=1e-12)
    assert metrics.volatility(MIXED, 252.0) == pytest.approx(0.9136465399704637, abs=1e-12)
    nine = np.concatenate(([0.0], MIXED))  # empyrical counts the NaN as a day
    assert metrics.annual_return(nine, 252.0) == pytest.approx(1.9135925373194231, abs=1e-12)
    assert metrics.max_drawdown(np.cumprod(1 + nine)) == pytest.approx(0.1, abs=1e-12)
    assert metrics.calmar(nine, np.cumprod(1 + nine), 252.0) == pytest.approx(19.135925373194233, abs=1e-10)


def test_the_fall_from_the_starting_value_is_a_drawdown() -> None:
    assert metrics.max_drawdown(np.array([0.9, 0.95])) == pytest.approx(0.1)
    assert metrics.drawdowns(np.array([0.9, 1.2, 0.6])) == pytest.approx([0.1, 0.0, 0.5])


@pytest.mark.parametrize("constant", [0.0, 0.001, -0.002, 0.1 + 0.2])
def test_a_constant_series_has_no_sharpe_and_never_an_infinite_one(constant: float) -> None:
    series = np.full(50, constant)
    series[::2] += 1e-17  # rounding noise is no variance
    assert np.isnan(metrics.sharpe(series, 252.0))
    assert metrics.volatility(series, 252.0) == 0.0


def test_what_does_not_exist_is_nan() -> None:
    gains, still = np.array([0.01, 0.02]), np.zeros(3)
    assert np.isnan(metrics.sortino(gains, 252.0))
    assert np.isnan(metrics.calmar(gains, np.cumprod(1 + gains), 252.0))
    assert np.isnan(metrics.hit_rate(still))
    one = np.array([0.01])
    assert np.isnan(metrics.volatility(one, 252.0)) and np.isnan(metrics.sharpe(one, 252.0))
    assert np.isnan(metrics.annual_return(np.array([0.5]), 98_280.0))  # 1.5^98280 overflows


def test_a_ruined_account_has_finite_returns() -> None:
    ruined = np.array([0.1, -1.5, 0.0])
    assert metrics.cumulative_return(ruined) == pytest.approx(-1.0)
    assert metrics.annual_return(ruined, 252.0) == pytest.approx(-1.0)


@given(returns)
def test_batched_measures_are_the_measures_of_each_row(batch: np.ndarray) -> None:
    value = np.cumprod(1 + batch, axis=-1)
    measures = {
        "sharpe": lambda r, v: metrics.sharpe(r, 252.0),
        "sortino": lambda r, v: metrics.sortino(r, 252.0),
        "calmar": lambda r, v: metrics.calmar(r, v, 252.0),
        "hit_rate": lambda r, v: metrics.hit_rate(r),
        "cvar": lambda r, v: metrics.conditional_value_at_risk(r),
        "cumulative": lambda r, v: metrics.cumulative_return(r),
    }
    for measure in measures.values():
        whole = measure(batch, value)
        assert whole.shape == batch.shape[:1]
        rows = [measure(r, v) for r, v in zip(batch, value, strict=True)]
        np.testing.assert_allclose(whole, rows, rtol=1e-9, atol=1e-12)
        assert not np.isinf(whole).any()


@given(returns)
def test_laws(batch: np.ndarray) -> None:
    var, cvar = metrics.value_at_risk(batch), metrics.conditional_value_at_risk(batch)
    assert (cvar >= var - 1e-12).all()
    assert (cvar <= -batch.min(axis=-1) + 1e-12).all()
    value = np.cumprod(1 + batch, axis=-1)
    np.testing.assert_allclose(value[..., -1] - 1.0, metrics.cumulative_return(batch), atol=1e-9)
    drawdown = metrics.max_drawdown(value)
    assert ((drawdown >= 0) & (drawdown < 1)).all()
    twice = metrics.sharpe(2 * batch, 252.0)  # leverage without costs does not change a Sharpe ratio
    np.testing.assert_allclose(twice, metrics.sharpe(batch, 252.0), rtol=1e-6, atol=1e-9)
