"""A disk that is full at some point of a training: one message that names the file and how to go on, nothing by halves.

A limit on the size of files stands in for the full disk: both refuse a write in the middle of it, and this one takes no
file system of its own. The limit is a soft one of this process, taken back after each test.
"""

from __future__ import annotations

import resource
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import rlx.app.outputs as outputs
import rlx.training.fit as training
from rlx.learners.base import Learner
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
    """Let no file grow above ``size`` once a function is called."""
    then: Callable[..., Any] = getattr(place, name)

    def fill_up(*given: Any, **named: Any) -> Any:
        allow(size)
        return then(*given, **named)

    monkeypatch.setattr(place, name, fill_up)


def assert_told(finished: Finished, file: str) -> None:
    assert finished.status == 1, finished.err
    assert "Traceback" not in finished.err and "Logging error" not in finished.err, finished.err
    (line,) = [line for line in finished.err.splitlines() if line.startswith("Error")]
    assert file in line and "File too large" in line, line
    assert not [
        path for path in finished.folder.rglob("*") if path.name.endswith(".tmp") or path.name[:8] == ".policy-"
    ]


def test_no_room_for_a_checkpoint(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    full_from(monkeypatch, training, "run_fit", NO_CHECKPOINT)
    finished = shell.train(*SMOKE)
    assert_told(finished, "checkpoints/step")
    assert "resume=" not in finished.err  # there is nothing to go on with


def test_no_room_for_a_row(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    full_from(monkeypatch, training, "run_fit", FEW_BYTES)
    assert_told(shell.train(*SMOKE), "/metrics.")


@pytest.mark.parametrize(
    ("place", "name", "file"),
    [
        (Learner, "export", "/policy'"),
        (outputs, "write_ledger", "ledger.parquet"),
        (outputs, "write_report_png", "report.png"),
        (outputs, "write_scorecard_markdown", "scorecard.md"),
    ],
)
def test_no_room_for_a_result(shell: Shell, monkeypatch: pytest.MonkeyPatch, place: Any, name: str, file: str) -> None:
    full_from(monkeypatch, place, name, FEW_BYTES)
    finished = shell.train(*SMOKE)
    assert_told(finished, file)
    run = finished.run()
    assert f"Continue with: resume=outputs/gymrl/{run.name}" in finished.err
    assert not (run / "scorecard.json").exists() and not (run / file.strip("/'")).exists()
    allow(ANY)
    monkeypatch.undo()
    assert shell.train(f"resume={run}").status == 0


def test_no_room_to_resume(trained: Finished, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is to be gone on with is the earlier run, as long as its last checkpoint has not been copied whole."""
    shutil.copytree(trained.run(), shell.folder / "run", ignore=shutil.ignore_patterns("scorecard.*", "policy"))
    full_from(monkeypatch, Earlier, "carry_over", NO_CHECKPOINT)
    finished = shell.train("resume=run", "trainer.max_updates=3")
    assert_told(finished, ".ckpt")
    assert "Continue with: resume=run." in finished.err.replace(" (HYDRA", ". (HYDRA"), finished.err
    assert not list(finished.run().rglob("*.ckpt"))
    allow(ANY)
    monkeypatch.undo()
    assert shell.train("resume=run", "trainer.max_updates=3").status == 0


def test_no_room_for_an_evaluation(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    full_from(monkeypatch, outputs, "write_ledger", FEW_BYTES)
    finished = shell.evaluate("policy=equal_weight", "protocol.bootstrap_replications=200")
    assert_told(finished, "ledger.parquet")
    assert "resume=" not in finished.err
