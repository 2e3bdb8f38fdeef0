"""The scorecard for people: as Markdown and on the terminal."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from rlx.data.splits import Span
from rlx.errors import FileError
from rlx.evaluate.judge import judge
from rlx.evaluate.protocols.base import Protocol
from rlx.evaluate.protocols.walk_forward import WalkForward
from rlx.evaluate.scorecard import Scorecard
from rlx.policies.base import Policy
from rlx.policies.baselines import Cash, EqualWeight
from rlx.report.markdown import render_markdown, write_scorecard_markdown
from rlx.report.numbers import number
from rlx.report.rendered import require_rendered
from rlx.report.terminal import scorecard_summary
from rlx.report.windows_table import LONGEST, describe_in_words, shares_in_words, window_lines
from tests.evaluate.players import GUARDED, random_market, state_dependent


def card(policy: Policy, protocol: Protocol | None = None, trained_to: int | None = None) -> Scorecard:
    protocol = protocol or Protocol(window_steps=10, bootstrap_replications=100)
    market = random_market()
    stamps = market.timestamps
    return judge(
        policy,
        market,
        Span(10, 59),
        GUARDED,
        protocol,
        baselines=[EqualWeight(), Cash()],
        module="gymrl",
        provenance={"command": "python train.py a|b", "versions": {"numpy": "2"}},
        seen=None if trained_to is None else {"trained": (stamps[0], stamps[trained_to])},
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
    for name, value in scorecard.significance.items():
        if isinstance(value, float) and name != "confidence":
            assert f"| `{name}` | {value:.4g} |" in markdown
    assert (
        "| `trials` | 1 | Trials that this one was chosen from: none was declared (`protocol.trials`), so it"
        in markdown
    )
    assert "Deflated Sharpe ratio: the same as psr for one trial, as nothing is deducted for luck" in markdown
    assert "These numbers take steps as independent of each other; the intervals do not." in markdown
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
    assert "| `psr` | n/a |" in markdown and "Not measured: the returns do not vary." in markdown
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


def walking(window: int, stride: int, trained_to: int | None = None) -> Scorecard:
    protocol = WalkForward(window=window, stride=stride, window_steps=10, bootstrap_replications=100)
    return card(state_dependent(), protocol, trained_to)


def test_windows_that_walk_are_a_table_in_markdown_and_on_the_terminal() -> None:
    scorecard = walking(16, 8, trained_to=30)
    console = Console(width=110, record=True, file=StringIO())
    console.print(scorecard_summary(scorecard))
    markdown, text = render_markdown(scorecard), console.export_text()
    for row in scorecard.blocks["walk_forward"]["rows"]:
        cells = [
            row["first"][:10],
            row["last"][:10],
            f"{row['cumulative_return']:.2%}",
            f"{row['equal_weight_cumulative_return']:.2%}",
            f"{row['sharpe']:.2f}",
            f"{row['max_drawdown']:.2%}",
            f"{row['turnover']:.2%}",
            str(row["seen_trained"]),
        ]
        assert f"| {' | '.join(cells)} |" in markdown
        assert any(line.split() == cells for line in text.splitlines())
    words = describe_in_words(scorecard.blocks["walk_forward"])
    assert words == (
        "5 windows of 16 steps, one every 8; they overlap, so this is not a sample of that size. 1 step of the span "
        "fills no window and is left out."
    )
    assert words in markdown and "…" not in text
    assert len({line.count("|") for lines in tables(markdown) for line in lines if "2020-" in line[:12]}) == 1


def test_without_windows_that_walk_nothing_is_said_of_them() -> None:
    assert "Walk-forward" not in render_markdown(card(Cash()))


def test_a_block_that_no_installed_package_shows_is_a_table_of_its_values() -> None:
    block = {"n": 3, "share|won": 0.25, "rows": [{"first": "a"}] * 200, "nothing": None, "line\nbreak": "\x1b[31m"}
    scorecard = replace(card(Cash()), blocks={"rlx-odd:months_\x1b": block, "": {}})
    require_rendered(scorecard, "scorecard")
    markdown, console = render_markdown(scorecard), Console(width=110, record=True, file=StringIO())
    console.print(scorecard_summary(scorecard))
    assert "| `n` | 3 |" in markdown and "| `share\\|won` | 0.25 |" in markdown and "see scorecard.json" in markdown
    assert "\x1b" not in markdown and "0.25" in console.export_text()


def test_a_block_of_a_protocol_that_has_none_is_refused() -> None:
    with pytest.raises(FileError, match=r"card: blocks\.guard_ab is \{\}, expected no block of this protocol"):
        require_rendered(replace(card(Cash()), blocks={"guard_ab": {}}), "card")


def test_many_windows_are_abbreviated() -> None:
    lines = window_lines(walking(4, 1).blocks["walk_forward"])
    assert len(lines) == LONGEST + 1 and set(lines[LONGEST // 2]) == {"..."}
    assert (lines[0][0], lines[-1][1]) == ("2020-01-20", "2020-03-27")


@pytest.mark.parametrize(
    ("trained_to", "said"),
    [
        (None, "Share of windows: "),
        (10, "Share of windows: "),  # the first decision is at bar 10: none of the steps was seen
        (20, "Of the 3 without steps that the policy was fitted on: positive "),
        (59, "None is a test: all contain steps that the policy was fitted on."),
    ],
)
def test_shares_are_told_apart_by_what_is_a_test(trained_to: int | None, said: str) -> None:
    words = shares_in_words(walking(16, 8, trained_to).blocks["walk_forward"])
    assert said in words
    assert ("fitted on" in words) is (trained_to in (20, 59))


def test_windows_apart_are_a_sample() -> None:
    assert describe_in_words(walking(7, 7).blocks["walk_forward"]) == "7 windows of 7 steps, one every 7."
    assert describe_in_words(walking(49, 64).blocks["walk_forward"]) == "1 window of 49 steps."
