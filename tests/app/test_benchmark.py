"""``protocol=benchmark``: many policies on equal terms, one scoreboard."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rlx.app import benchmark as module
from rlx.board import store
from rlx.board.standing import rank_board
from rlx.board.store import Scoreboard
from rlx.evaluate import BOARD
from rlx.evaluate.scorecard import Scorecard
from rlx.policies.trailing import Momentum
from tests.app.commands import SMOKE, Finished, Shell

QUICK = ("protocol.bootstrap_replications=200", "protocol.start=2020-06-01")


def benchmarked(shell: Shell, *targets: str, arguments: tuple[str, ...] = ()) -> Finished:
    """Judge targets, each in YAML on one line."""
    path = shell.folder / "experiments" / "targets.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text("targets:\n" + "".join(f"  - {target}\n" for target in targets), encoding="utf-8")
    return shell.evaluate("protocol=benchmark", *QUICK, *arguments)


def board(shell: Shell) -> dict[str, Any]:
    """Return the last line of each target."""
    return {entry.target: entry for entry in Scoreboard.load(shell.folder / BOARD).entries}


def test_a_row_is_what_the_policys_own_evaluation_says(shell: Shell) -> None:
    finished = benchmarked(shell, "{policy: momentum, top_k: 2}", "{policy: equal_weight}", "{policy: hindsight}")
    assert finished.status == 0, finished.err
    alone = shell.evaluate("policy=momentum", "policy.top_k=2", *QUICK, "hydra.run.dir=alone")
    assert alone.status == 0, alone.err
    card, entry = Scorecard.load(shell.folder / "alone" / "scorecard.json"), board(shell)["momentum"]
    assert entry.metrics == card.metrics and entry.intervals == card.intervals and entry.windows == card.windows
    assert entry.key == card.key["hash"]
    recorded = Scoreboard.load(shell.folder / BOARD).keys[entry.key]
    assert recorded["key"] == card.key and recorded["data"] == card.data
    assert entry.days == card.key["windows"]["holdout"]["steps"]  # daily bars
    own = finished.run("evaluate") / "targets" / "momentum" / "scorecard.json"
    assert Scorecard.load(own).metrics == card.metrics
    assert board(shell)["hindsight"].unranked == "an oracle that sees the future"
    assert [path.name for path in (shell.folder / "experiments").iterdir()] == [
        "targets.yaml"
    ]  # the tracked file stays


def test_bad_targets_are_rows_and_not_the_end(shell: Shell) -> None:
    missing, wrong = "{policy: checkpoint, path: nowhere}", "{policy: momentum, top_k: 30}"
    finished = benchmarked(shell, missing, wrong, "{policy: momentm}", "{policy: cash}")
    assert finished.status == 0, finished.err
    rows = board(shell)
    assert "policy.path=nowhere: nothing there" in rows["nowhere"].failure
    assert "policy.top_k=30" in rows["momentum"].failure
    assert "Did you mean 'momentum'?" in rows["momentm"].failure
    assert rows["cash"].failure is None and rows["cash"].score == 0.0
    assert "3 of 4 targets could not be judged." in finished.out
    markdown = (shell.folder / BOARD).with_suffix(".md").read_text(encoding="utf-8")
    assert "policy.path=nowhere: nothing there" in markdown and "| 1 | new | cash |" in markdown


def test_a_policy_that_breaks_is_a_row_and_its_traceback_is_logged(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Any, observation: Any) -> Any:
        raise KeyError("weights")

    monkeypatch.setattr(Momentum, "act", broken)
    finished = benchmarked(shell, "{policy: momentum}", "{policy: cash}")
    assert finished.status == 0, finished.err
    assert board(shell)["momentum"].failure == "KeyError: 'weights'" and board(shell)["cash"].failure is None
    assert "Traceback" in (finished.run("evaluate") / "evaluate.log").read_text(encoding="utf-8")


def test_the_history_grows_and_reports_changes(shell: Shell) -> None:
    benchmarked(shell, "{policy: cash}", "{policy: momentum, name: mine, top_k: 1}")
    before = board(shell)["mine"]
    separate = ("hydra.run.dir=second",)  # by default a folder is named by the second, and warm runs take about one
    benchmarked(shell, "{policy: momentum, name: mine, top_k: 9}", arguments=separate)
    history = Scoreboard.load(shell.folder / BOARD)
    assert [entry.target for entry in history.entries] == ["cash", "mine", "mine"]
    assert history.entries[1] == before
    (group,) = rank_board(history)
    mine = next(row for row in group.rows if row.entry.target == "mine")
    assert mine.score_before == before.score != mine.entry.score


def test_declared_trials_deflate_the_sharpe_ratio_of_their_target_alone(shell: Shell) -> None:
    benchmarked(shell, "{policy: momentum, name: one}", "{policy: momentum, name: chosen, trials: 50}")
    one, chosen = (board(shell)[name].significance for name in ("one", "chosen"))
    assert (one["trials"], chosen["trials"], chosen["trials_from"]) == (1, 50, "declared")
    assert chosen["dsr"] < one["dsr"] == one["psr"] == chosen["psr"]


def test_reports_have_series_that_end_where_the_scorecard_does(shell: Shell) -> None:
    benchmarked(shell, "{policy: momentum}")
    entry = board(shell)["momentum"]
    series = json.loads(((shell.folder / BOARD).parent / "reports" / entry.report).read_text(encoding="utf-8"))
    end = 1.0 + entry.score
    assert series["value"]["momentum"][-1] == pytest.approx(end, rel=1e-5)
    assert entry.equity[0] == 1.0 and entry.equity[-1] == pytest.approx(end, rel=1e-5)
    product = 1.0
    for _, _, change in series["monthly"]:
        product *= 1.0 + change
    assert product == pytest.approx(end, rel=1e-4)
    assert sum(series["windows"]["counts"]["momentum"]) == entry.windows["n"]
    assert min(series["drawdown"]["momentum"]) == pytest.approx(-entry.metrics["max_drawdown"], rel=1e-5)
    assert {len(weights) for weights in series["weights"].values()} == {len(series["dates"])}


def test_a_policy_fitted_on_the_dates_has_no_rank(shell: Shell) -> None:
    trained = shell.train(*SMOKE, "hydra.run.dir=run")
    assert trained.status == 0, trained.err
    target = "{policy: checkpoint, path: run, name: mine}"
    benchmarked(shell, target)
    assert board(shell)["mine"].unranked is None
    finished = shell.evaluate(
        "protocol=benchmark", "protocol.bootstrap_replications=200", "protocol.split=validation", "hydra.run.dir=again"
    )
    assert finished.status == 0, finished.err
    assert board(shell)["mine"].unranked.startswith("fitted on ")


def test_a_file_of_weights_that_ends_early_has_no_rank(shell: Shell) -> None:
    text = "timestamp,SPY\n2020-06-01,0.5\n2020-06-02,0.5\n2020-06-03,0.5\n"
    (shell.folder / "weights.csv").write_text(text, encoding="utf-8")
    benchmarked(shell, "{policy: weights, path: weights.csv}")
    assert board(shell)["weights.csv"].unranked.startswith("covers 3 of these ")


def test_a_production_record_is_a_reference_whether_it_can_be_replayed_or_not(shell: Shell) -> None:
    trade = {"symbol": "AAPL", "side": "long", "qty": 1, "entry_price": 90.0, "exit_price": 92.0, "pnl": 2.0}
    dates = {"opened_at": "2020-08-03T15:00:00Z", "closed_at": "2020-08-05T15:00:00Z"}
    record = {"AAPL|long": [{**trade, **dates}]}
    (shell.folder / "trades.json").write_text(json.dumps(record), encoding="utf-8")
    lines = [
        f"{day} 21:00:00 | INFO | x | Portfolio snapshot recorded: value=${value}, global risk threshold=1.50x\n"
        for day, value in (("2020-08-03", "1,000.00"), ("2020-08-05", "1,002.00"))
    ]
    (shell.folder / "trade.log").write_text("".join(lines), encoding="utf-8")
    replayed = "{policy: production, trades: trades.json, log: trade.log, log_value: equity, name: live}"
    log_alone = "{policy: production, log: trade.log, name: log}"
    finished = benchmarked(shell, replayed, log_alone, "{policy: equal_weight}")
    assert finished.status == 0, finished.err
    live, log = (board(shell)[name] for name in ("live", "log"))
    assert live.failure is None and live.unranked.startswith("covers ")
    assert {row["name"]: row["value"] for row in live.references}["production_realised_pnl"] == 2.0
    assert log.failure is not None and log.recorded_return_per_day is None  # an exposure implies no return
    assert {row["name"]: row["value"] for row in log.references}["production_mean_exposure"] == 1_001.0
    own = finished.run("evaluate") / "targets"
    assert (own / "live" / "baseline_pnl_summary.json").is_file() and (
        own / "log" / "baseline_pnl_summary.md"
    ).is_file()
    markdown = (shell.folder / BOARD).with_suffix(".md").read_text(encoding="utf-8")
    assert "live is a reference: realised pnl 2 (account currency)" in markdown
    earned, score = live.recorded_return_per_day, board(shell)["equal_weight"].score_per_day
    assert f"equal_weight {score / earned:.2f}x" in markdown


def test_plans_pay_the_boards_costs(shell: Shell) -> None:
    order = {"symbol": "AAPL", "action": "buy", "quantity": 5, "execution_session": "market_open"}
    plan = {"target_date": "2020-08-03", "instructions": [order]}
    (shell.folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    finished = benchmarked(
        shell, "{policy: plan, path: plan.json, monte_carlo_paths: null}", arguments=("costs=stress",)
    )
    assert board(shell)["plan.json"].failure is None, board(shell)["plan.json"].failure
    replay = json.loads((finished.run("evaluate") / "targets" / "plan.json" / "plan_replay.json").read_text())
    assert replay["settings"]["fee_bps_by_symbol"]["AAPL"] == pytest.approx(26.0)


def test_ctrl_c_keeps_what_was_judged(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    judged = module._judge

    def interrupted(policy: Any, target: Any, *rest: Any) -> Any:
        if target.name == "momentum":
            raise KeyboardInterrupt
        return judged(policy, target, *rest)

    monkeypatch.setattr(module, "_judge", interrupted)
    finished = benchmarked(shell, "{policy: cash}", "{policy: momentum}", "{policy: kelly}")
    assert finished.status == 130
    assert list(board(shell)) == ["cash"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("policy=cash",), "policy=cash: protocol=benchmark judges the policies of protocol.targets"),
        (("protocol.targets=none.yaml",), "protocol.targets=none.yaml: no such file"),
        (("protocol.window_steps=4000",), "protocol.window_steps=4000"),
        (("protocol.board=board.md",), "protocol.board=board.md: must be the path of a .json file"),
        (("protocol.board=experiments/targets.yaml/x.json",), "cannot be written (a file is in the way"),
    ],
)
def test_what_would_stop_every_target_stops_the_command(shell: Shell, arguments: tuple[str, ...], words: str) -> None:
    finished = benchmarked(shell, "{policy: cash}", arguments=arguments)
    assert finished.status == 2 and words in finished.err
    assert not (shell.folder / BOARD).exists()


def test_a_full_board_stops_before_the_work(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_ENTRIES", 2)
    monkeypatch.setattr(module, "_judge", None)
    finished = benchmarked(shell, "{policy: cash}", "{policy: momentum}", "{policy: kelly}")
    assert finished.status == 2 and "the board is full" in finished.err and "no space for 3 more" in finished.err
    assert not (shell.folder / BOARD).exists()


def test_a_damaged_board_stops_before_the_work_and_is_left_unchanged(shell: Shell) -> None:
    path = shell.folder / BOARD
    path.parent.mkdir(parents=True)
    path.write_text("{", encoding="utf-8")
    finished = benchmarked(shell, "{policy: cash}")
    assert finished.status == 2 and "not a JSON document" in finished.err
    assert path.read_text(encoding="utf-8") == "{"
