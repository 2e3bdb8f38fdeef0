"""The published worked examples, a second route to the same number, and what a scorecard says in words."""

from __future__ import annotations

import math

import numpy as np
import purgedcv
import pytest
from scipy import optimize, stats

from rlx.evaluate.claim import write_claim
from rlx.measures.significance import (
    Significance,
    deflated_sharpe_ratio,
    expected_max_sharpe,
    measure_significance,
    min_track_record_steps,
    null_variance,
    probabilistic_sharpe_ratio,
)
from rlx.measures.trials import Sweep, Trials, count_trials

NORMAL = (0.0, 3.0)


def series(steps: int, sharpe: float, skewness: float, kurtosis: float) -> np.ndarray:
    """Return returns whose sample moments are these: quantiles of a sinh-arcsinh distribution, fitted."""
    normal = stats.norm.ppf((np.arange(steps) + 0.5) / steps)

    def shaped(parameters: np.ndarray) -> np.ndarray:
        return np.sinh((np.arcsinh(normal) + parameters[0]) / np.exp(parameters[1]))

    def misses(parameters: np.ndarray) -> list[float]:
        x = shaped(parameters)
        return [
            float(stats.skew(x, bias=False)) - skewness,
            float(stats.kurtosis(x, bias=False, fisher=False)) - kurtosis,
        ]

    found = optimize.least_squares(misses, [0.2 * skewness, 0.0], bounds=([-3.0, -1.5], [3.0, 1.5]))
    assert found.cost < 1e-8, found
    return scaled(shaped(found.x), sharpe)


def scaled(x: np.ndarray, sharpe: float) -> np.ndarray:
    """Return the series with this Sharpe ratio a step and its own shape."""
    return 0.01 * ((x - x.mean()) / x.std() + sharpe)


def noise(steps: int = 400, mean: float = 0.0005, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 0.01, steps)


@pytest.mark.parametrize(("moments", "psr"), [(NORMAL, 0.982), ((-2.448, 10.164), 0.913)])
def test_the_hedge_fund_of_bailey_and_lopez_de_prado_2012(moments: tuple[float, float], psr: float) -> None:
    """Two years of months with a Sharpe ratio of 0.458: significant at 95% only as long as its tails are overlooked."""
    assert probabilistic_sharpe_ratio(series(24, 0.458, *moments)) == pytest.approx(psr, abs=5e-4)


@pytest.mark.parametrize(
    ("per_year", "moments", "years"),
    [(252, NORMAL, 2.73), (52, NORMAL, 2.83), (12, NORMAL, 3.24), (12, (-0.72, 5.78), 4.99)],
)
def test_years_to_tell_two_from_one_of_bailey_and_lopez_de_prado_2012(
    per_year: int, moments: tuple[float, float], years: float
) -> None:
    """A yearly Sharpe ratio of 2 is above 1 at 95% after so many years, by frequency; whole steps are needed."""
    returns = series(400, 2.0 / math.sqrt(per_year), *moments)
    steps = min_track_record_steps(returns, 0.95, 1.0 / math.sqrt(per_year))
    assert steps == math.ceil(steps) and years * per_year - 0.5 < steps < years * per_year + 1.5


def test_the_strategist_of_bailey_and_lopez_de_prado_2014() -> None:
    """Best of 100 daily backtests over five years, 2.5 a year, variance 1/2 a year, skewness -3, kurtosis 10."""
    # kurtosis = skewness^2 + 1 leaves only two values, here with 105 of 1250 steps at the worse of them
    returns = scaled(np.where(np.arange(1250) < 105, -1.0, 0.0), 2.5 / math.sqrt(250))
    assert stats.skew(returns) == pytest.approx(-3.0, abs=1e-2)
    assert stats.kurtosis(returns, fisher=False) == pytest.approx(10.0, abs=1e-2)
    variance = 0.5 / 250
    assert expected_max_sharpe(100, variance) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe_ratio(returns, 100, variance) == pytest.approx(0.9004, abs=2e-4)
    assert deflated_sharpe_ratio(returns, 46, variance) == pytest.approx(0.9505, abs=2e-4)
    normal = series(1250, 2.5 / math.sqrt(250), *NORMAL)
    assert deflated_sharpe_ratio(normal, 88, variance) == pytest.approx(0.9505, abs=2e-4)


@pytest.mark.parametrize("trials", [1, 2, 20, 1000])
def test_the_deflated_ratio_is_that_of_purgedcv(trials: int) -> None:
    assert deflated_sharpe_ratio(noise(), trials, 0.003) == pytest.approx(
        purgedcv.deflated_sharpe_ratio(noise(), trials, 0.003), abs=1e-12
    )


def test_the_expected_maximum_is_that_of_a_simulation() -> None:
    best = np.random.default_rng(0).normal(0.0, 0.1, (20_000, 20)).max(axis=1).mean()
    assert expected_max_sharpe(20, 0.01) == pytest.approx(best, rel=0.02)
    assert expected_max_sharpe(1, 0.01) == 0.0


def test_the_variance_of_worthless_trials_is_that_of_a_simulation() -> None:
    draws = np.random.default_rng(1).normal(0.0, 0.01, (20_000, 100))
    ratios = draws.mean(axis=1) / draws.std(axis=1)
    assert null_variance(100) == pytest.approx(ratios.var(), rel=0.05)


def test_the_best_of_twenty_worthless_trials_is_claimed_about_as_often_as_confidence_allows() -> None:
    """Without deflation two in three of the best would be claimed; with it, one in twenty at most."""
    claimed = {1: 0, 20: 0}
    for seed in range(100):
        trials = np.random.default_rng(seed).normal(0.0, 0.01, (20, 250))
        best = trials[(trials.mean(axis=1) / trials.std(axis=1)).argmax()]
        for count in claimed:
            claimed[count] += deflated_sharpe_ratio(best, count, null_variance(250)) >= 0.95
    assert claimed[1] > 50
    assert claimed[20] <= 5


