"""A disk that is full at some point of a training: one message that names the file and how to continue.

A limit on the size of files replaces the full disk: both refuse a write in the middle of it, and the limit needs no
extra file system. It is a soft limit of this process, removed after each test.
"""

from __future__ import annotations

import resource
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import rlx.app.outputs as outputs
from rlx.learners.base import Learner
from rlx.tracking.json_lines import JsonLinesLogger
from rlx.training.checkpoints import WholeFiles
from rlx.training.resume import Earlier
from tests.app.commands import SMOKE, Finished, Shell

ANY, FEW_BYTES, NO_CHECKPOINT = resource.RLIM_INFINITY, 100, 20_000


def allow(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@pytest.fixture(autouse=True)
def limit_taken_back() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def full_from(monkeypatch: pytest.MonkeyPatch, place: Any, name: str, size: int) -> None:
    """Let no file grow above ``size`` once the function that writes is called: other files that are written
    before, such as compiled code, would reach the limit first.
    """
    then: Callable[..., Any] = getattr(place, name)

    def fill_up(*given: Any, **named: Any) -> Any:
        allow(size)
        return then(*given, **named)

    monkeypatch.setattr(place, name, fill_up)


def assert_reported(finished: Finished, file: str) -> None:
    assert finished.status == 1, finished.err
    assert "Traceback" not in finished.err and "Logging error" not in finished.err, finished.err
    (line,) = [line for line in finished.err.splitlines() if line.startswith("Error")]
    assert file in line and "File too large" in line, line
    assert not [
        path for path in finished.folder.rglob("*") if path.name.endswith(".tmp") or path.name[:8] == ".policy-"
    ]


def test_no_room_for_a_checkpoint(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    full_from(monkeypatch, WholeFiles, "save_checkpoint", NO_CHECKPOINT)
    finished = shell.train(*SMOKE)
    assert_reported(finished, "checkpoints/step")
    assert "resume=" not in finished.err  # there is nothing to continue


def test_no_room_for_a_row(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    full_from(monkeypatch, JsonLinesLogger, "log_metrics", FEW_BYTES)
    assert_reported(shell.train(*SMOKE), "/metrics.")


def assert_continued(shell: Shell, run: Path, again: str) -> None:
    allow(ANY)
    assert shell.train(f"resume={run}", f"hydra.run.dir={again}").status == 0


def test_no_room_for_a_policy(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    full_from(monkeypatch, Learner, "export", FEW_BYTES)
    finished = shell.train(*SMOKE)
    assert_result_is_missing(finished, finished.run(), "/policy'")
    monkeypatch.undo()
    assert_continued(shell, finished.run(), "again")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("write_ledger", "ledger.parquet"),
        ("write_report_png", "report.png"),
        ("write_scorecard_markdown", "scorecard.md"),
    ],
)
def test_no_room_for_a_result(
    trained: Finished, shell: Shell, monkeypatch: pytest.MonkeyPatch, name: str, file: str
) -> None:
    """A run that is trained, and resumed to be judged, writes its results as any run does."""
    unjudged = shell.folder / "unjudged"
    shutil.copytree(trained.run(), unjudged, ignore=shutil.ignore_patterns("scorecard.*", "ledger.*", "report.*"))
    full_from(monkeypatch, outputs, name, FEW_BYTES)
    finished = shell.train(f"resume={unjudged}")
    assert_result_is_missing(finished, finished.run(), file)
    monkeypatch.undo()
    if name == "write_scorecard_markdown":  # the last to be written
        assert_continued(shell, finished.run(), "again")


def assert_result_is_missing(finished: Finished, run: Path, file: str) -> None:
    assert_reported(finished, file)
    assert f"Continue with: resume=outputs/gymrl/{run.name}" in finished.err
    assert not (run / "scorecard.json").exists() and not (run / file.strip("/'")).exists()


def test_no_room_to_resume(trained: Finished, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the earlier run until its last checkpoint has been copied completely."""
    shutil.copytree(trained.run(), shell.folder / "run", ignore=shutil.ignore_patterns("scorecard.*", "policy"))
    full_from(monkeypatch, Earlier, "carry_over", NO_CHECKPOINT)
    finished = shell.train("resume=run", "trainer.max_updates=3")
    assert_reported(finished, ".ckpt")
    assert "Continue with: resume=run." in finished.err.replace(" (HYDRA", ". (HYDRA"), finished.err
    assert not list(finished.run().rglob("*.ckpt"))
    allow(ANY)
    monkeypatch.undo()
    assert shell.train("resume=run", "trainer.max_updates=3", "hydra.run.dir=again").status == 0


def test_no_room_for_an_evaluation(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    full_from(monkeypatch, outputs, "write_ledger", FEW_BYTES)
    finished = shell.evaluate("policy=equal_weight", "protocol.bootstrap_replications=200")
    assert_reported(finished, "ledger.parquet")
    assert "resume=" not in finished.err
