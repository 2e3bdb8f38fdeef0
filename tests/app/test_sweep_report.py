"""``rlx sweep report`` on a real sweep of baselines, and on folders that are not sweeps."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from rlx.app.sweep_report import report_on
from rlx.errors import RlxError
from rlx.evaluate.ledger_file import read_ledger
from rlx.evaluate.scorecard import Scorecard
from rlx.measures.overfitting import backtest_overfitting
from rlx.measures.significance import measure_significance
from rlx.measures.trials import count_trials
from rlx.runs.sweeps import sweep_of
from tests.app.commands import Shell

POLICIES = ("equal_weight", "buy_and_hold", "inverse_volatility", "momentum", "minimum_variance")


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a grid of five baselines, judged over two years."""
    shell = Shell(tmp_path_factory.mktemp("grid"))
    settings = ("hydra.sweep.dir=sweep", "protocol.bootstrap_replications=100", "protocol.start=2020")
    assert shell.evaluate("-m", f"policy={','.join(POLICIES)}", *settings).status == 0
    return shell.folder / "sweep"


@pytest.fixture
def sweep(grid: Path, shell: Shell) -> Path:
    """Return a copy of the grid, to be written into."""
    shutil.copytree(grid, shell.folder / "sweep")
    return shell.folder / "sweep"


def add_study(sweep: Path) -> None:
    """Write the study of a sweep of six trials: trial 3 is the best, and trial 5 failed."""
    study = optuna.create_study(study_name="rlx", storage=f"sqlite:///{sweep}/study.db", direction="maximize")
    for number in range(5):
        study.tell(study.ask(), 1.0 if number == 3 else 0.1 * number)
    study.tell(study.ask(), state=optuna.trial.TrialState.FAIL)


def test_the_report_is_that_of_the_trials_own_ledgers(sweep: Path, shell: Shell) -> None:
    done = shell.tools("sweep", "report", "sweep")
    assert done.status == 0, done.err
    report = json.loads((sweep / "sweep_report.json").read_text())
    returns = [read_ledger(sweep / str(i) / "ledger.parquet")["holdout"].ledger.net_return[0] for i in range(5)]
    found = backtest_overfitting(np.stack(returns, axis=1))
    assert (report["overfitting"]["pbo"], report["overfitting"]["choices"]) == (found.pbo, 12870)
    assert report["overfitting"]["probability_of_loss"] == found.probability_of_loss
    cards = {str(i): Scorecard.load(sweep / str(i) / "scorecard.json") for i in range(5)}
    for row in report["rows"]:
        card = cards[row["trial"]]
        assert row["sharpe"] == pytest.approx(card.metrics["sharpe"])
        assert row["cumulative_return"] == pytest.approx(card.metrics["cumulative_return"])
        assert row["settings"] == {"policy": card.policy["name"]} and row["objective"] is None
    assert report["key"] == cards["0"].key["hash"] and report["chosen"] is None
    assert (report["trials"], report["counted_from"]) == ({"count": 5, "compared": 5, "different": 5}, "folders")
    assert report["verdict"] in (sweep / "sweep_report.md").read_text()
    assert report["verdict"] in " ".join(done.out.split()) and "Report: sweep/sweep_report.md" in done.out


def test_a_study_counts_failed_trials_and_says_which_was_chosen(sweep: Path) -> None:
    add_study(sweep)
    report = report_on(sweep)
    assert (report["trials"]["count"], report["trials"]["compared"]) == (6, 5)
    assert (report["counted_from"], report["chosen"]) == ("study", "3")
    assert {row["trial"]: row["objective"] for row in report["rows"]}["4"] == pytest.approx(0.4)
    assert "own choice by validation is trial 3" in report["verdict"] and "of 6 that its study" in report["verdict"]


def test_the_deflated_ratio_is_that_of_judging_the_trial_again(sweep: Path) -> None:
    add_study(sweep)
    for row in report_on(sweep)["rows"]:
        card = Scorecard.load(sweep / row["trial"] / "scorecard.json")
        ppy = card.key["periods_per_year"]
        trials = count_trials(
            None, sweep_of(sweep / row["trial"]), card.key["hash"], card.metrics["sharpe"] or 0.0, ppy
        )
        returns = read_ledger(sweep / row["trial"] / "ledger.parquet")["holdout"].ledger.net_return[0]
        again = measure_significance(returns, trials, 0.95, ppy)
        assert row["significance"]["dsr"] == pytest.approx(again.dsr)
        assert row["significance"]["trials"] == again.trials == 6


def test_equal_weight_of_the_scorecards_has_the_same_requirement(sweep: Path) -> None:
    report = report_on(sweep)
    own = next(row for row in report["rows"] if row["settings"] == {"policy": "equal_weight"})
    found = report["equal_weight"]
    assert (found["sharpe"], found["cumulative_return"]) == (own["sharpe"], own["cumulative_return"])
    assert found["significance"]["dsr"] == pytest.approx(own["significance"]["dsr"], rel=1e-9)
    assert "Equal weight over the same steps has a Sharpe ratio of" in report["verdict"]


def test_dates_that_a_trial_was_fitted_on_are_no_test(sweep: Path) -> None:
    path = sweep / "2" / "scorecard.json"
    card = Scorecard.load(path)
    replace(card, data={**card.data, "seen_steps": {"trained": 0, "selected": 12}}).write(path)
    report = report_on(sweep)
    assert "Not a test: 1 of them trained, or were chosen by validation, on steps of the hold-out." in report["verdict"]
    assert {row["trial"]: row["seen_steps"] for row in report["rows"]} == {"0": 0, "1": 0, "2": 12, "3": 0, "4": 0}


