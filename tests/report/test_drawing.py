"""Paths and scales of the page's charts, against values worked out by hand."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlx.errors import FileError
from rlx.report.page.html import Markup, join, tag
from rlx.report.page.monthly import monthly_returns
from rlx.report.page.scale import Scale, percent, plain_number
from rlx.report.page.series import Guards, Series
from rlx.report.page.small import interval_bar, interval_scale, spark_line
from rlx.report.page.svg import HEIGHT, OUTSIDE, WIDTH, area_path, line_path
from rlx.report.page.weights import weights_over_time

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


def series(weights: dict[str, list[float]], days: int, monthly: list[list[float]] | None = None) -> Series:
    """Return series that have weights and months."""
    return Series.from_dict(document(weights, days, monthly), "x.json")


def document(weights: dict[str, list[float]], days: int, monthly: list[list[float]] | None = None) -> dict[str, Any]:
    """Return the file of such series."""
    return {
        "policy": "p",
        "dates": [str(np.datetime64("2020-01-01") + day) for day in range(days)],
        **{held: {"p": [1.0] * days} for held in ("value", "drawdown", "rolling_sharpe")},
        "weights": weights,
        "guards": dict.fromkeys(Guards.__annotations__, [0.0] * days),
        "monthly": monthly or [],
        "costs": dict.fromkeys(("before_costs", "trading", "financing", "net"), 0.0),
        "windows": {"edges": [0, 1], "counts": {"p": [1]}},
    }


@pytest.mark.parametrize("shares", ["text", None, {}, [1.0, 2.0]])
def test_a_guard_that_nobody_knows_is_held_to_the_same(shares: Any) -> None:
    right = document({"A": [1.0]}, days=1)
    with pytest.raises(FileError, match=r"x\.json: guards\.more "):
        Series.from_dict({**right, "guards": {**right["guards"], "more": shares}}, "x.json")


def test_text_is_escaped_and_markup_is_not() -> None:
    assert tag("p", "a < b & c", Markup("<i>d</i>"), None, title='"&<') == (
        '<p title="&quot;&amp;&lt;">a &lt; b &amp; c<i>d</i></p>'
    )
    assert join(["<", Markup("<br>")], "|") == "&lt;|<br>"
    assert tag("input", data_v=0.1, disabled=True, hidden=False, class_=None) == '<input data-v="0.1" disabled>'
    assert tag("path", d="M0 0") == '<path d="M0 0"/>'


def test_a_line_in_relative_steps() -> None:
    path = line_path(array(0.0, 0.5, 1.0), array(0.0, 1.0, 0.5))
    assert path == "M0 400l500-400 500 200"
    assert points(path) == [(0, HEIGHT), (500, 0), (WIDTH, 200)]


def test_points_on_a_straight_line_are_left_out_and_turns_are_not() -> None:
    x = np.linspace(0.0, 1.0, 101)
    assert line_path(x, x) == "M0 400l1000-400"
    assert len(points(line_path(x, np.abs(x - 0.5)))) == 3
    assert len(points(line_path(array(0, 0.5, 0.5, 0.5), array(0, 0.0, 1.0, 0.5)))) == 4  # up and back down


def test_a_gap_interrupts_and_a_single_point_is_a_dot() -> None:
    assert line_path(array(0, 0.2, 0.4, 1.0), array(0.5, NAN, 1.0, 1.0)) == "M0 200h0M400 0l600 0"
    assert line_path(array(0.0, 1.0), array(NAN, NAN)) == ""


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=900), st.integers(20, 300))
def test_thinning_keeps_both_ends_and_both_extremes(values: list[float], kept: int) -> None:
    y = np.array(values)
    path = line_path(np.linspace(0.0, 1.0, len(y)), y, kept)
    if path.endswith("h0"):
        return
    found = points(path)
    assert len(found) <= kept + 2 or len(y) <= kept
    first, last, lowest, highest = (np.rint((1.0 - value) * HEIGHT) for value in (y[0], y[-1], y.min(), y.max()))
    assert found[0] == (0, first) and found[-1] == (WIDTH, last)
    assert max(y for _, y in found) == lowest and min(y for _, y in found) == highest


def test_an_area_closes_at_its_level_and_outside_of_the_edge() -> None:
    path = area_path(array(0.0, 1.0), array(0.25, 0.75), 0.0)
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
    assert '<line class="zero" x1="21" x2="21"' in first and '<line class="span" x1="4" x2="72"' in first
    assert 'class="interval"' in first and 'class="interval clear"' in second
    assert '<line class="zero" x1="21" x2="21"' in second and 'cx="55"' in second


def test_a_spark_line_says_where_it_ends() -> None:
    drawn = spark_line([1.0, 0.5, 1.5])
    assert "Value from 1 to 1.50, lowest 0.50, highest 1.50" in drawn
    assert 'd="M1 12.0 40 22.5 78 1.5"' in drawn


def test_longs_are_stacked_up_and_shorts_down() -> None:
    drawn = weights_over_time(series({"A": [0.6, 0.6], "B": [0.4, -0.5], "C": [0.0, 0.0]}, 2))
    assert ">C " not in drawn and "A 60%" in drawn and "B -5%" in drawn
    paths = re.findall(r'class="layer c(\d)" d="([^"]+)z"', drawn)
    scale = Scale.over([array(-0.5, 1.0)])
    height = {share: int(np.rint((1.0 - float(scale.at(share))) * HEIGHT)) for share in (0.0, 0.6, 1.0, -0.5)}
    assert [colour for colour, _ in paths] == ["1", "0", "1"]  # the outer layer first: A and B together, then A over it
    both, one, short = (points(path) for _, path in paths)
    assert both[1:3] == [(0, height[1.0]), (WIDTH, height[0.6])] and one[1][1] == one[2][1] == height[0.6]
    assert short[:2] == [(0, height[0.0]), (WIDTH, height[-0.5])]


def test_an_account_in_cash_has_no_weights() -> None:
    assert "in cash throughout" in weights_over_time(series({"A": [0.0, 0.0]}, 2))


def test_months_and_years_of_the_heat_map() -> None:
    drawn = monthly_returns(series({}, 1, [[2020, 11, 0.1], [2020, 12, -0.2], [2021, 1, 0.0], [2021, 2, 0.012]]))
    assert '<td class="gain h4">+10.0</td><td class="loss h4">-20.0</td><td class="sum">-12.0</td>' in drawn
    assert '<td>0.0</td><td class="gain h1">+1.2</td>' in drawn
    assert drawn.count("<tr>") == 3
