"""Windows that move over a span: their positions, what is measured on each, and their trades."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rlx.data.splits import Span
from rlx.errors import ConfigError, FileError
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.judge import Judgement, judge
from rlx.evaluate.key import short_hash
from rlx.evaluate.protocols.base import Protocol
from rlx.evaluate.protocols.span import late_start, protocol_span
from rlx.evaluate.protocols.walk_forward import WalkForward
from rlx.evaluate.scorecard import Scorecard
from rlx.evaluate.seen import Seen
from rlx.evaluate.trades_file import write_trades
from rlx.evaluate.windows import WindowSet
from rlx.keys import keys
from rlx.policies.baselines import BuyAndHold, Cash, EqualWeight
from rlx.sim import Costs, Ledger, Limits, Rules
from rlx.untrusted.csv_file import write_csv
from tests.evaluate.players import FREE, GUARDED, make_market, random_market, state_dependent

SPAN = Span(10, 59)
PROTOCOL = WalkForward(window=16, stride=8, window_steps=10, bootstrap_replications=200)
STAMPS = random_market().timestamps


def walked(
    policy: Any = None,
    protocol: Protocol = PROTOCOL,
    rules: Rules = GUARDED,
    market: Any = None,
    seen: Seen | None = None,
    span: Span = SPAN,
) -> Judgement:
    return judge(
        policy or state_dependent(),
        market or random_market(),
        span,
        rules,
        protocol,
        baselines=[EqualWeight(), BuyAndHold(), Cash()],
        module="test",
        seen=seen,
    )


@pytest.fixture(scope="module")
def judgement() -> Judgement:
    return walked()


@pytest.mark.parametrize(
    ("span", "window", "stride", "starts", "left_out"),
    [
        (Span(10, 30), 8, 5, [10, 15, 20], 2),  # the last decides at bars 20 to 27; 28 and 29 are left
        (Span(10, 30), 8, 12, [10, 22], 4),  # bars 18 to 21 lie between the two
        (Span(10, 30), 20, 64, [10], 0),
        (Span(10, 30), 10, 10, [10, 20], 0),
        (Span(10, 30), 1, 19, [10, 29], 18),
    ],
)
def test_positions_of_the_windows(span: Span, window: int, stride: int, starts: list[int], left_out: int) -> None:
    (windows,) = WalkForward(window=window, stride=stride).windows(span, STAMPS)
    assert (windows.name, windows.steps, windows.starts.tolist()) == ("walk_forward", window, starts)
    protocol = replace(PROTOCOL, window=window, stride=stride)
    assert walked(Cash(), protocol, FREE, span=span).scorecard.blocks["walk_forward"]["left_out"] == left_out


def test_default_windows_over_five_years() -> None:
    """1,258 decisions: the last of 16 windows starts at 15 x 64 = 960 and ends at 1216, so 42 are left."""
    (windows,) = WalkForward(window=256, stride=64).windows(Span(0, 1258), STAMPS)
    assert len(windows) == 16


def test_a_window_that_does_not_fit_is_refused_with_what_fits() -> None:
    with pytest.raises(ConfigError, match=r"protocol\.window=50: the evaluation span has 49 .* 1 to 49"):
        walked(protocol=replace(PROTOCOL, window=50))


@pytest.mark.parametrize(
    ("name", "value"), [("window", 0), ("window", 4.5), ("stride", 0), ("stride", -64), ("stride", True)]
)
def test_nonsense_is_refused(name: str, value: Any) -> None:
    with pytest.raises(
        ConfigError, match=rf"protocol\.{name}={str(value).lower()}: must be a whole number between 1 and"
    ):
        WalkForward(**{name: value})


def test_it_covers_everything_by_default_and_checks_what_every_protocol_does() -> None:
    assert (WalkForward().split, WalkForward().window, WalkForward().stride) == ("all", 256, 64)
    with pytest.raises(ConfigError, match="is after protocol"):
        WalkForward(start="2020", end="2016")


def test_other_protocols_have_no_such_windows() -> None:
    assert [windows.name for windows in Protocol().window_sets(SPAN, STAMPS)] == ["holdout", "windows"]
    assert [windows.name for windows in PROTOCOL.window_sets(SPAN, STAMPS)] == ["holdout", "windows", "walk_forward"]
    plain = walked(protocol=Protocol(window_steps=10, bootstrap_replications=200))
    assert plain.rows == [] and "blocks" not in plain.scorecard.to_dict()


def test_it_changes_the_windows_of_the_key_and_nothing_else_of_the_judgement(judgement: Judgement) -> None:
    plain = walked(protocol=Protocol(window_steps=10, bootstrap_replications=200)).scorecard
    card = judgement.scorecard
    assert (card.metrics, card.intervals, card.windows, card.verdict) == (
        plain.metrics, plain.intervals, plain.windows, plain.verdict,
    )  # fmt: skip
    walking = card.key["windows"]["walk_forward"]
    assert walking == {"first": "2020-01-20T00:00:00", "last": "2020-03-26T00:00:00", "steps": 16, "n": 5}
    others = {name: windows for name, windows in card.key["windows"].items() if name != "walk_forward"}
    without = {**card.key, "windows": others, "hash": None}
    assert without == {**plain.key, "hash": None}
    assert short_hash({name: value for name, value in without.items() if name != "hash"}) == plain.key["hash"]
    hashes = {plain.key["hash"], card.key["hash"], walked(protocol=replace(PROTOCOL, stride=7)).scorecard.key["hash"]}
    assert len(hashes) == 3


def test_each_window_is_the_same_judged_alone(judgement: Judgement) -> None:
    together = judgement.evaluation.sets["walk_forward"]
    assert together.starts.tolist() == [10, 18, 26, 34, 42]
    for row, start in enumerate(together.starts.tolist()):
        windows = WindowSet("alone", np.array([start]), 16)
        alone = evaluate(state_dependent(), random_market(), [windows], GUARDED).sets["alone"].ledger.select(0)
        for name in Ledger.names():
            np.testing.assert_array_equal(getattr(together.ledger.select(row), name), getattr(alone, name))


def test_rows_by_hand() -> None:
    # One asset gains 1% a step and the other nothing; the market turns after bar 20.
    growth = np.where(np.arange(40)[:, None] < 20, [[1.01, 1.0]], [[0.99, 1.0]])
    market = make_market(100.0 * np.vstack([[1.0, 1.0], np.cumprod(growth, axis=0)]))
    protocol = replace(PROTOCOL, window=10, stride=10)
    result = judge(EqualWeight(), market, Span(0, 40), FREE, protocol, baselines=[Cash(), EqualWeight()], module="test")
    earned = [1.005**10 - 1, 1.005**10 - 1, 0.995**10 - 1, 0.995**10 - 1]
    assert [row["cumulative_return"] for row in result.rows] == pytest.approx(earned)
    assert [row["max_drawdown"] for row in result.rows] == pytest.approx([0, 0, -earned[2], -earned[3]], abs=1e-12)
    assert [row["equal_weight_cumulative_return"] for row in result.rows] == pytest.approx(earned)
    assert [row["cash_cumulative_return"] for row in result.rows] == [0, 0, 0, 0]
    assert [(row["window"], row["first"][:10], row["last"][:10], row["steps"]) for row in result.rows[:2]] == [
        (0, "2020-01-06", "2020-01-20", 10),
        (1, "2020-01-20", "2020-02-03", 10),
    ]
    block = result.scorecard.blocks["walk_forward"]
    assert (block["n"], block["steps"], block["stride"], block["left_out"]) == (4, 10, 10, 0)
    assert block["cumulative_return"]["median"] == pytest.approx((earned[0] + earned[2]) / 2)
    assert (block["share_positive"], block["share_beating_cash"], block["share_beating_equal_weight"]) == (0.5, 0.5, 0)


def test_rows_have_every_measure_by_its_bare_name(judgement: Judgement) -> None:
    row = judgement.rows[0]
    bare = {name.removeprefix("eval/") for name in keys() if name.startswith("eval/")}
    bare |= {name.removeprefix("guard/") for name in keys() if name.startswith("guard/")}
    assert bare <= set(row)
    ledger = judgement.evaluation.sets["walk_forward"].ledger
    assert [row["turnover"] for row in judgement.rows] == pytest.approx(ledger.turnover.mean(axis=1).tolist())
    assert [row["drawdown_hit_rate"] for row in judgement.rows] == ledger.drawdown_guard.mean(axis=1).tolist()
    assert any(row["drawdown_hit_rate"] > 0 for row in judgement.rows)


def test_each_window_reports_how_many_of_its_steps_the_policy_was_fitted_on(judgement: Judgement) -> None:
    stamps = random_market().timestamps
    # trained on decisions at bars 0 to 19, selected on 20 to 27; windows start at 10, 18, 26, 34, 42
    seen = {"trained": (stamps[0], stamps[20]), "selected": (stamps[20], stamps[28])}
    result = walked(seen=seen)
    assert [(row["seen_trained"], row["seen_selected"]) for row in result.rows] == [
        (10, 6), (2, 8), (0, 2), (0, 0), (0, 0),
    ]  # fmt: skip
    unseen = result.scorecard.blocks["walk_forward"]["unseen"]
    own, theirs = (
        [row[name] for row in result.rows[3:]] for name in ("cumulative_return", "equal_weight_cumulative_return")
    )
    assert unseen["n"] == 2
    assert unseen["share_beating_equal_weight"] == np.mean(np.array(own) > np.array(theirs))
    everything = walked(seen={"trained": (stamps[0], stamps[59])}).scorecard.blocks["walk_forward"]["unseen"]
    assert (everything["n"], everything["share_positive"]) == (0, None)
    assert "unseen" not in judgement.scorecard.blocks["walk_forward"] and "seen_trained" not in judgement.rows[0]


def test_the_scorecard_reads_back_with_and_without_walking(judgement: Judgement, tmp_path: Path) -> None:
    for card in (judgement.scorecard, replace(judgement.scorecard, blocks={})):
        card.write(tmp_path / "scorecard.json")
        assert Scorecard.load(tmp_path / "scorecard.json") == card


def test_a_document_of_version_1_is_the_same_scorecard(judgement: Judgement, tmp_path: Path) -> None:
    card, path = judgement.scorecard, tmp_path / "scorecard.json"
    document = card.to_dict()
    older = {**document.pop("blocks"), **document, "schema_version": 1}
    path.write_text(json.dumps(older))
    assert Scorecard.load(path) == card and set(older) == {*vars(card)} - {"audit", "blocks"} | {"walk_forward"}
    path.write_text(json.dumps({**older, "walk_forward": {}}))
    assert Scorecard.load(path) == replace(card, blocks={})
    path.write_text(json.dumps({**older, "walk_forward": 0}))
    with pytest.raises(FileError, match=r"blocks\.walk_forward is 0, expected a mapping"):
        Scorecard.load(path)
    for other, unknown in (({"schema_version": 2}, "walk_forward"), ({"blocks": {}}, "blocks")):
        path.write_text(json.dumps({**older, **other}))
        with pytest.raises(FileError, match=rf"unknown fields \[.{unknown}.\]"):
            Scorecard.load(path)


def test_windows_csv_has_the_rows(tmp_path: Path) -> None:
    rows = walked(Cash()).rows
    write_csv(tmp_path / "windows.csv", rows)
    with (tmp_path / "windows.csv").open() as file:
        read = list(csv.DictReader(file))
    assert list(read[0]) == list(rows[0]) and len(read) == len(rows)
    assert read[0]["sharpe"] == ""  # cash has none
    assert [float(row["equal_weight_cumulative_return"]) for row in read] == [
        row["equal_weight_cumulative_return"] for row in rows
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["windows.csv"]


@pytest.mark.parametrize("rules", [GUARDED, Rules(costs=Costs(commission_bps=20), drift=False), FREE])
def test_trades_add_up_to_the_turnover_of_the_ledger(tmp_path: Path, rules: Rules) -> None:
    result, market = walked(rules=rules), random_market()
    write_trades(tmp_path / "trades.parquet", result.evaluation, market, "walk_forward")
    trades = pd.read_parquet(tmp_path / "trades.parquet")
    windows = result.evaluation.sets["walk_forward"]
    turnover = np.zeros(windows.timestamps.shape)
    np.add.at(turnover, (trades["window"], trades["step"]), trades["traded"].abs())
    np.testing.assert_allclose(turnover, windows.ledger.turnover, atol=1e-9)
    stamps = windows.timestamps[trades["window"], trades["step"]]
    np.testing.assert_array_equal(trades["timestamp"].dt.tz_localize(None), stamps)
    assert set(trades["symbol"]) == set(market.symbols)
    assert trades[["window", "step"]].apply(tuple, axis=1).is_monotonic_increasing


def test_a_trade_at_the_closing_cap_has_a_row_of_its_own(tmp_path: Path) -> None:
    result, market = walked(EqualWeight(), rules=Rules(limits=Limits(closing_gross=0.8))), random_market()
    write_trades(tmp_path / "trades.parquet", result.evaluation, market, "walk_forward")
    first = pd.read_parquet(tmp_path / "trades.parquet").query("window == 0 and step == 0")
    assert first["leg"].tolist() == ["target"] * 3 + ["closing_cap"] * 3
    assert first["symbol"].tolist() == ["S0", "S1", "S2"] * 2
    assert first["weight_before"].tolist() == pytest.approx([0.0] * 3 + [1 / 3] * 3)
    assert first["weight_after"].tolist() == pytest.approx([1 / 3] * 3 + [0.8 / 3] * 3)
    assert first["traded"].tolist() == pytest.approx([1 / 3] * 3 + [-0.2 / 3] * 3)


def test_a_policy_that_does_not_trade_has_no_trades(tmp_path: Path) -> None:
    held, cash = tmp_path / "held.parquet", tmp_path / "cash.parquet"
    write_trades(held, walked(BuyAndHold(), rules=FREE).evaluation, random_market(), "walk_forward")
    assert set(pd.read_parquet(held)["step"]) == {0}
    write_trades(cash, walked(Cash(), rules=FREE).evaluation, random_market(), "walk_forward")
    assert len(pd.read_parquet(cash)) == 0


def test_a_start_before_the_features_is_reported() -> None:
    market = random_market(60)  # bar 10 is Monday 2020-01-20
    for start, said in (("2020-01-10", True), ("2020-01-18", False), ("2020-01-20", False), (None, False)):
        protocol = replace(PROTOCOL, start=start)
        span = protocol_span(market, None, protocol, first_bar=10)
        note = late_start(market, protocol, span)
        assert (note is not None) is said, start
    assert late_start(market, replace(PROTOCOL, start="2020-01-10"), Span(10, 59)) == (
        "protocol.start=2020-01-10: the policy's features are not known before 2020-01-20; judged from there."
    )
