"""A run folder is claimed once, and goes away when nothing was made in it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from rlx.errors import ConfigError
from rlx.run_folder import Entry, RunFolder, claim, discard_if_unused, run_of, run_to_resume, there_before
from rlx.runs.provenance import record_run
from tests.layers import modules


def started(folder: Path) -> Path:
    """Return a run folder as Hydra leaves it."""
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "config.yaml").write_text("seed: 0\n")
    (folder / "train.log").write_text("")
    return folder


def test_an_unused_run_folder_goes_away_with_the_empty_folders_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = started(tmp_path / "outputs" / "gymrl" / "run")
    record_run(run, {"seed": 0}, ["train.py"])
    assert discard_if_unused(run)
    assert list(tmp_path.iterdir()) == []
    assert not discard_if_unused(run)


def test_a_used_run_folder_and_its_neighbours_stay(tmp_path: Path) -> None:
    used, unused = started(tmp_path / "used"), started(tmp_path / "unused")
    (used / "metrics.csv").write_text("step\n")
    assert not discard_if_unused(used)
    assert discard_if_unused(unused)
    assert [path.name for path in tmp_path.iterdir()] == ["used"]


def test_a_folder_with_anybody_elses_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".hydra").mkdir()
    (tmp_path / "important.log").write_text("x")
    assert not discard_if_unused(tmp_path)
    assert (tmp_path / "important.log").read_text() == "x"


def test_folders_above_that_are_not_the_working_directorys_stay(tmp_path: Path) -> None:
    run_dir = tmp_path / "a" / "b"
    run_dir.mkdir(parents=True)
    assert discard_if_unused(run_dir)
    assert (tmp_path / "a").is_dir()


def test_what_was_there_before_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine" / "empty").mkdir(parents=True)
    run = tmp_path / "mine" / "empty" / "x"
    before = there_before(run)
    assert discard_if_unused(started(run), before)
    assert list(tmp_path.rglob("*")) == [tmp_path / "mine", tmp_path / "mine" / "empty"]
    run = tmp_path / "mine" / "empty"
    (run / "train.log").write_text("kept")
    before = there_before(run)
    (run / ".hydra").mkdir()
    assert discard_if_unused(run, before)
    assert [path.name for path in run.iterdir()] == ["train.log"]


def test_what_to_go_on_with_holds_the_whole_training(tmp_path: Path) -> None:
    run, earlier = tmp_path / "run", tmp_path / "earlier"
    for folder in (run, earlier):
        (folder / "checkpoints").mkdir(parents=True)
    assert run_to_resume(run) is None and run_to_resume(run, earlier) == earlier
    (run / "stage.ckpt").touch()
    assert run_to_resume(run, earlier) == run
    (earlier / "checkpoints" / "step1.ckpt").touch()
    (run / "checkpoints" / "step1.ckpt").touch()
    assert run_to_resume(run, earlier) == earlier and run_to_resume(run) == run
    (run / "checkpoints" / "last.ckpt").touch()
    assert run_to_resume(run, earlier) == run
    (run / "scorecard.json").touch()
    assert run_to_resume(run, earlier) is None


def test_a_folder_is_claimed_once(tmp_path: Path) -> None:
    claim(tmp_path)
    with pytest.raises(ConfigError, match="another run began in it"):
        claim(tmp_path)
    (tmp_path / "scorecard.json").touch()
    with pytest.raises(ConfigError, match="holds an earlier run"):
        claim(tmp_path)


def test_the_run_of_a_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = started(tmp_path / "run")
    record_run(run, {"seed": 0}, ["train.py"])
    (run / "policy").mkdir()
    assert run_of(run / "policy") == run.resolve()
    monkeypatch.chdir(run / "policy")
    assert run_of(Path(".")) == run.resolve()
    (tmp_path / "policy").mkdir()
    assert run_of(tmp_path / "policy") is None
    assert run_of(run / "checkpoints") is None


def test_the_names_of_a_run_s_files_are_declared_once() -> None:
    """Only names of files: that of a folder, such as ``policy``, is a word of other meanings too."""
    names = {entry.name for entry in vars(RunFolder).values() if isinstance(entry, Entry) and "." in entry.name[1:]}
    assert {"scorecard.json", "metrics.csv", "checkpoints/last.ckpt"} <= names
    for name, path in modules():
        texts = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
        assert name == "rlx.run_folder" or not names & texts, f"{name} types {names & texts}: use RunFolder"


def test_a_name_on_the_class_is_a_path_on_a_run(tmp_path: Path) -> None:
    assert RunFolder.scorecard == "scorecard.json"
    assert RunFolder(tmp_path).part("AAPL").scorecard == tmp_path / "parts" / "AAPL" / "scorecard.json"
    checkpoints = RunFolder(tmp_path).checkpoints
    checkpoints.mkdir()
    for name in ("last.ckpt", "step1.ckpt", "zz.ckpt", "note.txt"):
        (checkpoints / name).touch()
    assert [path.name for path in RunFolder(tmp_path).all_checkpoints()] == ["step1.ckpt", "zz.ckpt", "last.ckpt"]
