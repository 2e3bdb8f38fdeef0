"""Pictures, Markdown and the page of strategies on forecasts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from rlx.backtest.illusion import Judged
from rlx.backtest.measured import Resampling, measured
from rlx.backtest.outcome import Outcome, Trading, played
from rlx.backtest.readiness import broken_rules, ready
from rlx.backtest.strategies import STRATEGIES
from rlx.backtest.strategy_document import Circumstances, strategy_document
from rlx.report.backtests.figure import draw_backtest
from rlx.report.backtests.illusion import draw_illusion, render_illusion
from rlx.report.backtests.markdown import render_document
from rlx.report.backtests.page import render_backtests, section
from rlx.report.backtests.summary import comparisons, render_summary
from tests.backtest.worked_example import make_panel, trading

HOSTILE = "<b>x|y</b>"
ERROR = {"close": {"mae": 0.01, "naive_mae": 0.02, "bars": 5}}


@dataclass(frozen=True)
class Made:
    name: str
    documents: dict[str, Any] = field(default_factory=dict)
    base: str | None = None
    failure: str | None = None


def example() -> tuple[Trading, dict[str, Outcome], dict[str, Any]]:
    one = trading()
    outcomes = played(STRATEGIES, one)
    found = measured(outcomes, 0, 252, Resampling(20))
    run = Circumstances(HOSTILE, "2025-01-01T00:00:00Z", make_panel(), one, {"name": "by hand", "test_only": None})
    return one, outcomes, strategy_document(run, "X", found, ERROR, {}, f"It is {HOSTILE}.")


def test_the_picture_has_values_bounds_and_trades() -> None:
    one, outcomes, document = example()
    figure = draw_backtest(one, outcomes, 0, document)
    figure.canvas.draw()
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[0] == "Value of 1 invested" and titles[1].startswith("maxdiff: value of 1")
    assert titles[2] == "Entries and exits of maxdiff on X, last 60 bars"


def test_a_picture_without_strategies_with_orders() -> None:
    one, _, document = example()
    outcomes = played({"simple": STRATEGIES["simple"]}, one)
    figure = draw_backtest(one, outcomes, 0, document)
    figure.canvas.draw()
    assert len(figure.axes) == 1


def test_names_are_shown_literally() -> None:
    _, _, document = example()
    assert HOSTILE not in render_document(document)
    page = render_backtests([section(document)], HOSTILE)
    assert HOSTILE not in page and "&lt;b&gt;x|y&lt;/b&gt;" in page
    assert HOSTILE not in render_summary([Made(HOSTILE, {"X": document})])


def test_comparisons_say_when_there_is_nothing_to_compare() -> None:
    _, _, document = example()
    other = {**document, "key": "another"}
    lacking = {**document, "strategies": {"simple": document["strategies"]["simple"]}, "forecast_error": {}}
    results = [
        Made("base", {"X": document}),
        Made("same", {"X": document}, "base"),
        Made("key", {"X": other}, "base"),
        Made("lacking", {"X": lacking}, "base"),
    ]
    rows = comparisons(results).rows
    assert rows[0][2:] == ["="] * 6
    assert rows[1][2:] == ["n/a"] * 6
    assert rows[2][2:] == ["n/a", "n/a", "=", "=", "n/a", "n/a"]


def good() -> dict[str, Any]:
    _, _, document = example()
    maxdiff = {
        **document["strategies"]["maxdiff"],
        "window_excess": [0.1, 0.2, 0.3],
        "excess_over_buy_and_hold": {"estimate": 0.2, "low": 0.1, "high": 0.3},
        "pessimistic": {"cumulative_return": 0.1},
    }
    return {**document, "strategies": {"maxdiff": maxdiff}}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"window_excess": [0.1, 0.2]}, "it was not compared with buying and holding in 3 windows"),
        ({"window_excess": [0.1, -0.2, 0.3]}, "it does not beat buying and holding in every window"),
        ({"excess_over_buy_and_hold": None}, "the interval of its excess is not above zero"),
        ({"pessimistic": {"cumulative_return": -0.1}}, "its pessimistic result is not positive"),
    ],
)
def test_readiness_lists_the_rules_broken(change: dict[str, Any], rule: str) -> None:
    document = good()
    assert ready(document) == ["maxdiff"]
    document["strategies"]["maxdiff"] |= change
    assert broken_rules(document, "maxdiff") == [rule] and ready(document) == []


def test_no_forecaster_for_tests_and_none_worse_than_no_move_is_ready() -> None:
    document = good()
    marked = {**document, "forecaster": {"name": "oracle", "test_only": "it knows the next bar"}}
    assert broken_rules(marked, "maxdiff") == ["the forecaster is for tests only"]
    worse = {**document, "forecast_error": {"close": {"mae": 0.03, "naive_mae": 0.02}}}
    assert broken_rules(worse, "maxdiff") == ["the forecast of the close errs more than no move"]
    fewer = {**document, "forecaster": {"name": "x", "test_only": None, "degraded_rows": 2}}
    assert broken_rules(fewer, "maxdiff") == ["some forecasts are from fewer samples than asked for"]


def test_the_table_and_the_picture_of_the_illusion() -> None:
    one = Judged(0.0485, 0.0012, 16.2, 13.1, 400)
    cases = {"noise": {"original": one, "honest": replace(one, window_return=-0.0096, window_sharpe=-2.2)}}
    text = render_illusion(cases)
    assert "| original | +4.85% (se 0.12%) | +16.2 | +13.1 |" in text and "noise: 400 windows." in text
    figure = draw_illusion(cases)
    figure.canvas.draw()
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "Mean return of six bars",
        "Mean of the windows' Sharpe ratios",
    ]
