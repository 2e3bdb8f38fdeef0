"""A trial's scorecard knows its sweep, during the sweep and afterwards."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import optuna
import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import OmegaConf

from rlx.app.once_a_sweep import OnceASweep
from rlx.data.splits import Span
from rlx.evaluate.judge import judge
from rlx.evaluate.protocols.base import Protocol
from rlx.evaluate.scorecard import Scorecard
from rlx.files import write_json
from rlx.measures.trials import Sweep
from rlx.policies.baselines import EqualWeight
from rlx.runs.study_state import ABORTED, write_record
from rlx.runs.study_storage import Place, opened
from rlx.runs.sweeps import own_sweep, sweep_of
from tests.app.commands import SMOKE, Shell
from tests.evaluate.players import FREE, random_market


@pytest.fixture(scope="module")
def card() -> Scorecard:
    protocol = Protocol(window_steps=10, bootstrap_replications=100)
    return judge(EqualWeight(), random_market(), Span(10, 59), FREE, protocol, baselines=[], module="gymrl").scorecard


def write_sweep(folder: Path, card: Scorecard, sharpes: list[float | None]) -> None:
    """Write a study of a good, a failed and an aborted trial, and a run folder for each Sharpe ratio."""
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
    other = {**card.key, "hash": "0123456789ab"}
    replace(card, key=other, metrics={**card.metrics, "sharpe": 9.0}).write(tmp_path / "9" / "scorecard.json")
    found = sweep_of(tmp_path / "1")
    sharpes = {card.key["hash"]: [1.0, 3.0], other["hash"]: [9.0]}  # without its own; an aborted trial is not counted
    assert found == Sweep(2, sharpes)


def test_a_run_outside_of_a_sweep_has_none(tmp_path: Path) -> None:
    assert sweep_of(None) is None
    assert sweep_of(tmp_path / "0") is None
    assert own_sweep() is None


def test_a_folder_without_a_study_needs_no_optuna(tmp_path: Path) -> None:
    program = "import sys; from rlx.runs.study import study_of; from pathlib import Path; print(study_of(Path.cwd()))"
    program += "; print({'optuna', 'sqlalchemy'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert answer.stdout == "None\nset()\n"


def test_what_cannot_be_read_is_reported(tmp_path: Path, card: Scorecard, caplog: pytest.LogCaptureFixture) -> None:
    write_sweep(tmp_path, card, [1.0, 2.0])
    (tmp_path / "0" / "scorecard.json").write_text("{")
    with caplog.at_level(logging.WARNING):
        assert sweep_of(tmp_path / "1") == Sweep(2, {})
    assert "Left out of the spread over trials" in caplog.text
    (tmp_path / "study.db").write_text("this is no database, however long it is " * 50)
    with caplog.at_level(logging.WARNING):
        assert sweep_of(tmp_path / "1") is None
    assert "study.db: not an SQLite database, so it has no study." in caplog.text
    assert f"The trials of the sweep {tmp_path} are not counted." in caplog.text


def test_a_sharpe_ratio_counts_however_large_it_is_or_is_reported(
    tmp_path: Path, card: Scorecard, caplog: pytest.LogCaptureFixture
) -> None:
    write_sweep(tmp_path, card, [2e9, 2.0, 1e200])
    with caplog.at_level(logging.WARNING):
        assert sweep_of(tmp_path / "1") == Sweep(2, {card.key["hash"]: [2e9]})
    assert "2/scorecard.json: metrics.sharpe is 1e+200, expected a number below 1e100" in caplog.text


def test_a_run_s_own_scorecard_is_not_called_another_s(
    tmp_path: Path, card: Scorecard, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "scorecard.json").write_text("{")
    with caplog.at_level(logging.WARNING):
        assert sweep_of(tmp_path / "alone") is None
    assert "The number of trials on it is not counted: scorecard " in caplog.text
    assert "spread over trials" not in caplog.text


@pytest.mark.parametrize("name", ["other.db", "../elsewhere.db", "a?b%41{c}.db"])
def test_a_sweep_is_counted_wherever_its_study_is(tmp_path: Path, card: Scorecard, name: str) -> None:
    """Without study.db the three trials counted as one, and the deflated Sharpe ratio rose."""
    folder = tmp_path / "sweep%?"
    folder.mkdir()
    place = Place(f"sqlite:///{folder / name}", folder / name, "shown")
    with opened(place) as storage:
        study = optuna.create_study(study_name="mine", storage=storage)
        other = optuna.create_study(study_name="not mine", storage=storage)
        other.tell(other.ask(), 9.0)
        for value in (1.0, 2.0, 3.0):
            study.tell(study.ask(), value)
        write_record(folder, place, study)
    card.write(folder / "1" / "scorecard.json")
    assert sweep_of(folder / "1") == Sweep(3, {})
    (folder / name).unlink()
    assert sweep_of(folder / "1") == Sweep(3, {})  # from the record
    (folder / name).write_text("torn")
    assert sweep_of(folder / "1") == Sweep(3, {})


def test_the_study_of_a_server_is_counted_by_its_record_and_no_server_is_asked(tmp_path: Path, card: Scorecard) -> None:
    record = {"storage": "postgresql://u:***@nowhere/db", "file": None, "study_name": "rlx", "trials": 7}
    write_json(tmp_path / "study.json", {**record, "objectives": {"0": 1.5}, "best": "0"})
    card.write(tmp_path / "0" / "scorecard.json")
    assert sweep_of(tmp_path / "0") == Sweep(7, {})


def test_a_run_that_was_moved_out_of_its_sweep_records_how_many_there_were(tmp_path: Path, card: Scorecard) -> None:
    counted = replace(card, significance={**card.significance, "trials": 20, "trials_from": "sweep"})
    counted.write(tmp_path / "alone" / "scorecard.json")
    card.write(tmp_path / "another" / "scorecard.json")
    assert sweep_of(tmp_path / "alone") == Sweep(20, {})  # folders next to it are not trials of its sweep
    assert sweep_of(tmp_path / "another") is None
    for wrong in ("20", True, 10**30, 0, None):
        replace(card, significance={"trials": wrong, "trials_from": "sweep"}).write(tmp_path / "alone/scorecard.json")
        assert sweep_of(tmp_path / "alone") is None


def test_a_warning_is_shown_once_per_sweep_and_in_every_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def said(folder: str, mode: RunMode = RunMode.MULTIRUN, level: int = logging.WARNING) -> bool:
        config = SimpleNamespace(mode=mode, runtime=SimpleNamespace(output_dir=str(tmp_path / folder)))
        monkeypatch.setattr(HydraConfig, "initialized", lambda: True)
        monkeypatch.setattr(HydraConfig, "get", lambda: config)
        return OnceASweep().filter(logging.LogRecord("rlx", level, "", 0, "note: %s", ("the same",), None))

    assert [said("sweep/0"), said("sweep/1"), said("sweep/2"), said("other/0")] == [True, False, False, True]
    assert said("sweep/3", RunMode.RUN) and said("sweep/4", RunMode.RUN)
    assert said("sweep/5", level=logging.ERROR) and said("sweep/6", level=logging.INFO)
    logged = OmegaConf.load(Path(__file__).parents[2] / "conf" / "hydra" / "job_logging" / "plain.yaml")
    assert logged.handlers.console.filters == ["once_a_sweep"] and "filters" not in logged.handlers.file


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
    assert (found["trials"], found["trials_from"]) == (3, "sweep")
    spread = max(sharpes.var(ddof=1) / 252, 1.0 / (found["steps"] - 1))
    assert found["trial_variance_per_step"] == pytest.approx(spread, rel=0.01)
    assert cards[1].significance["psr"] == pytest.approx(found["psr"], abs=1e-9)
