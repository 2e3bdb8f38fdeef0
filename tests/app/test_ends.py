"""How a command ends after Ctrl-C, SIGTERM or SIGHUP, at any point."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rlx.app.audit as audit_app
import rlx.app.evaluate as evaluate_app
import rlx.app.train as train_app
import rlx.data.traded as traded
import rlx.training.fit as training
from rlx.policies.checkpoint import load_checkpoint
from rlx.run_folder import RunFolder
from rlx.stops import STOP_SIGNALS, install_handlers, restore_handlers
from rlx.tracking.json_lines import JsonLinesLogger
from tests.app.commands import Finished, Shell

ENDLESS = (
    *("logger=csv", "hardware=cpu", "protocol.bootstrap_replications=200", "trainer.progress=false"),
    *(
        "module.n_accounts=8",
        "module.rollout_steps=16",
        "module.minibatch_size=64",
        "module.hidden_size=16",
        "module.n_folds=2",
    ),
    *("trainer.max_updates=100000", "module.total_env_steps=1000000000", "trainer.validate_every_updates=1"),
)
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


def send(*signals: int) -> None:
    """Send signals to this process, as its user or the system would."""
    for number in signals:
        os.kill(os.getpid(), number)


def send_at_row(monkeypatch: pytest.MonkeyPatch, row: int, *signals: int) -> None:
    """Send signals once a training has logged ``row`` rows."""
    log_metrics = JsonLinesLogger.log_metrics

    def log_and_send(self: JsonLinesLogger, *given: Any, **named: Any) -> None:
        log_metrics(self, *given, **named)
        if len(self.path.read_text().splitlines()) == row:
            send(*signals)

    monkeypatch.setattr(JsonLinesLogger, "log_metrics", log_and_send)


def sending(number: int, then: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``then``, preceded by a signal."""

    def send_first(*given: Any, **named: Any) -> Any:
        send(number)
        return then(*given, **named)

    return send_first


def assert_ended(finished: Finished, number: int, *parts: str) -> None:
    assert finished.status == STATUS[signal.Signals(number)], finished.err
    assert "Traceback" not in finished.err
    for part in parts:
        assert part in finished.err, (part, finished.err)


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_training_that_is_stopped_judges_its_best_policy(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    send_at_row(monkeypatch, 3, number)
    finished = shell.train(*ENDLESS)
    assert finished.status == 0, finished.err
    assert finished.err.count("judging the best policy so far (again to end at once)") == 1
    card = json.loads((finished.run() / "scorecard.json").read_text())
    assert 1 <= card["performance"]["updates"] < 100
    load_checkpoint(finished.run())


def test_a_closed_terminal_may_signal_twice(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    send_at_row(monkeypatch, 3, signal.SIGHUP, signal.SIGHUP)
    finished = shell.train(*ENDLESS)
    assert finished.status == 0 and (finished.run() / "scorecard.json").exists()


@pytest.mark.parametrize(("first", "second"), [(signal.SIGINT, signal.SIGTERM), (signal.SIGHUP, signal.SIGINT)])
def test_a_second_signal_ends_a_training_at_once_and_names_resume(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, first: int, second: int
) -> None:
    send_at_row(monkeypatch, 5, first, second)
    handlers = [signal.getsignal(number) for number in STOP_SIGNALS]
    finished = shell.train(*ENDLESS)
    run = finished.run()
    assert_ended(finished, second, f"Continue with: resume=outputs/gymrl/{run.name}")
    assert not (run / "scorecard.json").exists()
    assert [signal.getsignal(number) for number in STOP_SIGNALS] == handlers
    monkeypatch.undo()
    done = len((run / RunFolder.metrics).read_text().splitlines())
    resumed = shell.train(f"resume=outputs/gymrl/{run.name}", f"trainer.max_updates={done}")
    assert resumed.status == 0, resumed.err


def test_a_signal_while_judging_names_resume(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_app, "judge_saved", sending(signal.SIGTERM, train_app.judge_saved))
    finished = shell.train(*ENDLESS, "trainer.max_updates=2")
    assert_ended(finished, signal.SIGTERM, "Terminated (SIGTERM). Continue with: resume=outputs/gymrl/")


def test_a_signal_before_the_training_leaves_nothing(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traded, "load_traded", sending(signal.SIGTERM, traded.load_traded))
    finished = shell.train(*ENDLESS)
    assert_ended(finished, signal.SIGTERM)
    assert not (shell.folder / "outputs").exists()


def test_a_signal_before_the_first_update_ends_in_a_message(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "run_fit", sending(signal.SIGTERM, training.run_fit))
    finished = shell.train(*ENDLESS)
    assert_ended(finished, signal.SIGTERM)
    assert "resume=" not in finished.err


def test_an_evaluation_ends_and_leaves_nothing(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate_app, "judge", sending(signal.SIGTERM, evaluate_app.judge))
    finished = shell.evaluate("policy=equal_weight")
    assert_ended(finished, signal.SIGTERM)
    assert not (shell.folder / "outputs").exists()


def test_a_sweep_starts_no_further_trial(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    send_at_row(monkeypatch, 3, signal.SIGTERM)
    finished = shell.train("-m", "seed=0,1", *ENDLESS, "hydra.sweep.dir=sweep")
    assert_ended(finished, signal.SIGTERM)
    assert (shell.folder / "sweep" / "0" / "scorecard.json").exists()
    assert not (shell.folder / "sweep" / "1").exists()


def test_a_tool_ends_with_the_status_of_the_signal(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_app, "rebuild", sending(signal.SIGTERM, audit_app.rebuild))
    assert_ended(shell.tools("audit", "."), signal.SIGTERM, "Terminated (SIGTERM).")


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        taken = install_handlers(lambda number: None)
        restore_handlers(taken)
        assert signal.SIGHUP not in taken and signal.SIGTERM in taken
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_slurm_starts_no_second_run(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SLURM_NTASKS": "4", "SLURM_JOB_ID": "1", "SLURM_JOB_NAME": "rlx"}.items():
        monkeypatch.setenv(name, value)
    handler, seen = signal.getsignal(signal.SIGUSR1), []
    log_metrics = JsonLinesLogger.log_metrics

    def look(self: JsonLinesLogger, *given: Any, **named: Any) -> None:
        log_metrics(self, *given, **named)
        seen.append(signal.getsignal(signal.SIGUSR1))  # Lightning's handler would restart the job

    monkeypatch.setattr(JsonLinesLogger, "log_metrics", look)
    finished = shell.train(*ENDLESS, "trainer.max_updates=1")
    assert finished.status == 0, finished.err
    assert seen and set(seen) == {handler}


def test_the_study_of_a_sweep_ends_with_the_status_of_the_signal(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    send_at_row(monkeypatch, 3, signal.SIGTERM)
    space = ("hydra/sweeper=optuna", "hydra.sweeper.n_trials=3", "module.learning_rate=interval(1e-4,1e-3)")
    finished = shell.train("-m", *space, *ENDLESS, "hydra.sweep.dir=sweep")
    assert_ended(finished, signal.SIGTERM, "hydra.sweep.dir=sweep continues this sweep")
    assert [path.name for path in Path(shell.folder, "sweep").iterdir() if path.is_dir()] == ["0"]
