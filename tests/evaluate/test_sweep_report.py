"""What a sweep proves, by hand and compared with the judge's own numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rlx.errors import RlxError
from rlx.evaluate.sweep_report import EqualWeightResult, SweepTrial, measure_sweep
from rlx.measures.overfitting import backtest_overfitting
from rlx.measures.significance import MOMENTS, Significance, deflated_sharpe_ratio, measure_significance, null_variance
from rlx.measures.trials import Trials
from rlx.report.sweep_report import render_markdown, write_words


def noise(n: int, steps: int = 80, drift: float = 0.0) -> list[SweepTrial]:
    returns = np.random.default_rng(0).normal(drift, 0.01, (n, steps))
    return [SweepTrial(str(i), returns[i], {"module.rate": str(i)}, objective=float(-i)) for i in range(n)]


def measure(trials: Sequence[SweepTrial], count: int = 9, **settings: Any) -> dict[str, Any]:
    return measure_sweep(trials, count, 252, **{"blocks": 8, **settings})


def report(
    trials: Sequence[SweepTrial], equal_weight: EqualWeightResult | None = None, **changes: Any
) -> dict[str, Any]:
    """Return the whole report, including its text."""
    holdout = {"first": "2020-01-01T00:00:00", "last": "2020-04-30T00:00:00", "steps": 80, "n": 1}
    measured = measure(trials, equal_weight=equal_weight)
    whole = {"key": "abc", "holdout": holdout, "counted_from": "study", "chosen": "1", **measured, **changes}
    return {**whole, "verdict": write_words(whole)}


def test_two_blocks_by_hand() -> None:
    """Trial 0 is the best in the first half and the worst in the second; trial 3 is the reverse."""
    block = np.array([1.0, -1.0] * 5)
    means = [(0.4, -0.4), (0.1, 0.1), (0.0, 0.0), (-0.3, 0.3)]
    trials = [SweepTrial(str(i), np.concatenate([block + a, block + b])) for i, (a, b) in enumerate(means)]
    found = measure(trials, blocks=2)["overfitting"]
    assert (found["pbo"], found["probability_of_loss"], found["choices"]) == (1.0, 1.0, 2)
    assert found["ranks"] == [{"rank": 4.0, "logit": pytest.approx(np.log(0.2 / 0.8)), "share": 1.0}]
    spread = block.std(ddof=1)
    year = np.sqrt(252) / spread
    assert found["median_sharpe_inside"] == pytest.approx((0.4 + 0.3) / 2 * year)
    assert found["median_sharpe_outside"] == pytest.approx((-0.3 - 0.4) / 2 * year)


def test_the_trials_are_rows_from_the_best_to_the_worst() -> None:
    trials = noise(6)
    rows = measure(trials)["rows"]
    yearly = {t.name: t.returns.mean() / t.returns.std(ddof=1) * np.sqrt(252) for t in trials}
    assert [row["trial"] for row in rows] == sorted(yearly, key=lambda name: -yearly[name])
    for row in rows:
        assert row["sharpe"] == pytest.approx(yearly[row["trial"]])
        assert row["settings"] == {"module.rate": row["trial"]} and row["objective"] == -float(row["trial"])


def test_the_deflated_ratio_counts_all_trials_and_takes_the_spread_of_those_compared() -> None:
    trials = [SweepTrial(t.name, t.returns + 0.004 * i) for i, t in enumerate(noise(6))]
    yearly = [t.returns.mean() / t.returns.std(ddof=1) * np.sqrt(252) for t in trials]
    variance = np.var(yearly, ddof=1) / 252
    best = measure(trials, count=9)["rows"][0]
    returns = trials[int(best["trial"])].returns
    assert best["significance"]["dsr"] == pytest.approx(deflated_sharpe_ratio(returns, 9, variance))
    assert (best["significance"]["trials"], best["significance"]["trial_variance_from"]) == (9, "sweep")
    more = measure(trials, count=900)["rows"][0]["significance"]
    assert more["dsr"] < best["significance"]["dsr"] and Significance(**more).psr == best["significance"]["psr"]


def test_near_copies_are_deflated_by_the_spread_of_noise() -> None:
    """Their own spread is almost zero, and would leave the best of them undeflated."""
    first, jitter = noise(1, drift=0.002)[0].returns, np.random.default_rng(1).normal(0.0, 1e-5, (4, 80))
    trials = [SweepTrial(str(i), first + jitter[i]) for i in range(4)]
    best = measure(trials, count=4)["rows"][0]
    returns = trials[int(best["trial"])].returns
    assert best["significance"]["dsr"] == pytest.approx(deflated_sharpe_ratio(returns, 4, null_variance(80)))
    assert best["significance"]["trial_variance_from"] == "floor"
    assert "taking their spread, which is less, for that of noise" in report(trials, chosen=None)["verdict"]


def test_shares_of_ranks_are_those_of_the_logits() -> None:
    trials = noise(5)
    found = measure(trials)["overfitting"]
    expected = backtest_overfitting(np.stack([t.returns for t in trials], axis=1), 8)
    assert sum(one["share"] for one in found["ranks"]) == pytest.approx(1.0)
    assert sum(one["share"] for one in found["ranks"] if one["logit"] < 0) == pytest.approx(expected.pbo)
    assert [one["rank"] for one in found["ranks"]] == [1, 2, 3, 4, 5]
    assert [one["logit"] for one in found["ranks"]] == sorted((one["logit"] for one in found["ranks"]), reverse=True)


def test_a_copy_is_a_trial_but_not_a_choice() -> None:
    trials = noise(5)
    copied = [*trials, SweepTrial("copy", trials[0].returns.copy())]
    plain, found = measure(trials), measure(copied)
    assert found["trials"] == {"count": 9, "compared": 6, "different": 5}
    assert found["overfitting"] == plain["overfitting"]
    assert "1 of them earned exactly what another did" in report(copied)["verdict"]


def test_too_few_trials_and_blocks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(RlxError, match=r"^3 comparable trials: the probability of overfitting needs at least 4"):
        measure(noise(3))
    with pytest.raises(RlxError, match=r"^5 comparable trials, only 3 of them different"):
        measure([*noise(3), *noise(2)])
    with pytest.raises(RlxError, match=r"^--blocks=7: must be an even number"):
        measure(noise(5), blocks=7)
    with pytest.raises(RlxError, match="--blocks=20: returns has 10 steps"):
        measure(noise(5, steps=10), blocks=20)


def test_a_trial_in_cash_counts_as_zero_and_has_no_ratio() -> None:
    rows = measure([*noise(5), SweepTrial("cash", np.zeros(80))])["rows"]
    (cash,) = [row for row in rows if row["trial"] == "cash"]
    assert cash["sharpe"] is None and cash["significance"]["psr"] is None
    signs = [np.sign(row["sharpe"] or 0.0) for row in rows]
    assert signs == sorted(signs, reverse=True)


def test_text_and_markdown_are_complete() -> None:
    whole = report(noise(5))
    words, found = whole["verdict"], whole["overfitting"]
    assert (
        "5 trials compared over the 80 steps of their hold-out, 2020-01-01 to 2020-04-30, of 9 that its study" in words
    )
    assert f"Probability of backtest overfitting {found['pbo']:.2f}: in {found['pbo']:.0%} of 70 ways" in words
    place = [row["trial"] for row in whole["rows"]].index("1") + 1
    assert f"own choice by validation is trial 1: rank {place} of 5 here" in words
    assert f"The best on these dates is trial {whole['rows'][0]['trial']}, Sharpe" in words
    assert "With 9 trials the deflated Sharpe ratio is" in words and "has chosen on the test" in words
    markdown = render_markdown(whole)
    assert words in markdown and "| 1 (chosen) | 1 | -1.000 |" in markdown
    for row in whole["rows"]:
        assert f" {row['significance']['dsr']:.3f} |" in markdown
    assert "of 5 |" in markdown and f"| `pbo` | {found['pbo']:.4g} |" in markdown


def test_nothing_is_claimed_on_dates_that_trials_were_fitted_on() -> None:
    strong = noise(6, steps=400, drift=0.003)
    assert "do not explain its Sharpe ratio" in report(strong)["verdict"]
    one = [replace(strong[0], seen_steps=7), *strong[1:]]
    words = report(one)["verdict"]
    assert "Not a test: 1 of them trained, or were chosen by validation, on steps of the hold-out." in words
    assert "The best on these dates is trial" in words and "Probability of backtest overfitting" in words
    assert words.endswith("None of this says how it does on dates that it has not seen.")
    claims = ("explain", "so that the choice holds", "no better than", "a choice is accepted", "chosen on the test")
    assert not any(claim in words for claim in claims)
    assert "Not a test: all of them trained" in report([replace(one, seen_steps=1) for one in strong])["verdict"]


def test_equal_weight_is_tested_against_the_bar_of_the_best() -> None:
    strong, theirs = noise(6, steps=400, drift=0.003), np.random.default_rng(9).normal(0.003, 0.01, 400)
    moments = {name: getattr(measure_significance(theirs, Trials(), 0.95, 252.0), name) for name in MOMENTS}
    passed = report(strong, EqualWeightResult(4.5, 2.0, moments))
    best = passed["rows"][0]["significance"]
    exact = measure_significance(theirs, Trials(9, "sweep", best["trial_variance_per_step"]), 0.95, 252.0)
    assert passed["equal_weight"]["significance"]["dsr"] == pytest.approx(exact.dsr, rel=1e-12)
    assert passed["equal_weight"]["significance"]["psr"] == pytest.approx(exact.psr, rel=1e-12)
    words = passed["verdict"]
    assert "Equal weight over the same steps has a Sharpe ratio of 4.50 and a return of 200.00%." in words
    assert "Equal weight passes the same bar, at" in words
    weak = report(strong, EqualWeightResult(0.1, 0.0, {**moments, "sharpe_per_step": 0.01}))
    assert "do not explain" in weak["verdict"] and "same bar" not in weak["verdict"]
    old = report(strong, EqualWeightResult(4.5, 2.0))["verdict"]
    assert "Whether equal weight passes the same bar is not known from these scorecards." in old
    assert "same bar" not in report(noise(6), EqualWeightResult(4.5, 2.0))["verdict"]


@pytest.mark.parametrize(
    ("pbo", "said"),
    [
        (0.6, "no better than drawing one"),
        (0.5, "no better than drawing one"),
        (0.3, "more than the 0.05 up to which"),
        (0.05, "no more than 0.05, so that the choice holds"),
    ],
)
def test_the_reading_follows_the_number(pbo: float, said: str) -> None:
    whole = report(noise(5))
    words = write_words({**whole, "overfitting": {**whole["overfitting"], "pbo": pbo}, "chosen": None})
    assert said in words and "own choice" not in words