def test_the_track_record_it_takes_is_where_psr_reaches_the_confidence() -> None:
    found = measure_significance(series(400, 0.05, *NORMAL), Trials(), 0.95, 252.0)
    assert found.psr is not None and found.psr < 0.95 and found.min_track_record_steps is not None
    for steps, reached in ((found.min_track_record_steps, True), (found.min_track_record_steps - 1, False)):
        assert (probabilistic_sharpe_ratio(series(steps, 0.05, *NORMAL)) >= 0.95) is reached


def test_a_scorecard_block_by_hand() -> None:
    found = measure_significance(series(101, 0.1, *NORMAL), Trials(2, "declared"), 0.9, 25.0)
    # normal: z = 0.1 sqrt(100) / sqrt(1 + 0.01 / 2), and Phi^-1(1 - 1/(2 e)) = 0.9 of two trials
    z = 1.0 / math.sqrt(1.005)
    per_step = 0.1 * 0.5772157 * stats.norm.ppf(1.0 - 0.5 / math.e)  # sqrt(1 / 100) times the multiple
    assert found.psr == pytest.approx(stats.norm.cdf(z), abs=1e-6)
    assert found.expected_max_sharpe == pytest.approx(5.0 * per_step, abs=1e-6)
    assert found.dsr == pytest.approx(stats.norm.cdf(z * (0.1 - per_step) / 0.1), abs=1e-6)
    assert (found.trial_variance_per_step, found.trial_variance_from) == (0.01, "null")
    assert (found.trials, found.trials_from, found.steps, found.confidence) == (2, "declared", 101, 0.9)
    assert found.sharpe_per_step == pytest.approx(0.1)
    assert (found.skewness, found.kurtosis) == (pytest.approx(0.0, abs=1e-6), pytest.approx(3.0, abs=1e-6))


@pytest.mark.parametrize(
    ("returns", "reason"),
    [(np.zeros(100), "do not vary"), (noise(19), "at least 20"), (np.full(50, np.nan), "not finite")],
)
def test_what_has_no_sharpe_ratio_has_a_reason(returns: np.ndarray, reason: str) -> None:
    found = measure_significance(returns, Trials(20, "declared"), 0.95, 252.0)
    assert (found.psr, found.dsr, found.min_track_record_steps, found.kurtosis) == (None, None, None, None)
    assert found.reason is not None and reason in found.reason
    assert (found.trials, write_claim(found)) == (20, "")


def test_a_loser_has_no_track_record_that_would_do() -> None:
    found = measure_significance(-noise(mean=0.002), Trials(), 0.95, 252.0)
    assert found.min_track_record_steps is None
    assert found.psr is not None and found.psr < 0.05
    assert write_claim(found).endswith("a true Sharpe ratio above zero may not be claimed.")


def test_trials_are_the_larger_of_declared_and_counted() -> None:
    def counted(declared: int | None, sweep: Sweep | None) -> Trials:
        return count_trials(declared, sweep, "key", 1.0, 4.0)

    assert counted(None, None) == Trials(1, "none", None)
    assert counted(1, None) == Trials(1, "declared", None)
    assert counted(20, Sweep(3)) == Trials(20, "declared", None)
    assert counted(2, Sweep(3)) == Trials(3, "sweep", None)
    # yearly 1, 2 and 3 have variance 1, a quarter of it at two steps a year squared: four periods a year
    assert counted(None, Sweep(5, {"key": [2.0, 3.0], "other": [90.0] * 9})) == Trials(5, "sweep", 0.25)
    assert counted(None, Sweep(5, {"key": [2.0]})).variance is None  # of two, no estimate
    assert counted(None, Sweep(5, {"other": [2.0, 3.0]})).variance is None


def claim(**changes: object) -> str:
    fields = {
        "confidence": 0.95,
        "steps": 325,
        "trials": 20,
        "trials_from": "declared",
        "psr": 0.8,
        "dsr": 0.61,
        "min_track_record_steps": 3210,
        "expected_max_sharpe": 1.53,
        "trial_variance_from": "null",
    }
    return write_claim(Significance(**(fields | changes)))  # type: ignore[arg-type]


def test_what_may_be_claimed_in_words() -> None:
    assert claim() == (
        "With 20 trials the deflated Sharpe ratio is 0.61, short of 0.95: chance and the choice among them may "
        "explain its Sharpe ratio (the best of 20 worthless ones is expected to show a Sharpe ratio of 1.53 by chance "
        "alone, taking their unknown spread for that of noise)."
    )
    assert claim(dsr=0.97, trial_variance_from="sweep") == (
        "With 20 trials the deflated Sharpe ratio is 0.97, at least 0.95: chance and the choice among them do "
        "not explain its Sharpe ratio (the best of 20 worthless ones is expected to show a Sharpe ratio of 1.53 by "
        "chance alone)."
    )
    assert claim(trials=1, trials_from="none") == (
        "No number of trials was declared (protocol.trials); as the only one tried, it has a probabilistic Sharpe "
        "ratio of 0.80, short of 0.95: a true Sharpe ratio above zero may not be claimed. At this one it would take "
        "3,210 steps, and there are 325."
    )
    assert claim(trials=1, psr=0.9496, min_track_record_steps=326) == (
        "As the only one tried, it has a probabilistic Sharpe ratio of 0.9496, short of 0.9500: a true Sharpe ratio "
        "above zero may not be claimed. At this one it would take 326 steps, and there are 325."
    )
    assert "may be claimed." in claim(trials=1, psr=0.99, min_track_record_steps=200)
