"""The Optuna sweeper in a real Hydra application: bad trials, continuing, interrupting."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.trial import TrialState

APP = Path(__file__).with_name("sweep_app.py")
ROOT = APP.parents[2]
SPACE = "x=interval(0.0,4.0)"


def start(folder: Path, *overrides: str) -> subprocess.Popen[str]:
    """Start a sweep of the test application whose folder is ``folder / "sweep"``."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, str(APP), "-m", "hydra/sweeper=optuna", SPACE, "hydra.sweep.dir=sweep", *overrides]
    return subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def sweep(folder: Path, *overrides: str, expect: int = 0) -> str:
    """Run a sweep to its end and return what it printed."""
    process = start(folder, *overrides)
    output, _ = process.communicate()
    assert process.returncode == expect, output
    return output


def trials(folder: Path) -> list[optuna.trial.FrozenTrial]:
    """Return the trials of the stored study."""
    return optuna.load_study(study_name="rlx", storage=f"sqlite:///{folder}/sweep/study.db").trials


def results(folder: Path) -> Any:
    """Return what the sweep wrote about its best trial."""
    return OmegaConf.load(folder / "sweep" / "optimization_results.yaml")


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
    process = start(tmp_path, "hydra.sweeper.n_trials=3", "wait_after_first=true")
    while not (tmp_path / "sweep" / "1" / "started").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate()
    assert process.returncode == 130, output
    assert "hydra.sweep.dir=sweep continues this sweep" in output
    assert "Traceback" not in output
    assert [trial.state for trial in trials(tmp_path)] == [TrialState.COMPLETE, TrialState.FAIL]
    sweep(tmp_path, "hydra.sweeper.n_trials=3")
    states = [trial.state for trial in trials(tmp_path)]
    assert states == [TrialState.COMPLETE, TrialState.FAIL, TrialState.COMPLETE, TrialState.COMPLETE]


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
        ("hydra.sweeper.n_trials=0", "hydra.sweeper.n_trials=0"),
        ("hydra/sweeper/sampler=grid", "for a grid, leave out hydra/sweeper=optuna"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, override: str, expected: str) -> None:
    assert expected in sweep(tmp_path, override, expect=1)
