"""Paths and scales of the page's charts, against values worked out by hand."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from rlx.errors import FileError
from rlx.report.charts.bars import guards
from rlx.report.charts.chart import runs, stairs
from rlx.report.charts.curves import equity
from rlx.report.charts.scale import Scale, percent, plain_number
from rlx.report.charts.weights import weights_over_time
from rlx.report.page.monthly import monthly_returns
from rlx.report.page.series import Series, Shares
from rlx.report.page.small import interval_bar, interval_scale, spark_line
from rlx.report.page.svg import HEIGHT, OUTSIDE, WIDTH, draw_chart, draw_lanes, trace
from rlx.report.page.templates import breakable, environment, render

NAN = float("nan")


def array(*values: float) -> np.ndarray:  # type: ignore[type-arg]
    """Return floats."""
    return np.array(values, dtype=float)


def points(path: str) -> list[tuple[int, int]]:
    """Return the absolute points of a path of one relative line."""
    start, steps = path.split("l")
    numbers = list(map(int, re.findall(r"-?\d+", steps)))
    x, y = map(int, re.findall(r"-?\d+", start))
    found = [(x, y)]
    for dx, dy in zip(numbers[::2], numbers[1::2], strict=True):
        x, y = x + dx, y + dy
        found.append((x, y))
    return found


DAYS = np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[D]")


def document() -> dict[str, Any]:
    """Return the file of the series of a day."""
    return {
        "policy": "p",
        "dates": ["2020-01-01"],
        **{held: {"p": [1.0]} for held in ("value", "drawdown", "rolling_sharpe")},
        "weights": {"A": [1.0]},
        "guards": {name: [0.0] for name in Shares.__annotations__},
        "monthly": [],
        "costs": dict.fromkeys(("before_costs", "trading", "financing", "net"), 0.0),
        "windows": {"edges": [0, 1], "counts": {"p": [1]}},
    }


@pytest.mark.parametrize("shares", ["text", None, {}, [1.0, 2.0]])
def test_a_guard_that_nobody_knows_is_held_to_the_same(shares: Any) -> None:
    right = document()
    with pytest.raises(FileError, match=r"x\.json: guards\.more "):
        Series.from_dict({**right, "guards": {**right["guards"], "more": shares}}, "x.json")


def test_text_is_escaped_and_what_is_not_seen_is_left_out() -> None:
    template = environment().from_string('<p title="{{ words }}">{{ words }}</p>{{ name|breakable }}')
    assert template.render(words='a < b & "c"\u202e', name="<i>_b") == (
        '<p title="a &lt; b &amp; &#34;c&#34;">a &lt; b &amp; &#34;c&#34;</p>&lt;i&gt;_<wbr>b'
    )
    assert breakable("a_b") == "a_<wbr>b"


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="is undefined"):
        render("page.html", {})


def test_a_line_in_relative_steps() -> None:
    path = trace(array(0.0, 0.5, 1.0), array(0.0, 1.0, 0.5))
    assert path == "M0 400l500-400 500 200"
    assert points(path) == [(0, HEIGHT), (500, 0), (WIDTH, 200)]


def test_points_on_a_straight_line_are_left_out_and_turns_are_not() -> None:
    x = np.linspace(0.0, 1.0, 101)
    assert trace(x, x) == "M0 400l1000-400"
    assert len(points(trace(x, np.abs(x - 0.5)))) == 3
    assert len(points(trace(array(0, 0.5, 0.5, 0.5), array(0, 0.0, 1.0, 0.5)))) == 4  # up and back down


def test_a_gap_interrupts_and_a_single_point_is_a_dot() -> None:
    assert trace(array(0, 0.2, 0.4, 1.0), array(0.5, NAN, 1.0, 1.0)) == "M0 200h0M400 0l600 0"
    assert trace(array(0.0, 1.0), array(NAN, NAN)) == ""


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=900), st.integers(20, 300))
def test_thinning_keeps_both_ends_and_both_extremes(values: list[float], kept: int) -> None:
    y = np.array(values)
    path = trace(np.linspace(0.0, 1.0, len(y)), y, kept)
    if path.endswith("h0"):
        return
    found = points(path)
    assert len(found) <= kept + 2 or len(y) <= kept
    first, last, lowest, highest = (np.rint((1.0 - value) * HEIGHT) for value in (y[0], y[-1], y.min(), y.max()))
    assert found[0] == (0, first) and found[-1] == (WIDTH, last)
    assert max(y for _, y in found) == lowest and min(y for _, y in found) == highest


def test_an_area_closes_at_its_level_and_outside_of_the_edge() -> None:
    path = trace(array(0.0, 1.0), array(0.25, 0.75), zero=0.0, outside=OUTSIDE)
    beyond = round((1.0 + OUTSIDE) * WIDTH)
    assert path.endswith("z")
    assert points(path[:-1]) == [(0, 400), (0, 300), (WIDTH, 100), (beyond, 100), (beyond, 400)]


def test_scales() -> None:
    scale = Scale.over([array(0.2, NAN)], include=(0.0, 1.0))
    assert (scale.low, scale.high) == (0.0, 1.0) and scale.ticks == (0.0, 0.25, 0.5, 0.75, 1.0)
    assert scale.at(array(0.0, 0.25, NAN)) == pytest.approx(array(0.0, 0.25, NAN), nan_ok=True)
    assert Scale.over([array(NAN)]).high == 1.0
    flat = Scale.over([array(2.0, 2.0)])
    assert flat.low < 2.0 < flat.high


def test_growth_beyond_fivefold_is_logarithmic() -> None:
    assert not Scale.growth([array(0.5, 4.0)]).log
    scale = Scale.growth([array(1.0, 10.0, 100.0)])
    assert scale.log and scale.at(array(1.0, 10.0, 100.0)) == pytest.approx([0.0, 0.5, 1.0])
    ruined = Scale.growth([array(1.0, 1e-8)])
    assert ruined.log and 2 <= len(ruined.ticks) <= 8
    assert all(plain_number(tick, 1.0) != "0" for tick in ruined.ticks)
    assert not Scale.growth([array(9.0, 0.0)]).log  # zero has no logarithm


@pytest.mark.parametrize(
    ("value", "span", "written"),
    [(0.25, 1.0, "25%"), (-0.0001, 1.0, "0%"), (0.0125, 0.03, "1.2%"), (-0.4, 0.5, "-40%"), (12.0, 20.0, "1200%")],
)
def test_percentages_have_the_decimals_of_their_axis(value: float, span: float, written: str) -> None:
    assert percent(value, span) == written


def test_an_interval_lies_on_the_scale_of_all() -> None:
    intervals = [
        {"low": -1.0, "estimate": 1.0, "high": 3.0, "covers_zero": True},
        {"low": 1.0, "estimate": 2.0, "high": 3.0, "covers_zero": False},
        {"low": None, "estimate": 9.0, "high": None, "covers_zero": None},
    ]
    scale = interval_scale(intervals)
    assert (scale.low, scale.high) == (-1.0, 3.0)
    first, second = (interval_bar(interval, scale) for interval in intervals[:2])
    assert (first["zero"], first["low"], first["high"]) == ("21", "4", "72")
    assert (second["zero"], second["estimate"]) == ("21", "55")
    assert first["class_"] == "interval" and second["class_"] == "interval clear"


def test_a_spark_line_says_where_it_ends() -> None:
    drawn = spark_line([1.0, 0.5, 1.5])
    assert drawn["said"] == "Value from 1 to 1.50, lowest 0.50, highest 1.50"
    assert drawn["points"] == "1 12.0 40 22.5 78 1.5"


def test_longs_are_stacked_up_and_shorts_down() -> None:
    held = {"A": array(0.6, 0.6), "B": array(0.4, -0.5), "C": array(0.0, 0.0)}
    drawn = draw_chart(weights_over_time(DAYS, held))
    assert [words for *_, words in drawn["legend"]] == ["A 60%", "B -5%"]
    scale = Scale.over([array(-0.5, 1.0)])
    height = {share: int(np.rint((1.0 - float(scale.at(share))) * HEIGHT)) for share in (0.0, 0.6, 1.0, -0.5)}
    assert [colour for colour, _ in drawn["paths"]] == [
        "layer c1",
        "layer c0",
        "layer c1",
    ]  # the outer layer first: A and B, then A
    both, one, short = (points(path.rstrip("z")) for _, path in drawn["paths"])
    assert both[1:3] == [(0, height[1.0]), (WIDTH, height[0.6])] and one[1][1] == one[2][1] == height[0.6]
    assert short[:2] == [(0, height[0.0]), (WIDTH, height[-0.5])]


def test_an_account_in_cash_has_no_weights() -> None:
    drawn = draw_chart(weights_over_time(DAYS, {"A": array(0.0, 0.0)}))
    assert drawn["kind"] == "nothing" and "in cash throughout" in drawn["chart"].empty


def test_the_own_line_is_drawn_last_and_named_first() -> None:
    values = {"mine": array(1.0, 1.5), "cash": array(1.0, 1.0), "unusual": array(1.0, 0.9)}
    drawn = draw_chart(equity(DAYS, values, "mine", "shown"))
    assert [class_ for class_, _ in drawn["paths"]] == ["line b3", "line b4", "line own"]
    assert [words for *_, words in drawn["legend"]] == ["shown +50.0%", "cash +0.0%", "unusual -10.0%"]
    assert drawn["chart"].said == "shown ends +50.0%, cash +0.0%, unusual -10.0%."
    assert [class_ for class_, *_ in drawn["grid"]].count("zero") == 1


def test_steps_last_to_their_edge_and_runs_end_there() -> None:
    x, y = stairs(array(0, 1, 3), array(5, 7))
    assert (x.tolist(), y.tolist()) == ([0, 1, 1, 3], [5, 5, 7, 7])
    assert runs(array(1, 1, 0, 1) > 0, array(0, 1, 2, 3, 4)).tolist() == [[0, 2], [3, 4]]


def test_guards_that_are_on_have_a_lane_filled_where_they_fired() -> None:
    fired = dict.fromkeys(Shares.__annotations__, array(0.0, 1.0))
    thresholds = {"drawdown_threshold": 0.1, "turnover_threshold": 0.1}
    chart = guards(fired, array(0, 1, 2), thresholds, None, {"drawdown_hit_rate": 0.5})
    assert [lane.off for lane in chart.lanes] == [False, True, True]  # the turnover guard needs the cooldown
    ((name, said, class_, path),) = draw_lanes(chart)["lanes"]
    assert (name, said, class_) == ("drawdown", "fired on 50.0% of the steps", "fired")
    assert path == "M500 0H1000V10H500z"


def test_months_and_years_of_the_heat_map() -> None:
    drawn = monthly_returns([(2021, 1, 0.0), (2021, 2, 0.012), (2020, 11, 0.1), (2020, 12, -0.2)])
    (first, months, whole), (second, later, _) = drawn["years"]
    assert (first, second) == (2020, 2021) and whole == "-12.0"
    assert months[10:] == [("gain h4", "+10.0"), ("loss h4", "-20.0")] and months[0] == ("", "")
    assert later[:2] == [("", "0.0"), ("gain h1", "+1.2")]
