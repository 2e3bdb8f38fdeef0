"""A production record as a policy: recorded positions as weights, by hand-worked numbers."""

from __future__ import annotations

import copy
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlx.data.market import Market
from rlx.data.panel import MarketPanel
from rlx.data.splits import Span
from rlx.errors import ConfigError, RecordError
from rlx.policies.base import Dated, Documented, Policy
from rlx.policies.production.policy import ProductionRecord
from rlx.untrusted.markdown import words
from tests.policies.acting import observe
from tests.policies.production_files import DAYS, HISTORY, LINES, SOLD, market, snapshot, write_log, write_trades


def weights(policy: ProductionRecord, on: Market | None = None) -> np.ndarray:
    on = on or market()
    policy.bind(on)
    return policy.act(observe(on, list(range(on.n_bars))))


def replayed(folder: Path, history: Any = HISTORY, lines: tuple[str, ...] | None = LINES, **options: Any) -> np.ndarray:
    log = None if lines is None else write_log(folder, *lines)
    return weights(ProductionRecord(write_trades(folder, history), log, **{"log_value": "equity", **options}))


BY_HAND = [  # units x close / account value
    [10 * 100 / 8_000, 0.0],
    [10 * 110 / 8_000, -20 * 50 / 8_000],
    [10 * 120 / 10_000, -20 * 50 / 10_000],  # the first snapshot, of 09:00
    [0.0, -20 * 50 / 10_000],
    [0.0, -20 * 50 / 12_500],
    [5 * 150 / 12_500, 0.0],  # Saturday's trade is first held on Monday
    [5 * 160 / 12_500, 0.0],
    [5 * 170 / 12_500, 0.0],
]


def test_positions_over_the_last_account_value(tmp_path: Path) -> None:
    np.testing.assert_allclose(replayed(tmp_path, initial_value=8_000.0), BY_HAND)


def test_without_a_log_realised_pnl_is_added_to_the_initial_value(tmp_path: Path) -> None:
    held = replayed(tmp_path, lines=None, initial_value=8_000.0)
    np.testing.assert_allclose(held[:3, 0], [10 * close / 8_000 for close in (100, 110, 120)])
    np.testing.assert_allclose(held[3:5, 1], [-1_000 / 8_300, -1_000 / 8_210])  # +300, then -90 of another symbol
    np.testing.assert_allclose(held[5:, 0], [5 * close / 8_250 for close in (150, 160, 170)])


def test_a_log_of_exposure_says_nothing_of_the_account(tmp_path: Path) -> None:
    """What the log says changes no weight: zeros of a flat book least of all."""
    alone = replayed(tmp_path, lines=None, initial_value=8_000.0)
    lines = (*LINES, snapshot("2020-01-10 21:00:00", "0.00"))
    np.testing.assert_array_equal(replayed(tmp_path, lines=lines, initial_value=8_000.0, log_value="exposure"), alone)
    with pytest.raises(RecordError, match=r"must be given: .* and the log has only the exposure .*log_value=equity"):
        replayed(tmp_path, lines=lines, log_value="exposure")
    policy = ProductionRecord(write_trades(tmp_path), write_log(tmp_path, *lines), 8_000.0)
    policy.bind(market())
    summary = policy.documents()["baseline_pnl_summary.json"]
    assert (summary["account"], summary["log_value"], summary["problems"]) == (None, "exposure", {})
    assert summary["replay"]["valued_by_snapshot"] == 0
    rows = {row["name"]: row["value"] for row in policy.references()}
    assert rows["production_account_return"] is None and rows["production_mean_exposure"] == 7_500.0
    # 300/8,000 on the 9th, -90/8,300 on the 10th, 40/8,210 on the 13th, over the Mondays to Fridays from the 6th
    earned = (300 / 8_000 - 90 / 8_300 + 40 / 8_210) / 6
    assert rows["production_average_daily_return"] == pytest.approx(earned)


