"""The hardware that ``hardware=`` requests, the hardware used, and the record on the scorecard."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from rlx.config import HardwareConfig
from rlx.evaluate.scorecard import Scorecard
from rlx.report.markdown import render_markdown
from rlx.training.hardware import CACHE_VARIABLES, set_up, use_compile_caches
from tests.app.commands import SMOKE, Finished, Shell


@pytest.fixture
def no_caches_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in CACHE_VARIABLES:
        monkeypatch.setenv(variable, "")  # so that the variable is restored
        monkeypatch.delenv(variable)


def hardware_of(run: Path) -> dict[str, Any]:
    block: dict[str, Any] = json.loads((run / "scorecard.json").read_text())["provenance"]["hardware"]
    return block


def test_a_scorecard_says_what_was_in_force(trained: Finished) -> None:
    block = hardware_of(trained.run())
    assert block["threads"] == torch.get_num_threads()
    assert (block["precision"], block["compile_asked"], block["compile_fallback"]) == ("32", "auto", None)
    assert block["compile_used"] == ("default" if torch.cuda.is_available() else "off")
    markdown = render_markdown(Scorecard.load(trained.run() / "scorecard.json"))
    assert "## Hardware in force" in markdown
    assert "| `precision` | 32 |" in markdown
    assert "compile_fallback" not in markdown


def test_a_judgement_says_that_it_ran_on_the_cpu_in_float32(trained: Finished, shell: Shell) -> None:
    judged = shell.evaluate("policy=equal_weight", "hardware.precision=bf16-mixed", "hardware.compile=default")
    assert "no effect on an evaluation" in judged.err
    block = hardware_of(judged.run("evaluate"))
    assert (block["device"], block["precision"], block["compile_used"]) == ("cpu", "32", "off")


def test_precision_reaches_the_learner_and_the_scorecard(shell: Shell) -> None:
    runs = [
        shell.train(*SMOKE, "gate=none", "hardware=cpu", f"hardware.precision={name}").run()
        for name in ("32", "bf16-mixed")
    ]
    assert [hardware_of(run)["precision"] for run in runs] == ["32", "bf16-mixed"]
    full, half = (json.loads((run / "scorecard.json").read_text())["metrics"] for run in runs)
    assert full != half
    assert full["cumulative_return"] == pytest.approx(half["cumulative_return"], abs=0.05)


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_are_torchs(threads: int) -> None:
    before = torch.get_num_threads()
    try:
        assert set_up(HardwareConfig(threads=threads)).threads == torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


@pytest.mark.usefixtures("no_caches_chosen")
def test_compiled_code_is_kept_in_one_folder(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert use_compile_caches(tmp_path / "kept") is None
    assert os.environ["NUMBA_CACHE_DIR"] == str(tmp_path / "kept" / "numba")
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path / "kept" / "inductor")
    assert not caplog.records


@pytest.mark.usefixtures("no_caches_chosen")
def test_a_cache_that_cannot_be_written_is_reported_once_and_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("not a folder")
    folder = tmp_path / "file" / "kept"
    reason = use_compile_caches(folder)
    assert use_compile_caches(folder) == reason  # a later run of the process knows it too
    (record,) = caplog.records
    assert reason is not None and reason in record.getMessage()
    for variable, name in CACHE_VARIABLES.items():
        assert f"{folder / name} cannot be written (Not a directory)" in reason
        assert variable in record.getMessage()
        assert Path(os.environ[variable]).is_dir()


@pytest.mark.usefixtures("no_caches_chosen")
def test_a_cache_the_user_chose_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "mine"))
    use_compile_caches(tmp_path / "kept")
    assert os.environ["NUMBA_CACHE_DIR"] == str(tmp_path / "mine")


def train_in_a_process(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``train.py`` in a separate process, because torch reads its environment once; numba keeps its cache."""
    program = "from rlx.app.entry import train_main; train_main()"
    kept = {name: value for name, value in os.environ.items() if name not in ("TORCHINDUCTOR_CACHE_DIR", "CXX")}
    command = [sys.executable, "-c", program, *SMOKE, *arguments]
    return subprocess.run(command, cwd=folder, env=kept | environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_run_without_a_cxx_compiler_and_without_a_cache(tmp_path: Path) -> None:
    (tmp_path / "compiled_models").write_text("not a folder")
    answer = train_in_a_process(tmp_path, "hardware=cpu", "hardware.compile=default", PATH=str(tmp_path))
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr.count("cannot be written (") == 1
    (line,) = [line for line in answer.stderr.splitlines() if "torch.compile failed" in line]
    assert "set CXX to a compiler" in line
    assert not [word for word in ("Traceback", "leaked") if word in answer.stderr]
    (run,) = (tmp_path / "outputs" / "gymrl").iterdir()
    block = hardware_of(run)
    assert (block["compile_asked"], block["compile_used"]) == ("default", "off")
    assert block["compile_fallback"].startswith("InvalidCxxCompiler")
    assert "inductor cannot be written" in block["cache_fallback"]


@pytest.mark.slow
def test_a_compiled_run_says_so_and_learns_what_an_eager_one_does(tmp_path: Path, shell: Shell) -> None:
    answer = train_in_a_process(tmp_path, "hardware=cpu", "hardware.compile=default")
    assert answer.returncode == 0, answer.stderr
    (run,) = (tmp_path / "outputs" / "gymrl").iterdir()
    assert (hardware_of(run)["compile_used"], hardware_of(run)["compile_fallback"]) == ("default", None)
    state = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    assert not [name for name in state if "_orig_mod" in name]
    assert any((tmp_path / "compiled_models" / "inductor").iterdir())
    eager = shell.train(*SMOKE, "hardware=cpu", "hardware.compile=off", "hydra.run.dir=eager").folder / "eager"
    compiled, interpreted = (load_file(folder / "policy" / "policy.safetensors") for folder in (run, eager))
    torch.testing.assert_close(compiled, interpreted, rtol=0.0, atol=1e-5)


@pytest.mark.slow
def test_what_training_does_not_need_is_not_imported() -> None:
    late = ("wandb", "arch", "statsmodels", "pyarrow.parquet", "optuna")
    program = f"import sys, rlx.app.train; print([name for name in {late} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
