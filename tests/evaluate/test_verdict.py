"""What a verdict can say: the interval of the excess comes first, and nothing is claimed of steps that are no test."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial
from typing import Any

import pytest

from rlx.evaluate.verdict import Baseline, write_verdict
from rlx.measures.significance import Significance
from rlx.measures.statistics import Interval
from rlx.policies.gate import Gate

MINE: dict[str, float | None] = {"cumulative_return": 0.209, "sharpe": 2.061, "ruined": 0.0}
THEIRS: dict[str, float | None] = {"cumulative_return": 0.367, "sharpe": 2.058}
COVERS = {"sharpe": (-1.0, 2.0), "cumulative_return": (-0.2, 0.3)}
ABOVE = {"sharpe": (0.5, 3.0), "cumulative_return": (0.02, 0.3)}
BELOW = {"sharpe": (-3.0, -0.5), "cumulative_return": (-0.3, -0.02)}


def interval(low: float | None, high: float | None, estimate: float | None = None) -> Interval:
    middle = None if low is None or high is None else (low + high) / 2
    return Interval(middle if estimate is None else estimate, low, high, 0.95, 2000, 5, reason="too few steps")


def intervals(bounds: dict[str, tuple[float, float]]) -> dict[str, Interval]:
    return {name: interval(*pair) for name, pair in bounds.items()}


def proven(dsr: float, trials: int = 1) -> Significance:
    return Significance(0.95, 300, trials, "declared", psr=dsr, dsr=dsr, expected_max_sharpe=1.0)


def verdict(excess: Interval, mine: Any = COVERS, theirs: Any = None, **more: Any) -> str:
    bar = None if theirs is None else partial(intervals, theirs)
    equal_weight = Baseline(more.pop("metrics", THEIRS), excess, bar, more.pop("their_significance", None))
    return write_verdict("gymrl", MINE, equal_weight, intervals(mine), **more)


def test_a_clear_loss_is_stated_although_the_sharpe_ratios_print_the_same() -> None:
    said = verdict(interval(-0.12, -0.05))
    assert said.startswith(
        "gymrl lost to equal weight in mean return, by 8.5% a year (95% interval -12.0% to -5.0%, below zero). "
        "Cumulative return +20.9% against +36.7%, Sharpe ratio 2.06 against 2.06."
    )
    assert "beat" not in said


@pytest.mark.parametrize(
    ("excess", "opening"),
    [
        (interval(0.01, 0.07), "gymrl beat equal weight in mean return, by 4.0% a year (95% interval +1.0% to +7.0%,"),
        (interval(-0.3, 0.1), "gymrl had a lower mean return than equal weight, by 10.0% a year, which may be chance"),
        (interval(-0.1, 0.3), "gymrl had a higher mean return than equal weight, by 10.0% a year, which may be"),
        (interval(0.0004, 0.2), "gymrl had a higher mean return than"),  # printed, the interval begins at +0.0%
        (interval(-0.2, 0.2003), "gymrl had the mean return of equal weight, to 0.1% a year (95% interval -20.0% to"),
        (interval(None, None, 0.0), "gymrl did exactly as well as equal weight: step for step it earned the same."),
        (interval(None, None, 0.1), "gymrl compared with equal weight: cumulative return +20.9% against +36.7%, Sh"),
    ],
)  # fmt: skip
def test_the_interval_of_the_excess_comes_first(excess: Interval, opening: str) -> None:
    assert verdict(excess).startswith(opening)


def test_a_contradicting_sharpe_ratio_is_stated() -> None:
    assert "but a lower Sharpe ratio: 2.06 against 2.50" in verdict(
        interval(0.01, 0.07), metrics={"cumulative_return": 0.1, "sharpe": 2.5}
    )
    assert "but" not in verdict(interval(0.01, 0.07))  # 2.061 and 2.058 print the same


def test_a_contradicting_cumulative_return_is_stated_too() -> None:
    """A higher mean return a year can end with less, because losses weigh more."""
    more = {"cumulative_return": 0.3, "sharpe": 2.0}
    assert ". But a lower cumulative return, +20.9% against +30.0%; Sharpe ratio 2.06 against 2.00." in verdict(
        interval(0.01, 0.07), metrics=more
    )
    assert ". But a lower cumulative return, +20.9% against +30.0%, and a lower Sharpe ratio, 2.06 against 2.50." in (
        verdict(interval(0.01, 0.07), metrics={**more, "sharpe": 2.5})
    )
    assert "but a higher cumulative return, +20.9% against +10.0%" in verdict(
        interval(-0.3, 0.1), metrics={**more, "cumulative_return": 0.1}
    ).replace("But", "but")
    assert "But" not in verdict(interval(0.01, 0.07), metrics={**more, "cumulative_return": 0.2094})  # printed: 20.9%


@pytest.mark.parametrize("estimate", [0.0004, -0.0004, 0.0])
def test_a_difference_that_prints_as_zero_is_a_tie(estimate: float) -> None:
    said = verdict(interval(-0.1, 0.1, estimate), seen_steps={"trained": 3}, steps=9)
    assert "mean return the same to 0.1% a year (95% interval -10.0% to +10.0%)" in said
    assert "higher" not in said and "lower" not in said


@pytest.mark.parametrize("trials", [1, 5])
@pytest.mark.parametrize(
    ("value", "said"),
    [(0.949996, "0.9500, at least 0.9500"), (0.94994, "0.9499, short of 0.9500"), (0.95, "0.9500, at least 0.9500"),
     (0.944, "0.94, short of 0.95"), (0.9501, "0.9501, at least 0.9500"), (0.97, "0.97, at least 0.95")],
)  # fmt: skip
def test_a_probability_reaches_the_bar_in_the_digits_that_are_shown(value: float, said: str, trials: int) -> None:
    mine = replace(proven(value, trials), min_track_record_steps=301)
    words = verdict(interval(-0.3, 0.1), COVERS, significance=mine, their_significance=proven(0.949996))
    passed = "at least" in said
    assert said in words
    assert (("may be claimed" if trials == 1 else "do not explain") in words) == passed
    assert ("it would take 301 steps" in words) == (trials == 1 and not passed)
    assert ("Equal weight passes the same bar, at 0.9500." in words) == passed


@pytest.mark.parametrize("seen", [{"trained": 10}, {"trained": 0, "selected": 1}])
def test_nothing_is_claimed_of_steps_that_are_not_a_test(seen: dict[str, int]) -> None:
    said = verdict(interval(0.01, 0.07), ABOVE, ABOVE, steps=49, seen_steps=seen, significance=proven(0.99))
    assert said.startswith("Not a test: ")
    assert (
        "Compared with equal weight: mean return 4.0% a year higher (95% interval +1.0% to +7.0%), cumulative" in said
    )
    assert said.endswith("None of this says how it does on dates that it has not seen.")
    assert not any(word in said for word in ("beat", "chance", "claimed", "evidence", "cover zero"))


def test_an_oracle_and_a_ruined_account_are_shown_and_not_ranked() -> None:
    oracle = verdict(interval(0.01, 0.07), ABOVE, oracle=True, significance=proven(0.99))
    assert oracle == (
        "Not a competitor: gymrl is an oracle that sees the future, so it cannot be ranked. Compared with equal "
        "weight: cumulative return +20.9% against +36.7%, Sharpe ratio 2.06 against 2.06."
    )
    ruined = write_verdict("gymrl", {**MINE, "ruined": 1.0}, Baseline(THEIRS, interval(-0.2, -0.1)), intervals(BELOW))
    assert ruined.startswith("gymrl lost everything: its account was ruined. Compared with equal weight: cumulative")


def test_equal_weight_is_tested_against_the_same_bar() -> None:
    said = verdict(interval(-0.3, 0.1), ABOVE, ABOVE, significance=proven(0.97), their_significance=proven(0.96))
    assert (
        "do not cover zero: it made money beyond chance. So did equal weight (Sharpe ratio 0.50 to 3.00), which says "
        "more of the market than of the policy." in said
    )
    assert said.endswith("a true Sharpe ratio above zero may be claimed. Equal weight passes the same bar, at 0.96.")
    ahead = verdict(interval(0.01, 0.07), ABOVE, ABOVE)
    assert "So did equal weight (Sharpe ratio 0.50 to 3.00)." in ahead
    assert "So did" not in verdict(interval(0.01, 0.07), ABOVE, COVERS)
    assert "So did" not in verdict(interval(0.01, 0.07), ABOVE, BELOW)
    assert "it lost money beyond chance. So did equal weight" in verdict(interval(-0.3, 0.1), BELOW, BELOW)
    short = verdict(interval(-0.3, 0.1), ABOVE, ABOVE, significance=proven(0.97), their_significance=proven(0.5))
    assert "Equal weight passes" not in short


@pytest.mark.parametrize(
    ("mine", "more", "looked_up"),
    [(ABOVE, {}, True), (BELOW, {}, True), (COVERS, {}, False), (ABOVE, {"oracle": True}, False),
     (ABOVE, {"seen_steps": {"trained": 3}, "steps": 9}, False)],
)  # fmt: skip
def test_intervals_of_equal_weight_are_drawn_only_if_they_are_reported(mine: Any, more: Any, looked_up: bool) -> None:
    drawn: list[bool] = []

    def draw() -> dict[str, Interval]:
        drawn.append(True)
        return intervals(ABOVE)

    write_verdict("gymrl", MINE, Baseline(THEIRS, interval(0.01, 0.07), draw), intervals(mine), **more)
    assert drawn == [True] * looked_up


def test_intervals_that_disagree_are_both_reported() -> None:
    mixed = {"sharpe": (0.1, 3.0), "cumulative_return": (-0.1, 0.3)}
    assert "disagree: the first lies above zero, the second covers zero." in verdict(interval(-0.1, 0.1), mixed)
    barely = {"sharpe": (0.004, 3.0), "cumulative_return": (0.0004, 0.3)}
    assert "(0.00 to 3.00)" in verdict(interval(-0.1, 0.1), barely)
    assert "both cover zero" in verdict(interval(-0.1, 0.1), barely)


SHUT = Gate(False, excess=0.031, t=0.84, needed=1.96, detectable=0.0723, attempts=2.0, steps=1_500, level=0.05)


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        (
            SHUT,
            "The gate is shut, and it holds equal weights: on 1,500 decisions that it was not fitted to, it earned "
            "+3.1% a year over equal weights, t 0.84 against 1.96 needed. An edge of 7.2% a year would have opened it.",
        ),
        (
            replace(SHUT, excess=0.0, t=None, detectable=None),
            "The gate is shut, and it holds equal weights: on 1,500 decisions that it was not fitted to, it earned "
            "+0.0% a year over equal weights, t undefined against 1.96 needed.",
        ),
        (
            replace(SHUT, open=True, excess=0.1, t=2.7),
            "The gate is open: on 1,500 decisions that it was not fitted to, it earned +10.0% a year over equal "
            "weights, t 2.70 against 1.96 needed.",
        ),
        (
            replace(SHUT, open=True, excess=-0.02, t=-0.5, needed=None, detectable=None, level=None),
            "There was no gate: on 1,500 decisions that it was not fitted to, it earned -2.0% a year over equal "
            "weights.",
        ),
    ],
)
def test_the_gate_of_a_trained_policy_is_stated(gate: Gate, said: str) -> None:
    without = verdict(interval(-0.1, 0.3))
    found = verdict(interval(-0.1, 0.3), gate=asdict(gate))
    assert f" {said} " in found and found.replace(f" {said}", "", 1) == without
