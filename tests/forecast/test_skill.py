"""Losses and skill: worked numbers, and forecasts whose skill is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rlx.forecast.forecaster import Forecast
from rlx.forecast.scored import Scored, last_moves, of_points, outcomes, scored
from rlx.forecast.skill import Compared, Resampling, corrected, rows, skill
from rlx.types import FloatArray
from tests.forecast.markets import daily

MARKET = daily(2, 400)
LEVELS = (0.1, 0.5, 0.9)


def of(quantiles: FloatArray, actual: FloatArray, prices: tuple[str, ...] = ("close",)) -> Scored:
    """Score one part."""
    return scored([(slice(None), Forecast(LEVELS, quantiles, None, prices))], actual, LEVELS)


def test_losses_of_one_forecast_by_hand() -> None:
    quantiles = np.array([-0.02, 0.0, 0.02]).reshape(1, 1, 1, 1, 3)
    found = of(quantiles, np.full((1, 1, 1, 1), 0.03))
    # 0.1 x 0.05, 0.5 x 0.03, 0.9 x 0.01; all quantiles are below the outcome
    np.testing.assert_allclose(found.by_level.ravel(), [0.005, 0.015, 0.009])
    assert found.pinball.item() == pytest.approx(0.029 / 3) and found.error.item() == pytest.approx(0.03)
    assert found.below.ravel().tolist() == [0.0, 0.0, 0.0]
    below = of(quantiles, np.full((1, 1, 1, 1), -0.01))
    np.testing.assert_allclose(below.by_level.ravel(), [0.1 * 0.01, 0.5 * 0.01, 0.1 * 0.03])
    assert below.below.ravel().tolist() == [0.0, 1.0, 1.0]


def test_outcomes_are_later_prices_against_the_close_and_missing_after_the_last() -> None:
    panel, bars = MARKET.panel, np.array([10, 398])
    assert panel.high is not None
    found = outcomes(panel, bars, 2, ("close", "high"))
    assert found[0, 1, 1, 1] == pytest.approx(panel.high[12, 1] / panel.close[10, 1] - 1)
    assert np.isfinite(found[1, :, 0]).all() and np.isnan(found[1, :, 1]).all()
    still = last_moves(panel, bars, 2, ("close", "high"))
    assert (still[..., 0] == 0.0).all() and still[0, 1, 1, 1] == panel.high[10, 1] / panel.close[10, 1] - 1


def test_a_missing_forecast_is_not_scored() -> None:
    quantiles = np.zeros((40, 1, 1, 1, 3))
    quantiles[3:7] = np.nan
    actual = np.random.default_rng(0).normal(0, 0.01, (40, 1, 1, 1))
    own = of(quantiles, actual)
    assert np.isnan(own.pinball[3:7]).all() and np.isnan(own.below[3:7]).all()
    still = of_points(np.zeros_like(actual), actual, LEVELS, ("close",))
    (row,) = rows(Compared(own, still, still), Resampling(50))
    assert row.bars == 36 and row.skill_over_null.estimate == 0.0
    assert row.mae == pytest.approx(np.abs(np.delete(actual.ravel(), slice(3, 7))).mean())


def test_highs_below_lows_are_marked() -> None:
    quantiles = np.zeros((2, 1, 1, 3, 3))
    quantiles[1, 0, 0, 1], quantiles[1, 0, 0, 2] = -0.01, 0.01
    found = of(quantiles, np.zeros((2, 1, 1, 3)), ("close", "high", "low"))
    assert found.invalid.tolist() == [[False], [True]]


def test_skill_is_the_share_of_the_loss_that_is_saved_and_every_symbol_counts_the_same() -> None:
    other = np.column_stack([np.linspace(1, 2, 50), 100 * np.linspace(1, 2, 50)])
    loss = other * [0.8, 1.0]
    found = skill(loss, other, np.ones_like(loss, dtype=bool), Resampling(200))
    assert found.estimate == pytest.approx(0.1), "20% of one, nothing of the other"
    assert found.low is not None and found.low > 0.0 and found.covers_zero is False
    assert skill(other, other, np.ones_like(loss, dtype=bool), Resampling(200)).reason == "the returns do not vary"
    nothing = skill(loss, other, np.zeros_like(loss, dtype=bool), Resampling(200))
    assert nothing.estimate is None and nothing.reason == "there is nothing to compare"


def test_the_true_distribution_has_skill_over_one_that_is_too_wide_and_medians_have_none() -> None:
    random = np.random.default_rng(1)
    actual = random.normal(0, 0.01, (300, 2, 1, 1))
    true = 0.01 * np.array([-1.2816, 0.0, 1.2816])
    own, wide = (of(np.broadcast_to(size * true, (300, 2, 1, 1, 3)), actual) for size in (1.0, 3.0))
    (row,) = rows(Compared(own, wide, of_points(np.zeros_like(actual), actual, LEVELS, ("close",))), Resampling(200))
    assert row.skill_over_null.low is not None and row.skill_over_null.low > 0.2
    assert row.mae_skill.estimate == 0.0
    np.testing.assert_allclose([share or 0.0 for share in row.coverage], LEVELS, atol=0.05)
    assert row.null_coverage[0] == pytest.approx(0.0, abs=0.01)


def test_p_values_are_corrected_for_the_number_of_symbols() -> None:
    actual = np.random.default_rng(1).normal(0, 0.01, (60, 1, 1, 1))
    own = of(np.zeros((60, 1, 1, 1, 3)), actual)
    (row,) = rows(Compared(own, own, own), Resampling(50))
    with_p = [replace(row, skill_over_null=replace(row.skill_over_null, p_value=p)) for p in (0.01, 0.04)]
    found = corrected({"A": [with_p[0]], "B": [with_p[1]], "C": [row]})
    assert [found[symbol][0].p_value for symbol in "ABC"] == [0.02, 0.04, None]