@pytest.mark.parametrize("wrong", [None, 3, {}, {"skewness": "x"}, {"sharpe_per_step": 1.0, "skewness": 1e308}])
def test_moments_that_are_none_are_not_known(sweep: Path, wrong: Any) -> None:
    for path in sweep.glob("*/scorecard.json"):
        card = Scorecard.load(path)
        replace(card, significance={**card.significance, "equal_weight": wrong}).write(path)
    assert report_on(sweep)["equal_weight"]["significance"] is None


def test_a_larger_declared_number_counts_and_a_smaller_one_does_not(sweep: Path) -> None:
    assert report_on(sweep, declared=60)["trials"]["count"] == 60
    assert "of 60 that were declared" in report_on(sweep, declared=60)["verdict"]
    assert report_on(sweep, declared=2)["trials"]["count"] == 5


def test_a_trial_without_a_scorecard_is_counted_and_not_compared(sweep: Path) -> None:
    (sweep / "5" / ".hydra").mkdir(parents=True)
    report = report_on(sweep)
    assert report["trials"] == {"count": 6, "compared": 5, "different": 5}


def test_a_second_report_replaces_the_first(sweep: Path, shell: Shell) -> None:
    assert shell.tools("sweep", "report", "sweep").status == 0
    before = (sweep / "sweep_report.json").read_text()
    assert shell.tools("sweep", "report", "sweep", "--blocks", "8").status == 0
    after = json.loads((sweep / "sweep_report.json").read_text())
    assert after["overfitting"]["blocks"] == 8 and json.loads(before)["overfitting"]["blocks"] == 16
    assert sorted(path.name for path in sweep.glob("sweep_report*")) == ["sweep_report.json", "sweep_report.md"]


def change_key(sweep: Path, *trials: int) -> None:
    for trial in trials:
        path = sweep / str(trial) / "scorecard.json"
        card = json.loads(path.read_text())
        card["key"]["hash"] = "0000deadbeef"
        path.write_text(json.dumps(card))


def test_mixed_keys_are_refused_until_one_is_chosen(sweep: Path, shell: Shell) -> None:
    change_key(sweep, 4)
    own = Scorecard.load(sweep / "0" / "scorecard.json").key["hash"]
    refused = shell.tools("sweep", "report", "sweep")
    assert refused.status == 2
    assert f"--key: {own} (trials 0, 1, 2, 3); 0000deadbeef (trials 4)" in refused.err
    assert not (sweep / "sweep_report.json").exists()
    report = report_on(sweep, key=own)
    assert report["trials"] == {"count": 5, "compared": 4, "different": 4}  # all five were tried
    with pytest.raises(RlxError, match="1 comparable trials"):
        report_on(sweep, key="0000deadbeef")
    with pytest.raises(RlxError, match=rf"--key=abc: no trial of .* has it. The keys are {own}"):
        report_on(sweep, key="abc")


def test_the_chosen_trial_of_another_key_is_not_mentioned(sweep: Path) -> None:
    add_study(sweep)
    own = Scorecard.load(sweep / "0" / "scorecard.json").key["hash"]
    change_key(sweep, 3)
    report = report_on(sweep, key=own)
    assert report["chosen"] is None and "own choice" not in report["verdict"]


def test_ledgers_that_are_missing_or_another_books_are_refused(sweep: Path) -> None:
    (sweep / "1" / "ledger.parquet").unlink()
    with pytest.raises(RlxError, match=r"1/ledger\.parquet: no such file, .* Run the trial again, or move"):
        report_on(sweep)
    (sweep / "1" / "ledger.parquet").write_text("torn")
    with pytest.raises(RlxError, match="not a Parquet file"):
        report_on(sweep)
    shutil.copy(sweep / "0" / "ledger.parquet", sweep / "1" / "ledger.parquet")
    card = json.loads((sweep / "1" / "scorecard.json").read_text())
    card["key"]["windows"]["holdout"]["steps"] += 1
    (sweep / "1" / "scorecard.json").write_text(json.dumps(card))
    with pytest.raises(RlxError, match=r"1/ledger\.parquet: not the ledger that .*scorecard\.json was written from"):
        report_on(sweep)


def test_folders_that_are_no_sweep_are_refused(sweep: Path, shell: Shell) -> None:
    (shell.folder / "empty").mkdir()
    for folder, said in (
        ("nowhere", "nowhere: no such folder. Give the folder of a sweep"),
        ("empty", "empty: none of its trials has a scorecard"),
        ("sweep/0", f"sweep/0: the folder of a single run. Give its sweep's folder, {sweep}"),
    ):
        refused = shell.tools("sweep", "report", folder)
        assert refused.status == 2 and f"Error: {said}" in refused.err and "Traceback" not in refused.err
    for trial in (3, 4):
        shutil.rmtree(sweep / str(trial))
    few = shell.tools("sweep", "report", "sweep")
    assert few.status == 2 and "3 comparable trials: the probability of overfitting needs at least 4" in few.err
    (sweep / "0" / "scorecard.json").write_text("{")
    torn = shell.tools("sweep", "report", "sweep")
    assert torn.status == 2 and "not a JSON document" in torn.err


def test_a_folder_that_cannot_be_written_is_reported_after_the_report(sweep: Path, shell: Shell) -> None:
    (sweep / "sweep_report.md").mkdir()
    done = shell.tools("sweep", "report", "sweep")
    assert done.status == 2 and "Probability of backtest overfitting" in done.out
    assert "sweep: the report cannot be written there" in done.err
