"""Where a metric is shown is said by its declaration: tables, boards, pages and figures follow its tags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from rlx import registry
from rlx.board.entry import Entry
from rlx.board.standing import Row
from rlx.data.market import Market
from rlx.data.sources import synthetic
from rlx.data.splits import Span
from rlx.evaluate.judge import Judgement, judge
from rlx.evaluate.protocols.base import Protocol
from rlx.keys import keys
from rlx.measures.metric import FILED, SHOWN, TAGS, Metric, shown
from rlx.measures.performance import METRICS, tagged
from rlx.measures.statistics import return_statistics
from rlx.policies.baselines import EqualWeight
from rlx.report.board_rows import columns, row_cells
from rlx.report.figure import draw_report
from rlx.report.markdown import render_markdown
from rlx.report.numbers import in_words, is_fraction, number, spelt_out
from rlx.report.page.board_table import page_columns
from rlx.report.terminal import scorecard_summary
from rlx.sim.rules import Rules

ULCER = Metric(
    "ulcer",
    "fraction",
    "Root mean square of the drawdown",
    "lower",
    lambda ledger, _: np.sqrt(np.mean(np.square(ledger.drawdown), axis=-1)),
    tags=shown("terminal", "figure", "board"),
)
STEPS = 60


@pytest.fixture
def ulcer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Metric]:
    """Install a metric as another package's would be."""
    loaded = registry.loaded
    caches = (keys, columns, page_columns)
    monkeypatch.setattr(registry, "loaded", lambda group: {**loaded(group), ULCER.name: ULCER})
    for cached in caches:
        cached.cache_clear()
    yield ULCER
    for cached in caches:
        cached.cache_clear()


def judged() -> Judgement:
    market = Market(synthetic("random_walk", 3, STEPS + 1))
    protocol = Protocol(window_steps=5, bootstrap_replications=100)
    return judge(EqualWeight(), market, Span(0, STEPS), Rules(), protocol, baselines=[], module="test")


def printed(judgement: Judgement) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(scorecard_summary(judgement.scorecard))
    return capture.get()


def test_every_tag_is_one_that_something_follows() -> None:
    assert not SHOWN.keys() & FILED.keys()
    assert {tag for metric in METRICS.values() for tag in metric.tags} == set(TAGS)


def test_places_are_kept_and_the_rest_stands_behind() -> None:
    assert list(return_statistics(252.0)) == ["sharpe", "sortino", "annual_return", "cumulative_return"]
    assert list(tagged("aggregate"))[:2] == ["annual_return", "cumulative_return"]
    assert list(tagged("terminal"))[:2] == ["cumulative_return", "annual_return"]


@pytest.mark.usefixtures("ulcer")
def test_one_declaration_is_shown_wherever_its_tags_say() -> None:
    judgement = judged()
    value = number("ulcer", judgement.scorecard.metrics["ulcer"])
    assert value.endswith("%") and value != "0.00%"
    assert "ulcer" in printed(judgement) and value in printed(judgement)
    assert f"`ulcer` | {value}" in render_markdown(judgement.scorecard)
    figure = draw_report(judgement.evaluation, judgement.baselines, "title")
    assert any(f"ulcer {value}" in text.get_text() for text in figure.texts)
    entry = Entry("mine", "mine", "momentum", "0" * 12, "b", "2026-01-01", metrics=judgement.scorecard.metrics)
    assert list(columns())[-1] == "ulcer" and row_cells(Row(entry, 1))["ulcer"] == value
    assert list(page_columns())[-2:] == ["ulcer", "equity"]
    assert keys()["eval/ulcer"].meaning == ULCER.meaning


@pytest.mark.usefixtures("ulcer")
def test_an_entry_from_before_the_metric_has_none() -> None:
    entry = Entry("mine", "mine", "momentum", "0" * 12, "b", "2026-01-01", metrics={"cumulative_return": 0.1})
    assert row_cells(Row(entry, 1))["ulcer"] == "n/a"


def test_words_are_made_of_label_and_unit() -> None:
    shown_text = [in_words(metric, 0.5) for metric in tagged("figure").values()]
    assert shown_text == ["50.00% a year", "Sharpe 0.50", "max drawdown 50.00%", "turnover 50.00% a step"]
    assert spelt_out(METRICS["turnover"]) == "turnover a step"
    assert replace(METRICS["turnover"], label="").heading == "turnover"
    assert is_fraction("max_drawdown") and not is_fraction("sharpe") and not is_fraction("annual_turnover")
