"""Plans as a policy: weights at each close, what is covered, and the documents left behind."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlx.data.market import Market
from rlx.data.panel import MarketPanel
from rlx.data.splits import Span
from rlx.errors import ConfigError, PlanError
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.windows import holdout_windows
from rlx.files import write_json
from rlx.policies.base import Charged, Dated, Documented, Policy
from rlx.policies.config import PlanConfig
from rlx.policies.plan import PlanReplay
from rlx.sim.rules import Costs, Rules
from rlx.types import FloatArray
from tests.backtest.by_hand import order, random_bars
from tests.policies.acting import observe

OPEN = [[10.0, 50.0], [11.0, 50.0], [12.0, 50.0], [12.0, 50.0]]
CLOSE = [[10.0, 50.0], [12.0, 50.0], [12.0, 60.0], [15.0, 60.0]]


def market_of(opens: Any, closes: Any) -> Market:
    opens, closes = np.array(opens), np.array(closes)
    days = np.busday_offset("2025-01-06", np.arange(len(closes))).astype("datetime64[ns]")
    high, low = np.maximum(opens, closes) + 1, np.minimum(opens, closes) - 1
    return Market(MarketPanel(("AAA", "BBB"), days, closes, opens, high, low, source="test market"))


@pytest.fixture
def market() -> Market:
    return market_of(OPEN, CLOSE)


def write(folder: Path, *orders: dict[str, Any], day: str = "2025-01-07", **rest: Any) -> str:
    plan = {"target_date": day, "instructions": list(orders), **rest}
    (folder / f"{day}.json").write_text(json.dumps(plan))
    return str(folder)


def targets(policy: PlanReplay, market: Market) -> FloatArray:
    policy.bind(market)
    return policy.act(observe(market, list(range(market.n_bars))))


def test_it_is_what_the_protocols_ask_for(tmp_path: Path) -> None:
    policy = PlanReplay(write(tmp_path, order("AAA", "hold")), fee_bps=0.0)
    assert all(isinstance(policy, kind) for kind in (Policy, Dated, Documented, Charged))


def test_positions_at_each_close_become_weights(market: Market, tmp_path: Path) -> None:
    # 50 AAA at 11 (the open): 550 of 1,000. At the closes 600 + 450, 600 + 450 and 750 + 450.
    held = targets(PlanReplay(write(tmp_path, order("AAA", "buy", 50)), initial_cash=1_000, fee_bps=0.0), market)
    np.testing.assert_allclose(held[:, 0], [0, 600 / 1_050, 600 / 1_050, 750 / 1_200])
    np.testing.assert_array_equal(held[:, 1], 0.0)


def test_what_lives_within_a_bar_is_in_the_books_alone(market: Market, tmp_path: Path) -> None:
    path = write(tmp_path, order("AAA", "buy", 50), order("AAA", "exit", None, "close"))
    policy = PlanReplay(path, initial_cash=1_000, fee_bps=0.0)
    assert not targets(policy, market).any()
    assert policy.documents()["plan_replay.json"]["totals"]["net_pnl"] == 50.0


def test_the_judge_earns_what_the_replay_earns_from_its_first_close_on(market: Market, tmp_path: Path) -> None:
    write(tmp_path, order("AAA", "buy", 20, "close"))
    path = write(tmp_path, order("BBB", "buy", 5, "close"), day="2025-01-08")
    policy = PlanReplay(path, initial_cash=1_000, fee_bps=0.0)
    ledger = evaluate(policy, market, (holdout_windows(policy.span(market)),), Rules()).sets["holdout"].ledger
    # 20 AAA at 12, 5 BBB at 60: no cost and no trade within a bar, so both books are the same.
    daily = policy.documents()["plan_replay.json"]["daily"]
    np.testing.assert_allclose(ledger.value[0], [row["equity"] / 1_000 for row in daily[1:]])
    assert daily[-1]["equity"] == pytest.approx(1_000 + 20 * 3)


def test_positions_are_held_after_the_last_plan(tmp_path: Path) -> None:
    bars = np.array([[10.0, 50.0]] * 3 + [[20.0, 50.0]] * 4)
    write(tmp_path, order("AAA", "buy", 10))
    path = write(tmp_path, order("AAA", "buy", 10), day="2025-01-08")
    policy = PlanReplay(path, initial_cash=1_000, fee_bps=0.0)
    held = targets(policy, market_of(bars, bars))
    assert policy.span(market_of(bars, bars)) == Span(1, 3)
    np.testing.assert_allclose(held[:, 0], [0, 0.1, 0.2] + [400 / 1_200] * 4)


@pytest.mark.parametrize(
    ("days", "span"),
    [
        (["2025-01-07"], Span(1, 3)),
        (["2025-01-06", "2025-01-07"], Span(0, 2)),
        (["2025-01-07", "2025-01-09"], Span(1, 3)),
    ],
)
def test_span_is_what_the_plans_cover(market: Market, tmp_path: Path, days: list[str], span: Span) -> None:
    for day in days:
        path = write(tmp_path, order("AAA", "hold"), day=day)
    assert PlanReplay(path, fee_bps=0.0).span(market) == span


def test_a_plan_for_the_last_day_alone_covers_nothing(market: Market, tmp_path: Path) -> None:
    policy = PlanReplay(write(tmp_path, order("AAA", "buy", 1), day="2025-01-09"), fee_bps=0.0)
    with pytest.raises(PlanError, match="the only plan on this market is for its last day"):
        policy.span(market)
    assert targets(policy, market)[-1, 0] > 0


def test_nothing_after_a_bar_changes_its_weights(tmp_path: Path) -> None:
    bars = random_bars(12, 5, "AB")
    stamps = bars.days.astype("datetime64[ns]")
    sale = order("B", "sell", 20, "close", entry_price=9.0, exit_price=8.0)
    for row in range(1, 10, 2):
        wanted = [
            order("A", "buy", 30, entry_price=9.0, exit_price=11.0),
            sale,
        ]
        path = write(tmp_path, *wanted, day=str(bars.days[row]))
    for strategy in ("base", "entry_takeprofit", "maxdiff"):
        options = {"strategy": strategy, "fee_bps": 5.0, "probe_quantity": 1.0, "profit_shutdown_days": 2}
        decided = []
        for factor in (1.0, 1.7):
            prices = [part.copy() for part in (bars.close, bars.open, bars.high, bars.low)]
            for part in prices:
                part[7:] *= factor
            decided.append(targets(PlanReplay(path, **options), Market(MarketPanel(("A", "B"), stamps, *prices))))
        np.testing.assert_array_equal(decided[0][:7], decided[1][:7])
        assert not np.array_equal(decided[0][7:], decided[1][7:])


def test_costs_are_those_of_the_configuration_unless_given(market: Market, tmp_path: Path) -> None:
    path = write(tmp_path, order("AAA", "buy", 10), order("BBB", "buy", 2))  # 110 and 100
    costs = Costs(commission_bps=10, half_spread_bps=5, per_asset_bps={"BBB": 100})

    def fees(fee_bps: float | None) -> float:
        policy = PlanReplay(path, fee_bps=fee_bps, monte_carlo_paths=None)
        policy.charge(costs)
        policy.bind(market)
        return float(policy.documents()["plan_replay.json"]["totals"]["fees"])

    assert fees(None) == pytest.approx(110 * 0.0015 + 100 * 0.01)
    assert fees(20.0) == pytest.approx(210 * 0.002)
    assert fees(0.0) == 0.0
    with pytest.raises(PlanError, match="pass the costs with charge"):
        PlanReplay(path).bind(market)


def test_a_ruined_account_holds_nothing(tmp_path: Path) -> None:
    closes = [[10.0, 50.0], [10.0, 50.0], [25.0, 50.0], [30.0, 50.0]]
    policy = PlanReplay(write(tmp_path, order("AAA", "sell", 100)), initial_cash=1_000, fee_bps=0.0)
    held = targets(policy, market_of(closes, closes))  # short 100 at 10: worth nothing at 20
    np.testing.assert_allclose(held[:, 0], [0, -1, 0, 0])


def test_the_documents_say_it_all_and_can_be_written(market: Market, tmp_path: Path) -> None:
    write(tmp_path, order("AAA", "buy", 5), order("BBB", "exit"), day="2025-01-06")
    path = write(tmp_path, order("AAA", "sell", 5, "close"), order("BBB", "buy", 1))
    policy = PlanReplay(path, fee_bps=5.0, monte_carlo_paths=50)
    policy.bind(market)
    documents = policy.documents()
    assert documents == policy.documents()
    assert set(documents) == {"plan_replay.json", "plan_replay.md"}
    write_json(tmp_path / "out.json", documents["plan_replay.json"])
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["first"] == "2025-01-06" and found["last"] == "2025-01-08"
    assert [(fill["date"], fill["at"], fill["quantity"]) for fill in found["fills"]] == [
        ("2025-01-06", "open", 5),
        ("2025-01-07", "open", 1),
        ("2025-01-07", "close", -5),
    ]
    (trip,) = found["round_trips"]
    assert (trip["side"], trip["opened"], trip["closed"]) == ("long", "2025-01-06", "2025-01-07")
    totals = found["totals"]
    assert totals["net_pnl"] == pytest.approx(
        totals["realised_pnl"] + totals["unrealised_pnl"] - totals["opening_fees"]
    )
    assert totals["equity"] == pytest.approx(found["daily"][-1]["equity"])
    assert [row["reason"] for row in found["unfilled"]] == ["no_position"]
    assert found["positions"] == [{"symbol": "BBB", "quantity": 1.0, "average_price": 50.0, "close": 60.0}]
    assert found["monte_carlo"]["resampling"] == {"paths": 50, "block_days": 5, "seed": 0}
    text = documents["plan_replay.md"]
    for part in (
        "Replay of 2 plan(s), 2025-01-06 to 2025-01-08",
        "no_position",
        "50 paths of 3 days",
        "| 2025-01-07 |",
    ):
        assert part in text


def test_monte_carlo_can_be_off(market: Market, tmp_path: Path) -> None:
    policy = PlanReplay(write(tmp_path, order("AAA", "buy", 5)), fee_bps=0.0, monte_carlo_paths=None)
    policy.bind(market)
    assert policy.documents()["plan_replay.json"]["monte_carlo"] is None
    assert "Off." in policy.documents()["plan_replay.md"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"strategy": "max_diff"}, "policy.strategy=max_diff: must be one of .* Did you mean 'maxdiff'"),
        ({"both_touch": "worst"}, "policy.both_touch=worst: must be one of pessimistic, optimistic"),
        ({"initial_cash": 0}, "policy.initial_cash=0: must be between 0.01"),
        ({"initial_cash": float("nan")}, "policy.initial_cash=nan"),
        ({"fee_bps": -1.0}, "policy.fee_bps=-1.0: must be between 0 and 5000"),
        ({"probe_quantity": 0.0}, "policy.probe_quantity=0.0: must be between 1e-09 and .*, or null"),
        ({"profit_shutdown_days": 0}, "policy.profit_shutdown_days=0: must be a whole number"),
        ({"monte_carlo_paths": 0}, "policy.monte_carlo_paths=0: must be a whole number between 1 and 100000, or null"),
        ({"monte_carlo_block_days": 0}, "policy.monte_carlo_block_days=0: must be"),
        ({"seed": -1}, "policy.seed=-1: must be"),
    ],
)
def test_settings_that_make_no_sense(tmp_path: Path, setting: dict[str, Any], message: str) -> None:
    path = write(tmp_path, order("AAA", "hold"))
    for build in (PlanReplay, PlanConfig):
        with pytest.raises(ConfigError, match=message):
            build(path=path, **setting)


def test_the_schema_and_the_policy_have_the_same_settings(tmp_path: Path) -> None:
    import inspect

    taken = inspect.signature(PlanReplay.__init__).parameters
    schema = {one.name: one.default for one in fields(PlanConfig)}
    del schema["_target_"]
    assert list(schema) == [name for name in taken if name != "self"]
    assert all(taken[name].default == default for name, default in schema.items() if name != "path")