@pytest.mark.parametrize(
    ("opened", "outside"),
    [
        ("2020-01-06T13:59:59Z", False),  # before the data nobody knows
        ("2020-01-06T14:00Z", False),
        ("2020-01-06T16:00Z", False),
        ("2020-01-06T16:00:01Z", True),
        ("2020-01-07T13:59:59Z", True),
        ("2020-01-07T14:00Z", False),
        ("2020-01-07", False),  # a day without a time
        ("2020-01-08", False),  # after the data
    ],
)
def test_trades_outside_sessions_are_named(tmp_path: Path, opened: str, outside: bool) -> None:
    hours = ("2020-01-06T14:00", "2020-01-06T15:00", "2020-01-07T14:00", "2020-01-07T15:00")
    held = {"qty": 1, "opened_at": "2020-01-06T14:30Z"}
    history = {"AAA|buy": [held, {"qty": 1, "opened_at": opened}]}
    policy = ProductionRecord(write_trades(tmp_path, history), None, 10.0)
    policy.bind(intraday(*hours))
    found = policy.documents()["baseline_pnl_summary.json"]["replay"]["problems"]
    assert ("outside_sessions" in found) == outside


def test_it_covers_its_first_position_to_its_last_moment(tmp_path: Path) -> None:
    policy = ProductionRecord(write_trades(tmp_path), write_log(tmp_path), initial_value=8_000.0)
    assert isinstance(policy, Policy) and isinstance(policy, Dated) and isinstance(policy, Documented)
    assert policy.span(market()) == Span(0, 6)  # the last moment is of the 13th, bar 5
    later = ProductionRecord(
        write_trades(tmp_path), write_log(tmp_path, *LINES, snapshot("2021-05-05 09:00:00", "1")), 9.0
    )
    assert later.span(market()) == Span(0, 7)  # and no further than the market
    short = ProductionRecord(write_trades(tmp_path, {"BBB|sell": [SOLD]}), None, 9_000.0)
    assert short.span(market()) == Span(1, 6)  # the sale at the 13th's close is still paid for


def test_what_comes_later_does_not_change_what_was_held_before(tmp_path: Path) -> None:
    before = replayed(tmp_path, initial_value=8_000.0)
    history = copy.deepcopy(HISTORY)
    history["AAA|buy"][0] |= {"closed_at": "2020-01-14T10:00:00Z", "pnl": -7_000, "exit_price": 1.0}
    history["AAA|buy"].append({"qty": 99, "opened_at": "2020-01-09T00:00:00Z"})
    history["BBB|sell"].append({"qty": 7, "opened_at": "2020-01-09T12:00:00Z", "closed_at": "2020-01-14", "pnl": 5})
    lines = (*LINES[:2], snapshot("2020-01-09 00:00:00", "77"), snapshot("2020-01-10 20:00:00", "1"))
    after = replayed(tmp_path, history, lines, initial_value=8_000.0)
    np.testing.assert_array_equal(after[:3], before[:3])  # all of it happens on the 9th or later, bar 3
    assert not np.isclose(after[3:], before[3:]).all(axis=1).any()


@pytest.mark.parametrize("bar", range(8))
def test_the_record_as_it_stood_at_a_close_gives_the_same_weights_up_to_there(tmp_path: Path, bar: int) -> None:
    end = f"{DAYS[bar].astype('datetime64[D]')}T23"
    history: dict[str, list[dict[str, Any]]] = {}
    for key, trades in HISTORY.items():
        open_then = {"closed_at": None, "exit_price": None, "pnl": None}
        known = [trade | (open_then if trade.get("closed_at", "") > end else {}) for trade in trades]
        history[key] = [trade for trade in known if trade.get("opened_at", "") < end]
    lines = tuple(line for line in LINES if line.replace(" ", "T", 1) < end)
    then = replayed(tmp_path, history, lines if len(lines) > 1 else None, initial_value=8_000.0)
    np.testing.assert_array_equal(then[: bar + 1], replayed(tmp_path, initial_value=8_000.0)[: bar + 1])


