"""A run folder says how the run was made."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from rlx.runs.provenance import CODE, PACKAGE, command_line, git_state, package_versions, record_run, same_code
from tests.test_run_folder import started


def test_a_run_records_command_configuration_and_provenance(tmp_path: Path) -> None:
    run = started(tmp_path / "run")
    facts = record_run(run, {"seed": 0}, ["train.py", "module=gymrl", "data.path=my prices"])
    assert (run / "command.txt").read_text() == "python train.py module=gymrl 'data.path=my prices'\n"
    assert (run / "config.yaml").read_text() == "seed: 0\n"
    assert json.loads((run / "provenance.json").read_text()) == facts
    assert facts["versions"]["numpy"] == __import__("numpy").__version__
    assert not list(run.glob("*.tmp"))


def test_an_installed_command_is_named_without_its_folder() -> None:
    assert command_line(["/somewhere/bin/rlx-train", "seed=1"]) == "rlx-train seed=1"


def test_versions_name_the_main_dependencies() -> None:
    assert {"hydra-core", "optuna", "torch", "wandb"} <= set(package_versions())


def git(folder: Path, *arguments: str) -> str:
    """Run git in ``folder`` as a nobody, and return what it prints."""
    identity = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_git_state_is_commit_and_dirt_of_the_code(tmp_path: Path) -> None:
    assert git_state(tmp_path) is None
    code = tmp_path / "rlx"
    code.mkdir()
    (code / "__init__.py").write_text("")
    git(tmp_path, "init", "-q")
    assert git_state(code) is None  # a repository, but not of this code
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "code")
    assert git_state(code) == {"commit": git(tmp_path, "rev-parse", "HEAD"), "dirty": False}
    (code / "__init__.py").write_text("x = 1\n")
    assert git_state(code) == {"commit": git(tmp_path, "rev-parse", "HEAD"), "dirty": True}


def test_the_state_is_that_of_all_of_this_code() -> None:
    assert [name for name in CODE if not (PACKAGE.parent / name).is_dir()] == []


def test_what_is_no_code_makes_no_other_state_of_it(tmp_path: Path) -> None:
    code = tmp_path / "rlx"
    for name in ("rlx", "conf", "docs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "code")
    first = git_state(code)
    (tmp_path / "docs" / "__init__.py").write_text("changed\n")
    assert git_state(code) == first
    git(tmp_path, "commit", "-q", "-a", "-m", "docs")
    second = git_state(code)
    assert second != first and same_code(first, second, code)
    (tmp_path / "conf" / "__init__.py").write_text("changed\n")
    assert not same_code(first, git_state(code), code)
    git(tmp_path, "commit", "-q", "-a", "-m", "conf")
    assert not same_code(first, git_state(code), code)
    assert not same_code({"commit": "0" * 40, "dirty": False}, first, code)  # of another repository
    assert same_code(None, None, code) and not same_code(None, first, code)
    for odd in ("a\0b", "x" * 3_000_000, "HEAD", "--help", "", None, ["a"], {}, -1):  # which no ``git_state`` recorded
        assert not same_code({"commit": odd, "dirty": False}, first, code)
    assert not same_code({}, first, code)
