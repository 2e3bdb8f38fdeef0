"""The figure: written completely, at its size, for every kind of evaluation, without touching pyplot."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlx.data.splits import Span
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.windows import holdout_windows
from rlx.measures.evaluation import Evaluation
from rlx.policies.base import Policy
from rlx.policies.baselines import BuyAndHold, Cash, EqualWeight
from rlx.report.figure import draw_report, write_report_png
from rlx.report.panels import spread
from rlx.sim import Cooldown, Rules
from tests.evaluate.players import FREE, GUARDED, Player, make_market, random_market, state_dependent

SPAN = Span(10, 59)


def played(policy: Policy, rules: Rules = GUARDED, span: Span = SPAN) -> tuple[Evaluation, dict[str, Evaluation]]:
    market, windows = random_market(), [holdout_windows(span)]
    baselines = (EqualWeight(), BuyAndHold(), Cash())
    return evaluate(policy, market, windows, rules), {b.name: evaluate(b, market, windows, rules) for b in baselines}


def texts(evaluation: Evaluation, baselines: dict[str, Evaluation]) -> str:
    figure = draw_report(evaluation, baselines, "Title")
    shown = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        shown += [text.get_text() for text in axes.texts] + [axes.get_title(loc="left")]
    return "\n".join(shown)


@pytest.mark.parametrize(
    ("policy", "rules", "span"),
    [
        (state_dependent(), GUARDED, Span(10, 59)),
        (Cash(), FREE, Span(10, 59)),  # nothing moves, no caps, no guards
        (EqualWeight(), GUARDED, Span(20, 21)),  # one step; the policy is one of its baselines
        (Player(lambda o: np.full(o.weights.shape, 9.0)), FREE, Span(10, 59)),  # wild enough for a log scale
    ],
)
def test_it_is_a_png_of_1400_by_1000_pixels(tmp_path: Path, policy: Policy, rules: Rules, span: Span) -> None:
    path = tmp_path / "report.png"
    write_report_png(path, *played(policy, rules, span), title="A title")
    content = path.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", content[16:24]) == (1400, 1000)
    assert list(tmp_path.iterdir()) == [path]


def test_a_logarithmic_axis_has_numbers_and_no_formulas() -> None:
    figure = draw_report(*played(Player(lambda o: np.full(o.weights.shape, 9.0)), FREE), "Title")
    axis = figure.axes[0].yaxis
    figure.canvas.draw()
    labels = [label.get_text() for minor in (False, True) for label in axis.get_ticklabels(minor=minor)]
    assert figure.axes[0].get_yscale() == "log" and any(labels)
    assert all(float(label.replace("\N{MINUS SIGN}", "-")) > 0.0 for label in labels if label)


def test_a_ruined_account_can_be_drawn(tmp_path: Path) -> None:
    market = make_market([[100.0], [100.0], [20.0], [25.0]])
    evaluation = evaluate(Player(lambda o: np.full((1, 1), 2.0)), market, [holdout_windows(Span(0, 3))], FREE)
    assert "-100.0%" in texts(evaluation, {})
    write_report_png(tmp_path / "report.png", evaluation, {}, "ruined")


def test_the_same_evaluation_gives_the_same_bytes(tmp_path: Path) -> None:
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in paths:
        write_report_png(path, *played(state_dependent()), title="Same")
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_it_says_what_it_shows() -> None:
    evaluation, baselines = played(state_dependent())
    shown = texts(evaluation, baselines)
    earned = evaluation.sets["holdout"].ledger.value[0, -1] - 1
    fired = evaluation.sets["holdout"].ledger.turnover_guard.mean()
    for text in ("Title", f"player\n{earned:+.1%}", "intraday cap 1.6x\nclosing cap 1.2x", f"turnover  {fired:.0%}"):
        assert text in shown
    assert "drawdown  off" in texts(*played(Cash(), FREE))
    without_cooldown = texts(*played(Cash(), replace(GUARDED, cooldown=Cooldown())))
    assert "turnover  off" in without_cooldown and "drawdown  0%" in without_cooldown


def test_pyplot_is_left_alone() -> None:
    from matplotlib import pyplot

    draw_report(*played(Cash()), "Title")
    assert pyplot.get_fignums() == []


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=6))
def test_labels_are_moved_apart_in_their_order(heights: list[float]) -> None:
    placed = np.array(spread(heights, gap=0.15))
    order = np.argsort(heights, kind="stable")
    assert (np.diff(placed[order]) >= 0.15 - 1e-9).all()
    assert placed.min() >= -1e-9
    assert placed.max() <= 1.0 + 1e-9


def test_labels_with_room_stay_where_they_are() -> None:
    assert spread([0.9, 0.1, 0.5], gap=0.15) == [0.9, 0.1, 0.5]
