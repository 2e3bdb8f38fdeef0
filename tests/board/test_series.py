"""The series of a report, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rlx.board.series import report_series, spark_line
from rlx.data.splits import Span
from rlx.evaluate.judge import Judgement, judge
from rlx.evaluate.protocols.base import Protocol
from rlx.measures.days import evenly_spaced
from rlx.policies.baselines import Cash
from tests.evaluate.players import FREE, Player, make_market


@pytest.fixture(scope="module")
def judgement() -> Judgement:
    """Judge an account that is fully invested in one asset: 100, 110, 99, 121."""
    market = make_market([[100.0], [110.0], [99.0], [121.0]])
    player = Player(lambda observation: np.ones_like(observation.weights))
    protocol = Protocol(window_steps=2, bootstrap_replications=100)
    return judge(player, market, Span(0, 3), FREE, protocol, baselines=[Cash()], module="test")


def test_value_falls_below_its_peak_and_months_compound(judgement: Judgement) -> None:
    series = report_series(judgement)
    own = judgement.evaluation.policy
    assert series["value"] == {own: [1.1, 0.99, 1.21], "cash": [1.0, 1.0, 1.0]}
    assert series["drawdown"] == {own: [0.0, -0.1, 0.0], "cash": [0.0, 0.0, 0.0]}
    assert [change for _, _, change in series["monthly"]] == [0.21]
    assert list(series["weights"].values()) == [[1.0, 1.0, 1.0]]
    assert series["costs"]["before_costs"] == series["costs"]["net"] > 0.0 == series["costs"]["trading"]
    assert (min(series["windows"]["edges"]), max(series["windows"]["edges"])) == (-0.01, 0.1)
    assert sum(series["windows"]["counts"][own]) == 2


def test_the_small_line_starts_at_one(judgement: Judgement) -> None:
    assert spark_line(judgement) == [1.0, 1.1, 0.99, 1.21]


def test_few_of_many_keep_both_ends_and_few_are_all_kept() -> None:
    assert evenly_spaced(9, 3).tolist() == [0, 4, 8]
    assert evenly_spaced(2, 5).tolist() == [0, 1]
    assert evenly_spaced(1, 5).tolist() == [0]
