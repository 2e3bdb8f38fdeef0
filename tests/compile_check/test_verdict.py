"""The table of verdicts, rule by rule, and what is never pooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from rlx.compile_check.entry import CheckEntry, Outcome
from rlx.compile_check.verdict import is_worse, separate, standings, why_invalid
from tests.compile_check.entries import DIFFERENT, NUMERIC, SAME, WORSE, entry, taking

YEARS = (2020, 2021, 2022)


def verdict(entries: Sequence[CheckEntry]) -> str:
    (standing,) = standings(entries)
    return standing.verdict


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"compile_used": "off", "fallback": "no compiler"}, "no compiler"),
        ({"compile_used": "off"}, "no compilation was asked for"),
        ({"numeric": replace(NUMERIC, again_max_abs=1e-12)}, "two eager plays"),
        ({"numeric": replace(NUMERIC, again_max_abs=None)}, "NaN"),
    ],
)
def test_a_run_that_compares_nothing_is_invalid(changes: dict[str, Any], reason: str) -> None:
    one = entry(**changes)
    assert reason in str(why_invalid(one))
    assert verdict([one]) == "invalid"
    assert verdict([entry(year) for year in YEARS] + [replace(one, recorded_at="2023-01-01")]) == "invalid"


def test_one_run_with_rounding_only_is_equal() -> None:
    (standing,) = standings([entry()])
    assert standing.verdict == "equal"
    assert "rounding" in standing.reason


@pytest.mark.parametrize("relative", [1e-5, 1.1e-5, None])
def test_the_tolerance_of_rounding_is_a_hundred_thousandth(relative: float | None) -> None:
    one = entry(numeric=replace(NUMERIC, max_relative=relative))
    assert verdict([one]) == ("equal" if relative == 1e-5 else "too few")


def test_a_flipped_decision_is_not_rounding() -> None:
    assert verdict([entry(numeric=replace(NUMERIC, flipped=1))]) == "too few"


def test_three_faster_windows_promote() -> None:
    runs = [entry(year) for year in YEARS]
    assert verdict(runs) == "promote"
    assert verdict(runs[:2]) == "equal"
    assert verdict([entry(2020)] * 3) == "equal"  # the same window three times
    assert verdict([*runs[:2], entry(2022, latency=taking(91.0))]) == "equal"
    assert verdict([*runs[:2], entry(2022, latency=taking(90.0))]) == "promote"


def test_the_last_windows_count_and_not_the_first() -> None:
    slow = entry(2019, latency=taking(130.0))
    assert verdict([slow, *(entry(year) for year in YEARS)]) == "promote"
    assert verdict([*(entry(year) for year in YEARS), entry(2023, latency=taking(130.0))]) == "equal"


def test_results_outside_the_tolerance_are_never_promoted() -> None:
    assert verdict([entry(year, numeric=DIFFERENT) for year in YEARS]) == "watch"
    assert verdict([entry(year, numeric=DIFFERENT) for year in YEARS[:2]]) == "too few"


def test_an_outcome_on_the_worse_side_regresses() -> None:
    assert verdict([entry(numeric=DIFFERENT, outcomes={"eval/sharpe": WORSE})]) == "regress"


def test_rounding_that_looks_significant_does_not_regress() -> None:
    assert verdict([entry(outcomes={"eval/sharpe": WORSE})]) == "equal"


def test_tests_are_corrected_over_subjects_and_metrics() -> None:
    weak = replace(WORSE, p_worse=0.02)
    one = entry(numeric=DIFFERENT, outcomes={"eval/sharpe": weak})
    assert verdict([one]) == "regress"
    others = [entry(numeric=DIFFERENT, outcomes={"eval/sharpe": SAME}, settings=f"{n:012x}") for n in range(5)]
    assert [one.verdict for one in standings([one, *others])] == ["too few"] * 6
    both = entry(numeric=DIFFERENT, outcomes={"eval/sharpe": weak, "eval/sortino": SAME})
    assert verdict([both]) == "too few"


def test_windows_that_do_not_overlap_are_pooled_and_repeats_are_not() -> None:
    weak = {"eval/sharpe": replace(WORSE, p_worse=0.06)}
    assert verdict([entry(year, numeric=DIFFERENT, outcomes=weak) for year in YEARS]) == "regress"
    assert verdict([entry(2020, numeric=DIFFERENT, outcomes=weak)] * 3) == "watch"


@pytest.mark.parametrize(
    ("p_values", "expected"),
    [((0.0005, 0.0005, 0.0005, 1.0), "regress"), ((0.0, 1.0), "too few"), ((0.0, 0.0), "regress"), ((1.0,), "too few")],
)
def test_no_p_value_outweighs_all_others(p_values: tuple[float, ...], expected: str) -> None:
    worse = [{"eval/sharpe": replace(WORSE, p_worse=p)} for p in p_values]
    assert verdict([entry(2020 + n, numeric=DIFFERENT, outcomes=one) for n, one in enumerate(worse)]) == expected


def test_slower_in_three_runs_regresses() -> None:
    slow = [entry(year, latency=taking(110.0)) for year in YEARS]
    assert verdict(slow) == "regress"
    assert verdict([*slow[:2], entry(2022, latency=taking(109.0))]) == "equal"


def test_an_invalid_run_is_no_evidence() -> None:
    invalid = entry(2021, compile_used="off")
    assert verdict([entry(2020), invalid, entry(2022)]) == "equal"
    assert standings([entry(2020), invalid, entry(2022)])[0].runs == 2


@pytest.mark.parametrize(
    ("key", "low", "high", "worse"),
    [
        ("eval/sharpe", -2.0, -1.0, True),
        ("eval/sharpe", 1.0, 2.0, False),
        ("eval/max_drawdown", 1.0, 2.0, True),
        ("eval/max_drawdown", -2.0, -1.0, False),
        ("eval/sharpe", -1.0, 1.0, False),
        ("eval/sharpe", None, None, False),
        ("eval/nobody_knows", -2.0, -1.0, False),
    ],
)
def test_the_direction_is_that_of_the_key(key: str, low: float | None, high: float | None, worse: bool) -> None:
    assert is_worse(key, Outcome(1.0, 1.0, 1.0, low, high)) is worse


@pytest.mark.parametrize(
    "change", [{"settings": "ba9876543210"}, {"device": "cuda"}, {"compile_asked": "max-autotune"}, {"torch": "3"}]
)
def test_variants_are_never_pooled(change: dict[str, Any]) -> None:
    assert len(standings([entry(2020), entry(2021, **change), entry(2022)])) == 2


def test_missing_numbers_are_missing() -> None:
    assert Outcome(None, 1.0, 1.0).delta is None and Outcome(1.0, None, 1.0).noise is None
    assert replace(entry().latency, compiled_p50_ms=None).gain is None
    assert verdict([entry(year, latency=replace(taking(80.0), eager_p50_ms=None)) for year in YEARS]) == "equal"


def test_windows_that_touch_do_not_overlap() -> None:
    runs = [entry(2020, last="2021-01-01T00:00:00"), entry(2021), entry(2021, first="2021-06-01T00:00:00")]
    assert separate(runs) == [runs[0], runs[2]]
