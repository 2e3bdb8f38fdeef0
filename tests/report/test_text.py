"""The scorecard for people: Markdown and the terminal's last words."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from rlx.data.splits import Span
from rlx.evaluate.config import Protocol
from rlx.evaluate.judge import judge
from rlx.evaluate.scorecard import Scorecard
from rlx.policies.base import Policy
from rlx.policies.baselines import Cash, EqualWeight
from rlx.report.markdown import render_markdown, write_scorecard_markdown
from rlx.report.numbers import number
from rlx.report.terminal import scorecard_summary
from tests.evaluate.players import GUARDED, random_market, state_dependent


def card(policy: Policy) -> Scorecard:
    protocol = Protocol(window_steps=10, bootstrap_replications=100)
    market = random_market()
    return judge(
        policy,
        market,
        Span(10, 59),
        GUARDED,
        protocol,
        baselines=[EqualWeight(), Cash()],
        module="gymrl",
        provenance={"command": "python train.py a|b", "versions": {"numpy": "2"}},
    ).scorecard


def tables(markdown: str) -> list[list[str]]:
    """Return the lines of each table."""
    blocks = [block.splitlines() for block in markdown.split("\n\n")]
    return [block for block in blocks if block[0].startswith("|")]


def test_markdown_shows_every_number_and_the_verdict() -> None:
    scorecard = card(state_dependent())
    markdown = render_markdown(scorecard)
    assert scorecard.verdict in markdown and scorecard.key["hash"] in markdown
    for name in (*scorecard.metrics, *scorecard.guard, *scorecard.intervals):
        assert f"| `{name}` |" in markdown
    assert f"| `sharpe` | {scorecard.metrics['sharpe']:.2f} |" in markdown
    assert "2020-01-20 to 2020-03-27: 49 steps" in markdown
    assert "`versions`" not in markdown


def test_markdown_tables_are_well_formed() -> None:
    found = tables(render_markdown(card(state_dependent())))
    assert len(found) >= 7
    for lines in found:
        widths = {line.replace("\\|", "").count("|") for line in lines}
        assert len(widths) == 1, lines


def test_cash_has_no_ratio_and_no_interval() -> None:
    markdown = render_markdown(card(Cash()))
    assert "| `sharpe` | n/a |" in markdown
    assert "no interval: the returns do not vary" in markdown
    assert "cash (baseline)" in markdown  # the policy and a baseline of the same name keep a column each


def test_a_long_fact_is_cut_with_a_pointer() -> None:
    policy = state_dependent()
    policy.describe = lambda: {"mean": [0.123456] * 200}  # type: ignore[method-assign]
    assert "... (see scorecard.json) |" in render_markdown(card(policy))


def test_markdown_file(tmp_path: Path) -> None:
    scorecard = card(Cash())
    write_scorecard_markdown(tmp_path / "scorecard.md", scorecard)
    assert (tmp_path / "scorecard.md").read_text() == render_markdown(scorecard)


@pytest.mark.parametrize("policy", [state_dependent(), Cash()])
def test_the_terminal_table_fits_a_usual_window(policy: Policy) -> None:
    console = Console(width=110, record=True, file=StringIO())
    scorecard = card(policy)
    console.print(scorecard_summary(scorecard))
    text = console.export_text()
    for word in (scorecard.policy["name"], "equal_weight", "Sharpe", "cost/year", scorecard.key["hash"]):
        assert word in text
    assert "…" not in text
    assert ("cash (baseline)" in text) is (scorecard.policy["name"] == "cash")
    assert " ".join(scorecard.verdict.split()) in " ".join(text.split())


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("sharpe", 1.234, "1.23"),
        ("cumulative_return", -0.0123, "-1.23%"),
        ("turnover", 0.5, "50.00%"),
        ("annual_turnover", 12.5, "12.50"),
        ("ruined", 1.0, "1"),
        ("mean_reward", 0.00012345, "0.0001234"),
        ("drawdown_hit_rate", 0.5, "50.00%"),
        ("cooldown_mean_long", 2.5, "2.50"),
        ("sharpe", None, "n/a"),
    ],
)
def test_numbers_are_written_by_their_unit(name: str, value: float | None, text: str) -> None:
    assert number(name, value) == text
