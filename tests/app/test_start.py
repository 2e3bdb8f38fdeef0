"""The first second of a command: the first line, the version, and a signal during the imports."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec

import pytest

import rlx
import rlx.app
from rlx.app import entry, start
from rlx.stops import Stopped
from tests.app.commands import Shell


class StopOnImport:
    """An importer that is interrupted while the command is imported."""

    def __init__(self, stop: KeyboardInterrupt) -> None:
        self.stop = stop

    def find_spec(self, name: str, path: Sequence[str] | None, target: object = None) -> ModuleSpec | None:
        if name == "rlx.app.entry":
            raise self.stop
        return None


@pytest.mark.parametrize(
    ("stop", "status", "words"),
    [(KeyboardInterrupt(), 130, "Interrupted."), (Stopped(signal.SIGTERM), 143, "Terminated (SIGTERM).")],
)
def test_a_signal_during_the_imports_ends_in_a_message(
    stop: KeyboardInterrupt,
    status: int,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delitem(sys.modules, "rlx.app.entry", raising=False)
    monkeypatch.delattr(rlx.app, "entry", raising=False)
    monkeypatch.setattr(sys, "meta_path", [StopOnImport(stop), *sys.meta_path])
    monkeypatch.setattr(sys, "argv", ["train.py", "module=gymrl"])
    with pytest.raises(SystemExit) as end:
        start.train_main()
    assert end.value.code == status
    assert capsys.readouterr().err == f"Training: module=gymrl\n{words}\n"


def test_signals_are_handled_from_the_first_line_to_the_last(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One block handles them: between two blocks, SIGTERM would kill the process."""

    def end() -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(entry, "train_main", end)
    monkeypatch.setattr(sys, "argv", ["train.py", "module=gymrl"])
    with pytest.raises(SystemExit) as status:
        start.train_main()
    assert status.value.code == 143
    assert capsys.readouterr().err == "Training: module=gymrl\nTerminated (SIGTERM).\n"


def test_no_password_is_repeated(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "-m", "hydra.sweeper.storage=postgresql://me:pw@host/db?password=pw"])
    assert start._begun("Training")
    expected = "Training: -m hydra.sweeper.storage=postgresql://[hidden]@host/db?password=[hidden]\n"
    assert capsys.readouterr().err == expected


def test_nor_is_one_of_an_address_without_a_scheme(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "-m", 'hydra.sweeper.storage="bob:s3cr3tpw@host/db"'])
    assert start._begun("Training")
    assert capsys.readouterr().err == 'Training: -m hydra.sweeper.storage="[hidden]@host/db"\n'


@pytest.mark.parametrize("main", [start.train_main, start.evaluate_main])
def test_the_version_is_rlxs(main: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert callable(main)
    monkeypatch.setattr(sys, "argv", ["train.py", "--version"])
    main()
    assert capsys.readouterr().out == f"rlx {rlx.__version__}\n"


def test_the_tools_have_it_too(shell: Shell) -> None:
    answer = shell.tools("--version")
    assert (answer.status, answer.out) == (0, f"rlx {rlx.__version__}\n")


def test_nothing_heavy_comes_before_the_first_line() -> None:
    program = "import sys, rlx.app.start; print([name for name in ('hydra', 'numpy', 'torch') if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"


def test_closed_output_gives_no_traceback() -> None:
    program = "import sys; sys.stdin.read(); from rlx.cli import main; main(['--help'])"
    command = [sys.executable, "-c", program]
    pipe = subprocess.PIPE
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=buffered) as process:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        process.stdout.close()  # as ``head`` does when it has seen enough
        process.stdin.close()
        assert process.stderr.read() == ""
        assert process.wait() == 141
