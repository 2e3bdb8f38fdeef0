"""Windows at every start one by one: their rows, their outliers, and an unchanged key."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlx.data.splits import Span
from rlx.errors import ConfigError
from rlx.evaluate.judge import Judgement, judge
from rlx.evaluate.protocols.base import Protocol
from rlx.evaluate.protocols.every_start import EveryStart
from rlx.evaluate.scorecard import Scorecard
from rlx.evaluate.seen import Seen
from rlx.policies.base import Policy
from rlx.policies.baselines import BuyAndHold, Cash, EqualWeight
from rlx.sim import Limits, Rules
from tests.evaluate.players import FREE, Player, make_market

PROTOCOL = EveryStart(window_steps=5, bootstrap_replications=100)
CRASH, BOOM = 20, 40
"""Steps on which the first asset falls by a third and rises by a half."""


def eventful() -> Any:
    """Return a market of two assets with small moves, except on two extraordinary days of the first."""
    steps = np.random.default_rng(0).normal(0.0, 0.002, (60, 2))
    steps[CRASH, 0], steps[BOOM, 0] = -1 / 3, 1 / 2
    return make_market(100.0 * np.vstack([np.ones((1, 2)), np.cumprod(1.0 + steps, axis=0)]))


def first_asset() -> Player:
    return Player(lambda o: np.tile([1.0, 0.0], (len(o.bar), 1)))


def judge_eventful(
    policy: Policy | None = None,
    protocol: Protocol = PROTOCOL,
    baselines: list[Policy] | None = None,
    seen: Seen | None = None,
) -> Judgement:
    baselines = [EqualWeight(), BuyAndHold(), Cash()] if baselines is None else baselines
    return judge(
        policy or first_asset(), eventful(), Span(0, 60), FREE, protocol, baselines=baselines, module="test", seen=seen
    )


@pytest.fixture(scope="module")
def judgement() -> Judgement:
    return judge_eventful()


def test_every_window_that_holds_an_extraordinary_day_is_an_outlier_and_each_day_one_episode(
    judgement: Judgement,
) -> None:
    assert len(judgement.rows) == 56
    for flag in ("outlier", "excess_outlier"):
        low = [row["window"] for row in judgement.rows if row[flag] == "low"]
        high = [row["window"] for row in judgement.rows if row[flag] == "high"]
        assert low == list(range(CRASH - 4, CRASH + 1)) and high == list(range(BOOM - 4, BOOM + 1))
    stamps = eventful().timestamps
    for found in judgement.scorecard.blocks["every_start"]["outliers"].values():
        assert [(one["side"], one["windows"]) for one in found["episodes"]] == [("low", 5), ("high", 5)]
        firsts = [np.datetime64(one["first"]) for one in found["episodes"]]
        lasts = [np.datetime64(one["last"]) for one in found["episodes"]]
        assert firsts == [stamps[CRASH - 4], stamps[BOOM - 4]] and lasts == [stamps[CRASH + 5], stamps[BOOM + 5]]


def test_rows_have_the_excess_and_the_measures(judgement: Judgement) -> None:
    windows = judgement.evaluation.sets["windows"]
    for row in judgement.rows:
        earned = np.prod(1.0 + windows.ledger.net_return[row["window"]]) - 1.0
        assert row["cumulative_return"] == pytest.approx(earned)
        theirs = row["equal_weight_cumulative_return"]
        assert row["excess_over_equal_weight"] == pytest.approx(earned - theirs)
    assert judgement.rows[3]["first"] == "2020-01-09T00:00:00"


def test_the_block_is_the_distribution_of_the_windows_with_outliers(judgement: Judgement) -> None:
    block, windows = judgement.scorecard.blocks["every_start"], judgement.scorecard.windows
    assert {name: block[name] for name in windows} == windows
    returns = np.array([row["cumulative_return"] for row in judgement.rows])
    found = block["outliers"]["cumulative_return"]
    assert found["mean"] == pytest.approx(returns.mean())
    assert found["mean_without"] == pytest.approx(np.delete(returns, [*range(16, 21), *range(36, 41)]).mean())
    assert "rows" not in block and "status" not in block


def test_it_plays_what_every_protocol_plays(judgement: Judgement) -> None:
    plain = judge_eventful(protocol=Protocol(window_steps=5, bootstrap_replications=100))
    assert plain.scorecard.key == judgement.scorecard.key
    assert plain.scorecard.verdict == judgement.scorecard.verdict
    assert plain.rows == [] and "blocks" not in plain.scorecard.to_dict()


def test_a_wider_fence_has_fewer_outliers() -> None:
    wide = judge_eventful(protocol=replace(PROTOCOL, fence_iqrs=500.0)).scorecard.blocks["every_start"]
    assert wide["fence_iqrs"] == 500.0
    assert not any(found["episodes"] for found in wide["outliers"].values())


def test_cash_and_equal_weight_itself_have_no_scale() -> None:
    cash = judge_eventful(Cash()).scorecard.blocks["every_start"]["outliers"]
    assert cash["cumulative_return"]["fence_low"] is None and cash["excess_over_equal_weight"]["fence_low"] is not None
    same = judge_eventful(EqualWeight()).scorecard.blocks["every_start"]["outliers"]
    assert same["excess_over_equal_weight"]["fence_low"] is None and same["cumulative_return"]["n_low"] == 5


def test_without_equal_weight_there_is_no_excess() -> None:
    result = judge_eventful(baselines=[Cash()])
    assert list(result.scorecard.blocks["every_start"]["outliers"]) == ["cumulative_return"]
    assert not {"excess_over_equal_weight", "excess_outlier"} & set(result.rows[0])


def test_windows_that_the_policy_was_fitted_on_are_counted_separately() -> None:
    stamps = eventful().timestamps
    result = judge_eventful(seen={"trained": (stamps[0], stamps[10])})
    assert [row["status"] for row in result.rows] == ["seen"] * 10 + ["unseen"] * 46
    block = result.scorecard.blocks["every_start"]
    assert block["status"] == {"unseen": 46, "seen": 10, "purged": 0, "embargoed": 0}
    assert block["unseen"]["n"] == 46


def test_one_window_and_a_ruined_account() -> None:
    one = judge_eventful(protocol=replace(PROTOCOL, window_steps=60))
    assert len(one.rows) == 1 and one.rows[0]["outlier"] is None
    levered = Player(lambda o: np.tile([4.0, 0.0], (len(o.bar), 1)))
    rules = Rules(limits=Limits(max_weight=None, intraday_gross=None, closing_gross=None))
    ruined = judge(levered, eventful(), Span(0, 60), rules, PROTOCOL, baselines=[EqualWeight()], module="test")
    found = ruined.scorecard.blocks["every_start"]["outliers"]["cumulative_return"]
    assert found["episodes"][0]["farthest"] == pytest.approx(-1.0, abs=1e-6)


def test_the_scorecard_reads_back(judgement: Judgement, tmp_path: Path) -> None:
    judgement.scorecard.write(tmp_path / "scorecard.json")
    assert Scorecard.load(tmp_path / "scorecard.json") == judgement.scorecard


@pytest.mark.parametrize("value", [0.0, -1.5, float("nan"), float("inf"), True, "wide"])
def test_nonsense_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"protocol\.fence_iqrs=.*: must be between 0\.001 and 1000"):
        EveryStart(fence_iqrs=value)
    with pytest.raises(ConfigError, match="is after protocol"):
        EveryStart(start="2020", end="2016")
