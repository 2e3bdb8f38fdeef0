"""The Optuna sweeper in a real Hydra application: bad trials, continuing, interrupting."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.trial import TrialState

from rlx.runs.study import StudyState
from rlx.runs.study_state import read_state
from tests.hostile.refusal import contents
from tests.sweep.sweep_app import main

APP = Path(__file__).with_name("sweep_app.py")
ROOT = APP.parents[2]
SPACE = "x=interval(0.0,4.0)"


def arguments(*overrides: str) -> list[str]:
    """Return the command line of a sweep of the test application whose folder is ``sweep``."""
    return [str(APP), "-m", "hydra/sweeper=optuna", SPACE, "hydra.sweep.dir=sweep", *overrides]


def paused(folder: Path, *overrides: str) -> subprocess.Popen[str]:
    """Start a sweep in a separate process and return when its second trial is running and keeps running."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, *arguments(*overrides)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "PAUSE_AFTER_FIRST": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if line == "paused\n":
            return process
    raise AssertionError("".join(seen))


def sweep(folder: Path, *overrides: str, expect: int = 0) -> str:
    """Run a sweep to its end in this process and return what it printed."""
    said, status = io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(said):
        patch.chdir(folder)
        patch.setattr(sys, "argv", arguments(*overrides))
        patch.setenv("COLUMNS", "200")
        try:
            main()
        except SystemExit as stop:
            status = int(stop.code or 0)
    assert status == expect, said.getvalue()
    return said.getvalue()


def trials(folder: Path) -> list[optuna.trial.FrozenTrial]:
    """Return the trials of the stored study."""
    return optuna.load_study(study_name="rlx", storage=f"sqlite:///{folder}/sweep/study.db").trials


def results(folder: Path) -> Any:
    """Return what the sweep wrote about its best trial."""
    return OmegaConf.load(folder / "sweep" / "optimization_results.yaml")