def test_a_position_within_one_bar_leaves_no_weight(tmp_path: Path) -> None:
    day = {"qty": 9, "opened_at": "2020-01-07T14:30:00Z", "closed_at": "2020-01-07T20:59:00Z"}
    weekend = {"qty": 9, "opened_at": "2020-01-10T23:30:00-05:00", "closed_at": "2020-01-12"}  # Saturday, UTC
    policy = ProductionRecord(write_trades(tmp_path, {"AAA|buy": [day, weekend], "BBB|sell": [SOLD]}), None, 1e4)
    assert not weights(policy)[:, 0].any()
    found = policy.documents()["baseline_pnl_summary.json"]["replay"]["problems"]["between_closes"]
    assert (found["count"], found["where"]) == (2, ["AAA|buy #1", "AAA|buy #2"])


def test_positions_in_one_symbol_add_up(tmp_path: Path) -> None:
    more = {"qty": 30, "opened_at": "2020-01-08T15:00:00Z", "closed_at": "2020-01-10T15:00:00Z"}
    hedge = {"qty": 5, "opened_at": "2020-01-09T15:00:00Z", "closed_at": "2020-01-10T15:00:00Z"}
    history = {"BBB|sell": [SOLD, more], "BBB|buy": [hedge]}
    held = replayed(tmp_path, history, None, initial_value=10_000.0)[:, 1]
    np.testing.assert_allclose(held[:6], np.array([0, -20, -50, -45, -20, 0]) * 50 / 10_000)


def intraday(*starts: str) -> Market:
    stamps = np.array(starts, dtype="datetime64[ns]")
    return Market(MarketPanel(("AAA",), stamps, np.full((len(starts), 1), 10.0)))


@pytest.mark.parametrize(
    ("opened", "closed", "held"),
    [
        ("2020-01-06T14:00Z", None, [1, 1, 1, 1]),  # in the first bar: at its close
        ("2020-01-06T14:59:59Z", None, [1, 1, 1, 1]),
        ("2020-01-06T15:00Z", None, [1, 1, 1, 1]),  # at its close
        ("2020-01-06T15:00:01Z", None, [0, 1, 1, 1]),
        ("2020-01-06T16:30Z", None, [0, 0, 1, 1]),  # after the session: the next bar's close, not this one's
        ("2020-01-06", None, [0, 0, 1, 1]),  # a day alone is past when it is over
        ("2020-01-06T14:30Z", "2020-01-06T16:00Z", [1, 0, 0, 0]),
        ("2020-01-06T14:30Z", "2020-01-06T16:00:01Z", [1, 1, 0, 0]),
        ("2020-01-06T14:30Z", "2020-01-06", [1, 1, 0, 0]),
        ("2020-01-01", "2020-01-07T14:30Z", [1, 1, 0, 0]),  # opened before the data
    ],
)
def test_intraday_bars_close_a_bar_after_their_label(
    tmp_path: Path, opened: str, closed: str | None, held: list[int]
) -> None:
    hours = ("2020-01-06T14:00", "2020-01-06T15:00", "2020-01-07T14:00", "2020-01-07T15:00")
    trade = {"qty": 1, "opened_at": opened, "closed_at": closed}
    policy = ProductionRecord(write_trades(tmp_path, {"AAA|buy": [trade]}), None, 10.0)
    np.testing.assert_array_equal(weights(policy, intraday(*hours))[:, 0], held)


def test_a_bar_closes_no_later_than_the_next_begins(tmp_path: Path) -> None:
    starts = ("2020-01-06T14:00", "2020-01-06T15:00", "2020-01-06T15:30", "2020-01-06T16:30", "2020-01-06T17:30")
    trade = {"qty": 1, "opened_at": "2020-01-06T15:31:00Z"}
    policy = ProductionRecord(write_trades(tmp_path, {"AAA|buy": [trade]}), None, 10.0)
    np.testing.assert_array_equal(weights(policy, intraday(*starts))[:, 0], [0, 0, 1, 1, 1])


