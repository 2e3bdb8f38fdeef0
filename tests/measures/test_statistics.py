"""Intervals: reproducible, sane, honest about when there are none, and fast."""

from __future__ import annotations

import numpy as np
import pytest

from rlx.measures import metrics
from rlx.measures.statistics import block_length, bootstrap_intervals, paired_excess, return_statistics

STATISTICS = return_statistics(252.0)


def series(steps: int = 400, seed: int = 0, mean: float = 0.0005) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 0.01, steps)


def test_the_same_seed_gives_the_same_interval_and_another_seed_nearly_so() -> None:
    first, again = (bootstrap_intervals(series(), STATISTICS, seed=0) for _ in range(2))
    other = bootstrap_intervals(series(), STATISTICS, seed=1)
    assert first == again
    assert first["sharpe"].low != other["sharpe"].low
    assert first["sharpe"].low == pytest.approx(other["sharpe"].low, abs=0.25)


def test_interval_holds_the_estimate_and_agrees_with_lo() -> None:
    returns = series(2000, seed=3)
    interval = bootstrap_intervals(returns, STATISTICS)["sharpe"]
    assert interval.estimate == pytest.approx(metrics.sharpe(returns, 252.0))
    # Lo (2002): the standard error of the Sharpe ratio of T independent returns, per step, is sqrt((1 + s^2/2) / T)
    per_step = interval.estimate / np.sqrt(252)
    error = np.sqrt((1 + per_step**2 / 2) / 2000) * np.sqrt(252)
    assert interval.low == pytest.approx(interval.estimate - 1.96 * error, abs=0.2 * error)
    assert interval.high == pytest.approx(interval.estimate + 1.96 * error, abs=0.2 * error)


def test_annual_and_cumulative_return_share_their_resamples() -> None:
    intervals = bootstrap_intervals(series(252), STATISTICS)  # one year: the two are the same number
    annual, total = intervals["annual_return"], intervals["cumulative_return"]
    assert (annual.low, annual.high) == (pytest.approx(total.low), pytest.approx(total.high))


@pytest.mark.parametrize(("mean", "covers"), [(0.0, True), (0.01, False), (-0.01, False)])
def test_covers_zero(mean: float, covers: bool) -> None:
    assert bootstrap_intervals(series(mean=mean), STATISTICS)["sharpe"].covers_zero is covers


def test_dependence_widens_the_interval() -> None:
    noise = series(1000, mean=0.0)
    smooth = np.convolve(noise, np.ones(10) / 10, mode="valid")  # autocorrelated over ten steps
    assert block_length(smooth) > 5
    mean = {"mean": lambda r: r.mean(axis=-1)}
    blocks = bootstrap_intervals(smooth, mean)["mean"]
    naive = 1.96 * smooth.std() / np.sqrt(len(smooth))
    assert blocks.high - blocks.low > 2 * (2 * naive)


def test_clustered_volatility_lengthens_the_blocks() -> None:
    calm_and_wild = series(1000, mean=0.0) * np.where(np.arange(1000) // 50 % 2, 0.3, 3.0)
    assert block_length(series(1000, mean=0.0)) < 5
    assert block_length(calm_and_wild) > 20  # the regimes last 50 steps; the returns themselves are uncorrelated


def test_a_short_series_gets_a_reason_instead() -> None:
    interval = bootstrap_intervals(series(19), STATISTICS)["sharpe"]
    assert (interval.low, interval.high, interval.covers_zero) == (None, None, None)
    assert interval.reason == "an interval needs at least 20 steps, this has 19"
    assert interval.estimate == pytest.approx(metrics.sharpe(series(19), 252.0))
    assert bootstrap_intervals(series(20), STATISTICS)["sharpe"].low is not None


def test_cash_gets_a_reason_instead() -> None:
    intervals = bootstrap_intervals(np.zeros(100), STATISTICS)
    assert intervals["sharpe"].reason == "the returns do not vary"
    assert intervals["sharpe"].estimate is None
    assert intervals["cumulative_return"].estimate == 0.0


def test_one_trade_in_a_hundred_steps_survives() -> None:
    returns = np.zeros(100)
    returns[3] = 0.01
    interval = bootstrap_intervals(returns, STATISTICS)["sharpe"]
    assert interval.low is not None and np.isfinite([interval.low, interval.high]).all()
    assert interval.replications < 2000  # resamples without the trade have no Sharpe ratio


def test_returns_that_are_not_finite_get_a_reason() -> None:
    returns = series()
    returns[5] = np.nan
    assert bootstrap_intervals(returns, {"mean": lambda r: r.mean(-1)})["mean"].reason == "some returns are not finite"


def test_pairing_removes_what_moves_both() -> None:
    baseline = series(500, seed=1)
    policy = baseline + np.random.default_rng(2).normal(0.0002, 0.0002, 500)
    excess = paired_excess(policy, baseline, 252.0)
    assert excess.estimate == pytest.approx((policy - baseline).mean() * 252)
    assert excess.covers_zero is False  # though the policy's own interval is a hundred times wider
    assert bootstrap_intervals(policy, STATISTICS)["sharpe"].covers_zero is True
    assert paired_excess(baseline, baseline, 252.0).estimate == 0.0


@pytest.mark.slow
def test_coverage_is_close_to_nominal() -> None:
    """Of 95% intervals of 300 series whose Sharpe ratio is known, 90% to 98% contain it."""
    true = 0.0005 / 0.01 * np.sqrt(252)
    inside = 0
    for seed in range(300):
        interval = bootstrap_intervals(series(400, seed), {"sharpe": STATISTICS["sharpe"]}, replications=500)["sharpe"]
        inside += interval.low <= true <= interval.high
    assert 0.90 <= inside / 300 <= 0.98