@pytest.fixture(scope="module")
def swept_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a sweep of one trial."""
    folder = tmp_path_factory.mktemp("swept")
    sweep(folder, "hydra.sweeper.n_trials=1")
    return folder


@pytest.fixture
def one_trial(swept_once: Path, tmp_path: Path) -> Path:
    """Return a copy of it, to be written into."""
    shutil.copytree(swept_once, tmp_path / "copy")
    return tmp_path / "copy"


def test_a_sweep_keeps_going_past_nan_and_raising_trials(tmp_path: Path) -> None:
    output = sweep(tmp_path, "hydra.sweeper.n_trials=8", "seed=3", "nan_above=3.0", "raise_below=1.0")
    study = trials(tmp_path)
    assert len(study) == 8
    bad = {trial.number: trial for trial in study if not 1.0 <= trial.params["x"] <= 3.0}
    assert any(trial.params["x"] > 3.0 for trial in bad.values())
    assert any(trial.params["x"] < 1.0 for trial in bad.values())
    for trial in study:
        assert trial.state == (TrialState.FAIL if trial.number in bad else TrialState.COMPLETE)
    for trial in bad.values():
        reason = "the objective is nan" if trial.params["x"] > 3.0 else "ValueError: x="
        assert trial.user_attrs["failure"].startswith(reason)
        assert trial.user_attrs["failure"] in output
    assert "Traceback" in output  # of the ValueError, which is no RlxError


def test_the_best_trial_is_the_maximum_and_can_be_run_again(tmp_path: Path) -> None:
    output = sweep(tmp_path, "hydra.sweeper.n_trials=4", "nan_above=100")
    best = max(trials(tmp_path), key=lambda trial: trial.value or 0.0)
    saved = results(tmp_path)
    assert (saved.best_trial, saved.best_value) == (best.number, best.value)
    assert saved.best_overrides == [f"x={best.params['x']}", "nan_above=100"]
    assert (tmp_path / saved.best_run / ".hydra" / "overrides.yaml").is_file()
    assert output.count("BEST") == 1


def test_n_trials_is_the_total_of_a_continued_study(tmp_path: Path) -> None:
    sweep(tmp_path, "hydra.sweeper.n_trials=3")
    first = [trial.params["x"] for trial in trials(tmp_path)]
    output = sweep(tmp_path, "hydra.sweeper.n_trials=5")
    assert "3 of 5 trials done" in output
    both = [trial.params["x"] for trial in trials(tmp_path)]
    assert both[:3] == first
    assert len(set(both)) == 5  # the continued sampler does not draw its first points again
    assert sorted(path.name for path in (tmp_path / "sweep").iterdir() if path.is_dir()) == list("01234")
    sweep(tmp_path, "hydra.sweeper.n_trials=5")
    assert len(trials(tmp_path)) == 5


def test_the_same_seed_draws_the_same_trials(tmp_path: Path) -> None:
    drawn = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        folder = tmp_path / name
        folder.mkdir()
        sweep(folder, "hydra.sweeper.n_trials=2", f"seed={seed}")
        drawn.append([trial.params["x"] for trial in trials(folder)])
    assert drawn[0] == drawn[1] != drawn[2]


def test_interrupting_keeps_the_study(tmp_path: Path) -> None:
    process = paused(tmp_path, "hydra.sweeper.n_trials=3")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate()
    assert process.returncode == 130, output
    assert "hydra.sweep.dir=sweep continues this sweep" in output
    assert "Traceback" not in output
    assert [trial.state for trial in trials(tmp_path)] == [TrialState.COMPLETE, TrialState.FAIL]
    sweep(tmp_path, "hydra.sweeper.n_trials=3")
    states = [trial.state for trial in trials(tmp_path)]
    assert states == [TrialState.COMPLETE, TrialState.FAIL, TrialState.COMPLETE, TrialState.COMPLETE]


def test_a_killed_trial_is_failed_and_replaced(tmp_path: Path) -> None:
    """What was killed is RUNNING in the storage, until the sweep is continued."""
    process = paused(tmp_path, "hydra.sweeper.n_trials=3")
    held = sweep(tmp_path, "hydra.sweeper.n_trials=3", expect=1)
    assert "hydra.sweep.dir=sweep: a sweep is running in it. Wait, or name another." in held
    process.kill()
    process.communicate()
    assert trials(tmp_path)[1].state == TrialState.RUNNING
    assert read_state(tmp_path / "sweep") == StudyState(1, {"0": trials(tmp_path)[0].value or 0.0}, "0", ("1",))
    output = sweep(tmp_path, "hydra.sweeper.n_trials=3")
    assert "Trial 1 failed: its process ended without a message" in output and "1 of 3 trials done" in output
    states = [trial.state for trial in trials(tmp_path)]
    assert states == [TrialState.COMPLETE, TrialState.FAIL, TrialState.COMPLETE, TrialState.COMPLETE]
    assert read_state(tmp_path / "sweep").trials == 3  # type: ignore[union-attr]


def test_a_trial_that_another_sweep_runs_is_left(tmp_path: Path) -> None:
    storage = "hydra.sweeper.storage=sqlite:///shared.db"
    process = paused(tmp_path, "hydra.sweeper.n_trials=3", storage)
    elsewhere = ("hydra.sweep.dir=other", storage)
    output = sweep(tmp_path, "hydra.sweeper.n_trials=2", *elsewhere)
    assert f"Trial 1 is not touched: it may be running in {tmp_path / 'sweep'}" in output
    process.kill()
    process.communicate()
    output = sweep(tmp_path, "hydra.sweeper.n_trials=3", *elsewhere)
    assert "Trial 1 failed: its process ended without a message" in output


def test_a_second_sweep_on_one_storage_goes_on_or_is_refused(tmp_path: Path) -> None:
    """It ran nothing, and named a best run in its own folder that was never there."""
    shared = ("hydra.sweeper.storage=sqlite:///shared.db",)
    sweep(tmp_path, "hydra.sweeper.n_trials=2", *shared)
    said = sweep(tmp_path, "hydra.sweeper.n_trials=2", "hydra.sweep.dir=second", *shared, expect=1)
    assert f"study 'rlx' in sqlite:///shared.db holds 2 trials already, run in {tmp_path / 'sweep'}" in said
    assert not (tmp_path / "second").exists()
    sweep(tmp_path, "hydra.sweeper.n_trials=3", "hydra.sweep.dir=second", *shared)
    saved = OmegaConf.load(tmp_path / "second" / "optimization_results.yaml")
    where = tmp_path / ("second" if saved.best_trial == 2 else "sweep") / str(saved.best_trial)
    assert Path(tmp_path, saved.best_run) == where and where.is_dir()
    assert read_state(tmp_path / "second").trials == 3  # type: ignore[union-attr]
    other = sweep(tmp_path, "hydra.sweeper.study_name=new", *shared, expect=1)
    assert "hydra.sweep.dir=sweep: is the folder of study 'rlx' in sqlite:///shared.db (study.json), not of" in other


@pytest.mark.parametrize(
    ("override", "now", "before"),
    [
        ("trainer.monitor=val/sortino", "trainer.monitor=val/sortino", "val/sharpe"),
        ("nan_above=3", "nan_above=3.0", "1000000000.0"),
        ("hydra.sweeper.direction=minimize", "hydra.sweeper.direction=minimize", "maximize"),
        ("x=interval(0.0,5.0)", "x=interval(0.0, 5.0)", "interval(0.0, 4.0)"),
        ("x=choice(1,2)", "x=choice(1, 2)", "interval(0.0, 4.0)"),
        ("x=1.5", "x=1.5", "interval(0.0, 4.0)"),
        ("nan_above=interval(0.0,1.0)", "nan_above=interval(0.0, 1.0)", "1000000000.0"),
    ],
)
def test_what_trials_have_in_common_does_not_change(one_trial: Path, override: str, now: str, before: str) -> None:
    found = contents(one_trial)
    said = sweep(one_trial, "hydra.sweeper.n_trials=2", override, expect=1)
    assert f"study 'rlx' in sweep/study.db: {now} (the study: {before})" in said
    assert "cannot change in a continued sweep. These may change: " in said
    assert contents(one_trial) == found


def test_a_longer_choice_is_refused_in_a_word(tmp_path: Path) -> None:
    sweep(tmp_path, "hydra.sweeper.n_trials=1", "x=choice(1.0,2.0)")
    said = sweep(tmp_path, "hydra.sweeper.n_trials=2", "x=choice(1.0,2.0,3.0)", expect=1)
    assert "x=choice(1.0, 2.0, 3.0) (the study: choice(1.0, 2.0)) cannot change" in said


def test_what_the_objective_does_not_depend_on_may_change(one_trial: Path) -> None:
    sweep(one_trial, "hydra.sweeper.n_trials=2", "seed=7", "trainer.progress=false")
    assert len(trials(one_trial)) == 2


def test_a_study_of_an_earlier_version_is_continued_with_a_word(one_trial: Path) -> None:
    """It has no terms, but its trials have ranges, and the storage a direction."""
    study = optuna.load_study(study_name="rlx", storage=f"sqlite:///{one_trial}/sweep/study.db")
    study._storage.set_study_user_attr(study._study_id, "rlx", None)
    (one_trial / "sweep" / "study.json").unlink()
    said = sweep(one_trial, "hydra.sweeper.n_trials=2", "x=interval(0.0,5.0)", expect=1)
    assert "x=interval(0.0, 5.0) (the study: interval(0.0, 4.0)) cannot change" in said
    assert "does not record its trials' settings" in sweep(one_trial, "hydra.sweeper.n_trials=2")


@pytest.mark.parametrize("name", ["what?", "100%", "a%41b", "{x}", "a#b", "größe"])
def test_folders_of_any_name_hold_their_study(tmp_path: Path, name: str) -> None:
    sweep(tmp_path, "hydra.sweeper.n_trials=1", f"hydra.sweep.dir='{name}'")
    assert (tmp_path / name / "study.db").is_file() and [path.name for path in tmp_path.iterdir()] == [name]
    assert read_state(tmp_path / name).trials == 1  # type: ignore[union-attr]


def test_a_folder_whose_study_is_gone_is_not_started_over(one_trial: Path) -> None:
    (one_trial / "sweep" / "study.db").unlink()
    said = sweep(one_trial, "hydra.sweeper.n_trials=2", expect=1)
    assert "hydra.sweep.dir=sweep: holds 0, the folder of a trial that is not in study 'rlx' in sweep/study.db" in said


def test_reasons_and_names_are_shown_as_they_stand(tmp_path: Path) -> None:
    settings = ("hydra.sweeper.study_name='[/b]'", "raise_below=10", "reason='[/i]oh'")
    assert "[/i]oh" in sweep(tmp_path, "hydra.sweeper.n_trials=1", *settings, expect=1)


def test_results_that_cannot_be_written_are_told(one_trial: Path) -> None:
    (one_trial / "sweep" / "optimization_results.yaml").unlink()
    (one_trial / "sweep" / "optimization_results.yaml").mkdir()
    said = sweep(one_trial, "hydra.sweeper.n_trials=1", expect=1)
    assert "optimization_results.yaml: cannot be written (" in said and "The study is kept" in said


def test_a_misspelt_key_stops_at_the_first_trial(tmp_path: Path) -> None:
    output = sweep(tmp_path, "y=interval(0,1)", "hydra.sweeper.n_trials=3", expect=1)
    assert "Key 'y' not in 'App'" in output
    assert len(trials(tmp_path)) == 1


def test_a_sweep_without_one_usable_trial_fails(tmp_path: Path) -> None:
    output = sweep(tmp_path, "hydra.sweeper.n_trials=2", "raise_below=10", expect=1)
    assert "None of the 2 trials" in output
    assert "best_trial" not in results(tmp_path)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("hydra.sweeper.n_trials=0", "hydra.sweeper.n_trials=0: must be a whole number between 1 and 100000."),
        ("hydra.sweeper.n_trials=-1", "hydra.sweeper.n_trials=-1: must be a whole number between 1 and 100000."),
        ("hydra.sweeper.n_trials=1000000000", "hydra.sweeper.n_trials=1000000000: must be a whole number"),
        ("hydra.sweeper.n_trials=1e9", "hydra.sweeper.n_trials"),
        (
            "hydra.sweeper.n_jobs=1000000000",
            "hydra.sweeper.n_jobs=1000000000: must be a whole number between 1 and",
        ),
        ("hydra.sweeper.seed=-1", "hydra.sweeper.seed=-1: must be a whole number between 0 and 2147483648."),
        ("hydra.sweeper.study_name=''", "hydra.sweeper.study_name='': must be a text of 1 to 4096 characters"),
        ("hydra.sweeper.storage=nonsense", "hydra.sweeper.storage=nonsense: not the URL of a database"),
        ("hydra.sweeper.storage='foo://u:secret@h/db'", "foo://u:***@h/db: the storage of the study cannot be used"),
        ("hydra.sweeper.storage=foo:/u:secret@h:port/db", "storage=[hidden]@h:port/db: not the URL of a database"),
        ("hydra.sweeper.storage=foo://u:secret@h:port/db", "storage=[hidden]@h:port/db: not the URL of a database"),
        (
            "hydra.sweeper.storage='foo://h/db?password=secret'",
            "foo://h/db?password=[hidden]: the storage of the study",
        ),
        ("hydra.sweeper.storage=sqlite:///no/such/folder/s.db", "unable to open database file"),
        ("hydra/sweeper/sampler=grid", "for a grid, leave out hydra/sweeper=optuna"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, override: str, expected: str) -> None:
    said = sweep(tmp_path, override, "hydra.sweep.dir=multirun/gymrl/now", expect=1)
    assert expected in said and "secret" not in said
    assert list(tmp_path.iterdir()) == []