def test_weekly_bars_do_not_say_when_they_close(tmp_path: Path) -> None:
    weekly = intraday("2020-01-06", "2020-01-13", "2020-01-20")
    assert weekly.panel.frequency == "1W"
    with pytest.raises(RecordError, match="cannot be replayed on 1W bars"):
        ProductionRecord(write_trades(tmp_path), None, 10.0).bind(weekly)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"qty": None}, "no_qty"),
        ({"qty": 0}, "no_qty"),
        ({"qty": 20, "opened_at": None}, "no_open_date"),
        ({"closed_at": None}, "unknown_close"),
        ({"closed_at": "2020-01-06T09:00:00Z"}, "closed_before_opened"),
        ({"opened_at": "2020-01-01", "closed_at": "2020-01-03"}, "before_market"),
        ({"opened_at": "2020-01-16", "closed_at": None, "exit_price": None}, "after_market"),
        ({"symbol": "CCC"}, "not_in_market"),
        ({"entry_price": 90}, "price_differs"),
        ({"entry_price": 59}, None),
        ({"entry_price": 90, "opened_at": "2020-01-01"}, None),  # older than the data: nothing to compare with
    ],
)
def test_what_is_not_replayed_is_counted(tmp_path: Path, change: dict[str, Any], kind: str | None) -> None:
    history = {"AAA|buy": HISTORY["AAA|buy"], "BBB|sell": [{**SOLD, **change}]}
    policy = ProductionRecord(write_trades(tmp_path, history), None, 10_000.0)
    held = weights(policy)
    assert held[:, 0].any()
    assert held[:, 1].any() == (kind in (None, "price_differs"))
    replay = policy.documents()["baseline_pnl_summary.json"]["replay"]
    weekend = replay["problems"].pop("outside_sessions")  # the open trade's
    assert weekend["where"] == ["AAA|buy #2: opened 2020-01-11T09:00:00Z"]
    assert list(replay["problems"]) == ([] if kind is None else [kind])


def test_a_trade_without_a_side_is_not_replayed(tmp_path: Path) -> None:
    history = {"AAA|buy": HISTORY["AAA|buy"], "BBB": [SOLD]}
    policy = ProductionRecord(write_trades(tmp_path, history), None, 10_000.0)
    assert not weights(policy)[:, 1].any()
    problems = policy.documents()["baseline_pnl_summary.json"]["replay"]["problems"]
    assert list(problems) == ["no_side", "outside_sessions"]


def test_it_warns_once_of_what_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    policy = ProductionRecord(write_trades(tmp_path), write_log(tmp_path), 8_000.0)
    with caplog.at_level(logging.WARNING):
        policy.bind(market())
        policy.span(market())
    (warning,) = caplog.messages
    assert warning == (
        "policy=production: of 4 trades: 1 opened or closed outside the sessions of its symbol's market; 1 of a "
        "symbol that the market does not have. See baseline_pnl_summary.md."
    )


