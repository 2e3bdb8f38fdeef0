"""A trial's scorecard knows of its sweep, while that runs and afterwards."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest

from hydra_plugins.rlx_optuna._study import ABORTED
from rlx.app.sweeps import own_sweep, sweep_of
from rlx.data.splits import Span
from rlx.evaluate.config import Protocol
from rlx.evaluate.judge import judge
from rlx.evaluate.scorecard import Scorecard
from rlx.evaluate.trials import Sweep
from rlx.policies.baselines import EqualWeight
from tests.app.commands import SMOKE, Shell
from tests.evaluate.players import FREE, random_market


@pytest.fixture(scope="module")
def card() -> Scorecard:
    protocol = Protocol(window_steps=10, bootstrap_replications=100)
    return judge(EqualWeight(), random_market(), Span(10, 59), FREE, protocol, baselines=[], module="gymrl").scorecard


def write_sweep(folder: Path, card: Scorecard, sharpes: list[float | None]) -> None:
    """Leave a study of a good, a failed and an aborted trial, and a run folder for each Sharpe ratio."""
    folder.mkdir(exist_ok=True)
    study = optuna.create_study(study_name="rlx", storage=f"sqlite:///{folder}/study.db")
    study.tell(study.ask(), 1.0)
    study.tell(study.ask(), state=optuna.trial.TrialState.FAIL)
    aborted = study.ask()
    aborted.set_user_attr(ABORTED, True)
    study.tell(aborted, state=optuna.trial.TrialState.FAIL)
    for number, sharpe in enumerate(sharpes):
        replace(card, metrics={**card.metrics, "sharpe": sharpe}).write(folder / str(number) / "scorecard.json")


def test_a_sweep_is_counted_from_its_study_and_the_others_scorecards(tmp_path: Path, card: Scorecard) -> None:
    write_sweep(tmp_path, card, [1.0, 2.0, None, 3.0])
    replace(card, key={"hash": "other"}, metrics={"sharpe": 9.0}).write(tmp_path / "9" / "scorecard.json")
    found = sweep_of(tmp_path / "1")
    assert found == Sweep(2, {card.key["hash"]: [1.0, 3.0], "other": [9.0]})  # not its own; an aborted trial is none


def test_a_run_outside_of_a_sweep_has_none(tmp_path: Path) -> None:
    assert sweep_of(None) is None
    assert sweep_of(tmp_path / "0") is None
    assert own_sweep() is None


def test_what_cannot_be_read_is_told(tmp_path: Path, card: Scorecard, caplog: pytest.LogCaptureFixture) -> None:
    write_sweep(tmp_path, card, [1.0, 2.0])
    (tmp_path / "0" / "scorecard.json").write_text("{")
    with caplog.at_level(logging.WARNING):
        assert sweep_of(tmp_path / "1") == Sweep(2, {})
    assert "Left out of the spread over trials" in caplog.text
    (tmp_path / "study.db").write_text("this is no database, however long it is " * 50)
    with caplog.at_level(logging.WARNING):
        assert sweep_of(tmp_path / "1") is None
    assert "the trials of that sweep are not counted" in caplog.text


@pytest.mark.slow
def test_a_sweeps_trials_are_on_its_scorecards(shell: Shell) -> None:
    space = ["module.learning_rate=tag(log, interval(0.0001, 0.01))", "hydra.sweeper.n_trials=3"]
    done = shell.train("-m", "hydra/sweeper=optuna", *space, "hydra.sweep.dir=multirun/sweep", *SMOKE)
    assert done.status == 0, done.err
    sweep = shell.folder / "multirun" / "sweep"
    cards = [Scorecard.load(sweep / str(number) / "scorecard.json") for number in range(3)]
    for card in cards:
        found = card.significance
        assert (found["trials"], found["trials_from"], found["trial_variance_from"]) == (3, "sweep", "null")
        assert "With 3 trials the deflated Sharpe ratio is" in card.verdict
    assert shell.evaluate("policy=checkpoint", "policy.path=multirun/sweep/1").status == 0
    path = max((shell.folder / "outputs" / "evaluate").glob("*/scorecard.json"))
    found = json.loads(path.read_text())["significance"]
    sharpes = np.array([card.metrics["sharpe"] for card in cards], dtype=float)
    assert (found["trials"], found["trials_from"], found["trial_variance_from"]) == (3, "sweep", "sweep")
    assert found["trial_variance_per_step"] == pytest.approx(sharpes.var(ddof=1) / 252, rel=0.01)
    assert cards[1].significance["psr"] == pytest.approx(found["psr"], abs=1e-9)
