"""Windows at every start for people: the figure, the tables and the sentences."""

from __future__ import annotations

import struct
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from rlx.evaluate.judge import Judgement
from rlx.evaluate.scorecard import Scorecard
from rlx.policies.base import Policy
from rlx.policies.baselines import Cash, EqualWeight
from rlx.report.every_start import (
    LONGEST,
    draw_every_start,
    episode_lines,
    outliers_in_words,
    outliers_line,
    summary_lines,
)
from rlx.report.markdown import render_markdown
from rlx.report.terminal import scorecard_summary
from rlx.report.windows_figure import write_png
from tests.evaluate.test_every_start import PROTOCOL, eventful, judge_eventful


@pytest.fixture(scope="module")
def judgement() -> Judgement:
    return judge_eventful()


def shown(card: Scorecard) -> str:
    console = Console(width=140, record=True, file=StringIO())
    console.print(scorecard_summary(card))
    return console.export_text()


@pytest.mark.parametrize(
    ("policy", "settings"),
    [(None, {}), (Cash(), {}), (EqualWeight(), {"baselines": []}), (EqualWeight(), {"seen_to": 12})],
)
def test_it_is_a_png_of_1400_by_900_pixels(tmp_path: Path, policy: Policy | None, settings: dict[str, Any]) -> None:
    stamps = eventful().timestamps
    seen = {"trained": (stamps[0], stamps[settings["seen_to"]])} if "seen_to" in settings else None
    result = judge_eventful(policy, baselines=settings.get("baselines"), seen=seen)
    path = tmp_path / "every_start.png"
    write_png(path, draw_every_start(result))
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", path.read_bytes()[16:24]) == (1400, 900)
    assert list(tmp_path.iterdir()) == [path]


def test_outliers_are_dots_where_their_windows_are(judgement: Judgement) -> None:
    axes = draw_every_start(judgement).axes[0]
    for dots, side in zip(axes.collections, ("low", "high"), strict=True):
        expected = [(row["window"], row["cumulative_return"]) for row in judgement.rows if row["outlier"] == side]
        np.testing.assert_allclose(dots.get_offsets(), expected)
    assert axes.get_title("left") == "Return of each window: 10 outliers (5 low, 5 high) in 2 episodes"
    counts = [patch.get_width() for patch in draw_every_start(judgement).axes[1].patches]
    assert sum(counts) == len(judgement.rows)


def test_windows_that_are_no_test_are_grey_and_this_is_explained() -> None:
    stamps = eventful().timestamps
    axes = draw_every_start(judge_eventful(seen={"trained": (stamps[0], stamps[10])})).axes
    assert [(grey.get_x(), grey.get_width()) for grey in axes[0].patches] == [(-0.5, 10.0)]
    assert any(text.get_text().startswith("grey: no test") for text in axes[1].texts)


def test_markdown_and_terminal_have_numbers_episodes_and_words(judgement: Judgement) -> None:
    card = judgement.scorecard
    found = card.blocks["every_start"]["outliers"]["cumulative_return"]
    markdown, text = render_markdown(card), shown(card)
    line = ["return", "5", "5", f"{found['mean']:.2%}", f"{found['mean_without']:.2%}"]
    assert f"| {' | '.join(line)} |" in markdown
    assert any(row.split()[:5] == line for row in text.splitlines())
    for one in found["episodes"]:
        cells = ["return", one["side"], one["first"][:10], one["last"][:10], "5", f"{one['farthest']:.2%}"]
        assert f"| {' | '.join(cells)} |" in markdown
        assert any(row.split() == cells for row in text.splitlines())
    assert "56 windows of 5 steps, one from every start index; they overlap" in markdown
    assert outliers_in_words(card.blocks["every_start"]) in markdown
    assert outliers_in_words(card.blocks["every_start"]) in " ".join(text.split())
    assert "…" not in text


def test_without_outliers_there_is_no_table_of_them() -> None:
    card = judge_eventful(Cash(), baselines=[Cash()]).scorecard
    assert "outliers by" not in render_markdown(card) and "Episodes" not in shown(card)
    assert outliers_line(card.blocks["every_start"], "cumulative_return").startswith("no outliers, as the middle half")
    assert PROTOCOL.fence_iqrs == 1.5 and "more than 1.5 interquartile ranges" in render_markdown(card)


def block(**changes: Any) -> dict[str, Any]:
    found = {
        "fence_low": -0.1, "fence_high": 0.1, "n_low": 0, "n_high": 3, "mean": 0.02, "median": 0.01, "episodes": [],
        "mean_without": 0.01, "median_without": 0.01, "mean_without_high": 0.01, "high_share_of_mean": 0.6,
    }  # fmt: skip
    return {"fence_iqrs": 1.5, "outliers": {"cumulative_return": {**found, **changes}}}


def episode(number: int, side: str = "high") -> dict[str, Any]:
    date = f"2020-01-{number + 1:02d}T00:00:00"
    return {
        "side": side,
        "first": date,
        "last": date,
        "windows": 1,
        "farthest": 0.2 + number,
        "farthest_window": number,
    }


def test_words_say_whether_the_mean_depends_on_a_few_episodes() -> None:
    two = [episode(0), episode(1), episode(2, "low")]
    part = outliers_in_words(block(episodes=two))
    assert (
        "Without the high outliers the mean window returns 1.00% instead of 2.00%: 60% of the mean comes from them."
        in part
    )
    hangs = outliers_in_words(block(episodes=two, mean_without_high=-0.01, high_share_of_mean=1.4))
    assert "The mean depends on 2 episodes: without the high outliers the mean window returns -1.00% instead" in hangs
    assert "hangs" not in part
    for nothing in ({"high_share_of_mean": None}, {"n_high": 0}):
        assert "instead of" not in outliers_in_words(block(**nothing))


def test_of_many_episodes_the_farthest_are_shown_in_time_order() -> None:
    many = block(episodes=[episode(number) for number in range(20)])
    lines = episode_lines(many)
    assert len(lines) == LONGEST and "The 12 that lie farthest out are listed." in outliers_in_words(many)
    assert "Listed" not in outliers_in_words(block(episodes=[episode(0)]))
    assert [line[2] for line in lines] == [f"2020-01-{number + 1:02d}" for number in range(8, 20)]
    assert summary_lines(block(high_share_of_mean=None, mean_without=None))[0][4] == "n/a"