def test_what_the_summary_and_the_scorecard_say_of_the_replay(tmp_path: Path) -> None:
    policy = ProductionRecord(write_trades(tmp_path), write_log(tmp_path), 8_000.0, "equity")
    assert policy.documents()["baseline_pnl_summary.json"]["replay"] == {"reason": "not bound to a market"}
    policy.bind(market())
    documents = policy.documents()
    replay = documents["baseline_pnl_summary.json"]["replay"]
    assert replay.pop("problems")["not_in_market"]["where"] == ["CCC|buy #1: CCC"]
    assert replay == {
        "positions": 3,
        "symbols": ["AAA", "BBB"],
        "first": "2020-01-06",
        "last": "2020-01-14",
        "decisions": 6,
        "decisions_holding": 6,
        "valued_by_snapshot": 4,
        "valued_by_initial_value": 2,
        "largest_gross": pytest.approx((1_100 + 1_000) / 8_000),
    }
    assert "3 positions in AAA, BBB, 2020-01-06 to 2020-01-14: 6 decisions" in documents["baseline_pnl_summary.md"]
    facts = policy.describe()
    assert (facts["trades_recorded"], facts["positions_replayed"]) == (4, 3)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (None, "policy.initial_value: must be given: positions are held at 2020-01-06, and no log has"),
        (LINES, "policy.initial_value: must be given: positions are held at 2020-01-06, before the log's first"),
        ((snapshot("2020-01-01 09:00:00", "0"),), "must be given"),
    ],
)
def test_an_unknown_account_value_is_asked_for(tmp_path: Path, lines: tuple[str, ...] | None, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        replayed(tmp_path, lines=lines)


def test_no_initial_value_is_needed_after_the_first_snapshot(tmp_path: Path) -> None:
    held = replayed(tmp_path, {"BBB|sell": [SOLD]}, (snapshot("2020-01-07 23:00:00", "5000"),))
    np.testing.assert_allclose(held[1:5, 1], [-1_000 / 5_000] * 4)


def test_losses_beyond_the_initial_value_are_refused(tmp_path: Path) -> None:
    history = {**HISTORY, "CCC|buy": [{"pnl": -400, "closed_at": "2020-01-08"}]}
    with pytest.raises(RecordError, match=r"policy\.initial_value=300: .* by 2020-01-08 the account's value is -100"):
        replayed(tmp_path, history, None, initial_value=300.0)


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ({"CCC|buy": HISTORY["CCC|buy"]}, r"nothing can be replayed .* Of 1 trades \(CCC\): 1 in a symbol that"),
        ({"AAA|buy": [{"pnl": 3, "closed_at": "2020-01-08"}]}, r"\(AAA\): 1 without a usable qty"),
        ({"AAA|buy": [{"qty": 3, "opened_at": "2020-01-15"}]}, "at the market's last bar: nothing can be earned"),
    ],
)
def test_nothing_to_replay_is_refused_and_documented(tmp_path: Path, history: dict[str, Any], message: str) -> None:
    policy = ProductionRecord(write_trades(tmp_path, history), None, 1e4)
    with pytest.raises(RecordError, match=message):
        policy.bind(market())
    documents = policy.documents()
    reason = documents["baseline_pnl_summary.json"]["replay"]["reason"]
    assert f"Not replayed: {words(reason)}" in documents["baseline_pnl_summary.md"]
    with pytest.raises(RecordError, match="bind the record to a market"):
        policy.act(observe(market(), [0]))


def test_a_market_it_cannot_trade_replaces_the_one_before(tmp_path: Path) -> None:
    policy = ProductionRecord(write_trades(tmp_path), None, 1e4)
    policy.bind(market())
    with pytest.raises(RecordError, match="nothing can be replayed"):
        policy.bind(Market(MarketPanel(("ZZZ",), DAYS, np.ones((8, 1)))))
    assert policy.describe()["positions_replayed"] == 0
    with pytest.raises(RecordError, match="bind the record to a market"):
        policy.act(observe(market(), [0]))


def test_a_log_alone_has_nothing_to_replay(tmp_path: Path) -> None:
    policy = ProductionRecord(None, write_log(tmp_path))
    with pytest.raises(RecordError, match=r"policy\.trades: a log alone has no positions"):
        policy.bind(market())
    assert policy.documents()["baseline_pnl_summary.json"]["exposure"]["last"] == 12_500.0


def test_settings_that_make_no_sense(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least one must be given"):
        ProductionRecord()
    for value in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match=r"policy\.initial_value=.*: must be between"):
            ProductionRecord(write_trades(tmp_path), None, value)
    with pytest.raises(ConfigError, match=r"policy\.initial_value=1e\+300: must be between 0\.01 and 1e\+15"):
        ProductionRecord(write_trades(tmp_path), None, 1e300)
    with pytest.raises(ConfigError, match=r"policy\.log_value=equty: must be one of exposure, equity. Did you mean"):
        ProductionRecord(write_trades(tmp_path), None, 1e4, "equty")


def test_daily_stamps_are_days(tmp_path: Path) -> None:
    assert DAYS[0] == np.datetime64("2020-01-06T00:00")
    late = {"qty": 1, "opened_at": "2020-01-07T21:00:00-05:00"}  # the 8th in UTC
    east = {"qty": 1, "opened_at": "2020-01-08T08:00:00+09:00"}  # the 7th in UTC
    policy = ProductionRecord(write_trades(tmp_path, {"AAA|buy": [late], "BBB|buy": [east]}), None, 50.0)
    np.testing.assert_array_equal(weights(policy).any(axis=1), [False] * 2 + [True] * 6)
