"""The numbers of an entry, from plays whose numbers are written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlx.compilation import Compiler
from rlx.compile_check import measure
from rlx.compile_check.measure import Play, Plays, latency, numeric, outcomes
from rlx.compile_check.subject import Window, alternate, sides, warm_calls
from rlx.measures.statistics import SAME


def play(shift: float = 0.0, seconds: tuple[float, ...] = (5.0, 1.0, 1.0), series: Any = None, **given: Any) -> Play:
    outputs = {"weights": np.array([[0.5, 0.5], [0.4, 0.6]]) + shift, "value": np.array([10.0, 20.0])}
    return Play(
        given.get("outputs", outputs),
        np.array(given.get("sides", [1, 0, -1])),
        np.zeros(30) if series is None else series,
        np.array(seconds),
        np.array([number > 0 for number in range(len(seconds))]),
    )


def test_differences_are_of_all_outputs_and_relative_to_each_one_s_size() -> None:
    found = numeric(Plays([play()], [play()], [play(shift=0.03, sides=[1, 1, -1])]))
    assert found.max_abs == pytest.approx(0.03)
    assert found.mean_abs == pytest.approx(0.03 * 4 / 6)
    assert found.max_relative == pytest.approx(0.03 / 0.6)
    assert (found.again_max_abs, found.decisions, found.flipped) == (0.0, 3, 1)


def test_every_further_eager_play_counts_as_noise() -> None:
    found = numeric(Plays([play(), play(shift=-0.2)], [play(), play(shift=0.1)], [play(), play()]))
    assert found.again_max_abs == pytest.approx(0.2)


def test_a_nan_in_any_output_leaves_nothing_to_compare() -> None:
    nan = {**play().outputs, "value": np.full(2, np.nan)}
    found = numeric(Plays([play()], [play()], [play(outputs=nan)]))
    assert (found.max_abs, found.mean_abs, found.max_relative) == (None, None, None)
    assert numeric(Plays([play()], [play(), play(outputs=nan)], [play()])).again_max_abs is None


def test_every_compiled_play_is_compared() -> None:
    found = numeric(Plays([play()], [play()], [play(), play(shift=0.03, sides=[-1, 1, -1]), play(sides=[1, 1, -1])]))
    assert found.max_abs == pytest.approx(0.03)
    assert found.mean_abs == pytest.approx(0.03 * 4 / 18)
    assert (found.max_relative, found.flipped) == (pytest.approx(0.03 / 0.6), 2)


def test_outputs_of_zero_and_of_nan_have_no_relative_size() -> None:
    zero, one, nan = ({"x": np.array([value])} for value in (0.0, 1.0, np.nan))
    assert numeric(Plays([play(outputs=zero)], [play(outputs=zero)], [play(outputs=zero)])).max_relative == 0.0
    assert numeric(Plays([play(outputs=zero)], [play(outputs=zero)], [play(outputs=one)])).max_relative is None
    assert numeric(Plays([play(outputs=one)], [play(outputs=one)], [play(outputs=nan)])).max_abs is None


def test_numbers_missing_on_both_sides_are_no_difference() -> None:
    some = {"x": np.array([np.nan, 2.0])}
    found = numeric(Plays([play(outputs=some)], [play(outputs=some)], [play(outputs={"x": np.array([np.nan, 2.5])})]))
    assert (found.max_abs, found.max_relative, found.again_max_abs) == (0.5, 0.25, 0.0)


def test_times_are_those_of_warm_calls_and_compiling_is_what_cold_ones_take_longer() -> None:
    eager, compiled = play(seconds=(9.0, 0.2, 0.2)), play(seconds=(3.1, 0.1, 0.1))
    found = latency(Plays([eager], [eager], [compiled]), compiles=True)
    assert (found.calls, found.eager_p50_ms, found.compiled_p50_ms) == (2, pytest.approx(200.0), pytest.approx(100.0))
    assert found.compile_seconds == pytest.approx(3.0)
    assert found.break_even_calls == 30
    assert found.gain == pytest.approx(0.5)


def test_what_is_slower_or_not_compiled_never_breaks_even() -> None:
    slow, fast = play(seconds=(3.0, 0.2, 0.2)), play(seconds=(3.0, 0.1, 0.1))
    assert latency(Plays([fast], [fast], [slow]), compiles=True).break_even_calls is None
    found = latency(Plays([slow], [slow], [fast]), compiles=False)
    assert (found.compile_seconds, found.break_even_calls) == (None, None)


def test_without_a_warm_call_there_is_no_time() -> None:
    once = play(seconds=(1.0,))
    found = latency(Plays([once], [once], [once]), compiles=True)
    assert (found.calls, found.eager_p50_ms, found.gain, found.compile_seconds) == (0, None, None, None)


def test_a_lower_return_is_worse_and_its_interval_has_the_sign_of_the_difference() -> None:
    rng = np.random.default_rng(0)
    good = rng.normal(0.001, 0.01, 400)
    bad = good - 0.002 + rng.normal(0.0, 0.001, 400)
    mean = {"eval/annual_return": lambda series: series.mean(axis=-1), "eval/max_drawdown": lambda s: s.mean(axis=-1)}
    found = outcomes(Plays([play(series=good)], [play(series=good)], [play(series=bad)]), mean)
    lower, drawdown = found["eval/annual_return"], found["eval/max_drawdown"]
    assert lower.delta == pytest.approx(float((bad - good).mean()))
    assert lower.low is not None and lower.high is not None and lower.delta is not None
    assert lower.low < lower.delta < lower.high < 0.0
    assert lower.p_worse is not None and lower.p_worse < 0.001
    assert (drawdown.low, drawdown.high) == (pytest.approx(lower.low), pytest.approx(lower.high))
    assert drawdown.p_worse == 1.0  # a lower drawdown is better
    assert lower.noise == 0.0


def test_intervals_have_the_confidence_that_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    eager, compiled = (play(series=np.random.default_rng(seed).normal(size=100)) for seed in (0, 1))

    def width() -> float:
        one = outcomes(Plays([eager], [eager], [compiled]), {"eval/sharpe": lambda x: x.mean(axis=-1)})["eval/sharpe"]
        assert one.low is not None and one.high is not None
        return one.high - one.low

    shown = width()
    monkeypatch.setattr(measure, "CONFIDENCE", 0.5)
    assert width() < shown / 2


def test_equal_series_have_no_interval_and_say_so() -> None:
    series = np.random.default_rng(1).normal(size=100)
    one = play(series=series)
    found = outcomes(Plays([one], [one], [one]), {"eval/sharpe": lambda x: x.mean(axis=-1)})["eval/sharpe"]
    assert (found.delta, found.low, found.high, found.p_worse, found.reason) == (0.0, None, None, None, SAME)


def test_a_call_is_warm_if_nothing_was_compiled_in_it_and_it_is_not_the_first() -> None:
    assert warm_calls([3, 3, 5, 5, 5]).tolist() == [False, False, True, True]
    assert warm_calls([3]).tolist() == []


def test_sides_are_short_below_at_and_above_equal_weight() -> None:
    weights = np.array([[0.25, 0.25 + 1e-10, 0.3, 0.2], [-0.1, 0.0, -1e-12, 1.1]])
    assert sides(weights).tolist() == [[0, 0, 1, -1], [-2, -1, -1, 1]]


def test_rounds_begin_with_another_play_each_time() -> None:
    seen: list[str] = []

    class Recorded:
        name, metrics = "recorded", {}
        window = Window(np.datetime64("2020-01-01"), np.datetime64("2020-02-01"), 30)

        def play(self, compiler: Compiler) -> Play:
            seen.append(compiler.asked)
            return play()

    plays = alternate(Recorded(), Compiler("default", "cpu"), "cpu", 3)
    assert seen == ["off", "off", "default", "off", "default", "off", "default", "off", "off"]
    assert [len(plays.eager), len(plays.again), len(plays.compiled)] == [3, 3, 3]
