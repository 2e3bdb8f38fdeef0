"""``import rlx``: the same checks and the same digits as the commands, and a program that is afterwards as before."""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hydra import compose as hydra_compose
from hydra import initialize
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra

import rlx
import rlx.evaluate.judge
from rlx.app import guest
from rlx.config import EvaluateConfig, TrainConfig
from rlx.errors import CheckpointError, ConfigError, FileError, RlxError
from rlx.evaluate.scorecard import Scorecard
from rlx.run_folder import RunFolder
from rlx.tracking.json_lines import JsonLinesLogger
from tests.app.commands import SMOKE, Finished, Shell
from tests.hostile.refusal import contents

GUARDED = ("module=gymrl", "guard=calibrated", "env=levered", "env.cooldown.steps=12", *SMOKE)
TIMINGS = {"performance", "provenance"}
WALL = ("perf/", "train/env_steps_per_second")


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> rlx.Run:
    """Do in Python what ``trained`` does on the command line."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("called"))
        return rlx.train(*GUARDED, run_dir="runs/one of mine")


def reproducible(card: Scorecard | None) -> dict[str, Any]:
    """Return a scorecard without what differs from run to run."""
    assert card is not None
    return {name: value for name, value in card.to_dict().items() if name not in TIMINGS}


def same_ledgers(run: Path, other: Path) -> bool:
    return pd.read_parquet(run / "ledger.parquet").equals(pd.read_parquet(other / "ledger.parquet"))


def without_timings(metrics: pd.DataFrame | None) -> pd.DataFrame:
    assert metrics is not None
    return metrics[[name for name in metrics if not name.startswith(WALL)]]


def test_a_training_has_the_digits_of_the_command(trained: Finished, called: rlx.Run) -> None:
    typed = rlx.load_run(trained.run())
    assert called.folder.name == "one of mine" and called.folder.is_absolute()
    assert reproducible(called.scorecard) == reproducible(typed.scorecard)
    assert called.scorecard is not None and typed.scorecard is not None
    assert called.scorecard.key["hash"] == typed.scorecard.key["hash"]
    weights = [run.folder / "policy" / "policy.safetensors" for run in (called, typed)]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert called.config == typed.config
    pd.testing.assert_frame_equal(without_timings(called.metrics), without_timings(typed.metrics))
    assert same_ledgers(called.folder, typed.folder)
    assert {path.name for path in called.folder.iterdir()} == {path.name for path in typed.folder.iterdir()}


def test_a_run_names_the_command_that_does_the_same(called: rlx.Run) -> None:
    command = (called.folder / "command.txt").read_text()
    assert command.startswith("rlx-train module=gymrl guard=calibrated")
    assert "one of mine" in command


def test_an_evaluation_has_the_digits_of_the_command(shell: Shell) -> None:
    typed = shell.evaluate("policy=momentum", *SMOKE[:1])
    run = rlx.evaluate("policy=momentum", *SMOKE[:1])
    assert run.metrics is None
    assert reproducible(run.scorecard) == reproducible(rlx.load_run(typed.run("evaluate")).scorecard)
    assert same_ledgers(run.folder, typed.run("evaluate"))
    assert rlx.evaluate("policy=momentum", *SMOKE[:1]).folder != run.folder  # the second of the same second, it may be


def test_a_checkpoint_is_judged_as_it_was_trained(called: rlx.Run) -> None:
    run = rlx.evaluate("policy=checkpoint", f"policy.path={called.folder}")
    assert run.scorecard is not None and called.scorecard is not None
    assert run.scorecard.metrics == called.scorecard.metrics
    assert run.scorecard.key == called.scorecard.key
    policy = called.policy()
    assert policy.name == "gymrl" and rlx.load_policy(called.folder / "policy").facts == policy.facts


def test_a_resumed_run_ends_where_an_uninterrupted_one_does(called: rlx.Run) -> None:
    first = rlx.train(*GUARDED, "trainer.max_updates=1", run_dir=Path("first"))
    run = rlx.train("resume=first", "trainer.max_updates=2", run_dir="second")
    assert run.scorecard is not None and called.scorecard is not None and first.scorecard is not None
    assert run.scorecard.metrics == called.scorecard.metrics
    assert run.scorecard.provenance["resumed_from"]["run"] == "first"
    weights = [folder / "policy" / "policy.safetensors" for folder in (run.folder, called.folder)]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    with pytest.raises(ConfigError, match=r"seed=1 .* cannot change"):
        rlx.compose("resume=first", "seed=1")
    assert rlx.compose("resume=first").env.cooldown.steps == 12


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_training_has_the_best_so_far_judged(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    log_metrics, came = JsonLinesLogger.log_metrics, list[int]()

    def log_and_send(self: JsonLinesLogger, *given: Any, **named: Any) -> None:
        log_metrics(self, *given, **named)
        if len(self.path.read_text().splitlines()) == 3:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(JsonLinesLogger, "log_metrics", log_and_send)
    before = signal.signal(signal.SIGTERM, lambda number, frame: came.append(number))
    try:
        run = rlx.train(*SMOKE, "module.total_env_steps=1000000000", "trainer.max_updates=100000")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert run.scorecard is not None and run.scorecard.performance["updates"] < 100
    assert came == ([] if number == signal.SIGINT else [number])  # the program gets the signal once the run is complete


def test_compose_returns_typed_settings() -> None:
    config = rlx.compose("module=gymrl", "guard=calibrated", "seed=7")
    assert isinstance(config, TrainConfig)
    assert config.guard.drawdown_threshold == 0.036 and config.seed == 7
    assert type(config.module).__name__ == "GymrlConfig"
    judged = rlx.compose("policy=momentum", command="evaluate")
    assert isinstance(judged, EvaluateConfig)
    assert judged.rules().costs.slippage_bps == 5


REFUSED = [
    (["guard=calibratd"], "guard=calibratd: no such option.*Did you mean 'calibrated'"),
    (["seed=-1"], "seed=-1"),
    (["costs.comission_bps=1"], "costs.comission_bps: no such key"),
    (["costs.commission_bps=a(b"], "cannot be read from character 25 on"),
    (["module.minibatch_size=1000"], "module.minibatch_size=1000"),
    (["protocol=guard_ab"], "protocol=guard_ab"),
    (["resume=nowhere"], "resume=nowhere: no such folder"),
    (["-m", "seed=0,1"], "-m: rlx.train takes only KEY=VALUE.* rlx-train -m"),
    (["--cfg"], "--cfg: "),
    (["seed=0,1"], "seed=0,1"),
    (["hydra.mode=MULTIRUN"], "hydra.mode=MULTIRUN: a sweep"),
    ([7], "'seed=7', not int"),
    (["data=folder", "data.path=no where"], "data.path=.?no where"),
    (["data.symbols=[APPL,IBM]"], "APPL.*Did you mean 'AAPL'"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_bad_input_is_one_error_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[Any], message: str
) -> None:
    with pytest.raises(RlxError, match=message) as refused:
        rlx.train(*arguments)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    assert {path.name for path in tmp_path.iterdir()} <= {"compiled_models"}
    assert "Error" not in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "message"), [case for case in REFUSED if "data" not in str(case[0])])
def test_compose_refuses_the_same(arguments: list[Any], message: str) -> None:
    with pytest.raises(RlxError, match=message):
        rlx.compose(*arguments)


def test_a_command_that_is_none() -> None:
    with pytest.raises(ConfigError, match="command=sweep: must be one of train, evaluate"):
        rlx.compose(command="sweep")  # type: ignore[call-overload]


def test_a_policy_of_no_run_and_one_beside_targets() -> None:
    with pytest.raises(ConfigError, match=r"policy.path: must be given"):
        rlx.evaluate("policy=checkpoint")
    with pytest.raises(CheckpointError, match="path=nowhere"):
        rlx.load_policy("nowhere")
    with pytest.raises(ConfigError, match=r"protocol=benchmark judges the policies of protocol.targets"):
        rlx.evaluate("protocol=benchmark", "policy=cash")


def test_a_folder_that_no_run_can_have(called: rlx.Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    before = contents(called.folder)
    refused = {str(called.folder): "holds an earlier run", "file/run": "a file is in the way", "": "path of a folder"}
    for folder, message in refused.items():
        with pytest.raises(ConfigError, match=f"run_dir=.*{message}"):
            rlx.train(*GUARDED, run_dir=folder)
    with pytest.raises(ConfigError, match=r"run_dir: hydra.run.dir is also among the arguments"):
        rlx.train("hydra.run.dir=there", run_dir="here")
    with pytest.raises(ConfigError, match=r"hydra\.run\.dir=.*holds an earlier run"):
        rlx.train(*GUARDED, f'hydra.run.dir="{called.folder}"')
    assert contents(called.folder) == before


def test_a_run_of_the_same_second_gets_another_folder(tmp_path: Path) -> None:
    for name in ("usual", "usual_2", "usual_3"):
        with guest._as_guest("evaluate", []) as given:
            config = guest._composed("evaluate", given, with_log_configuration=False)
            config.hydra.run.dir = str(tmp_path / "usual")
            guest._leave_earlier_runs(config, given)
            assert config.hydra.run.dir == str(tmp_path / name)
            Path(config.hydra.run.dir).mkdir()


@pytest.fixture
def host_log(tmp_path: Path) -> Iterator[Path]:
    handler = logging.FileHandler(tmp_path / "host.log", mode="w")
    logging.root.addHandler(handler)
    yield tmp_path / "host.log"
    logging.root.removeHandler(handler)
    handler.close()


def test_the_program_is_afterwards_as_before(host_log: Path, tmp_path: Path) -> None:
    options = tmp_path / "options"
    options.mkdir()
    (options / "mine.yaml").write_text("number: 3\n")
    level, handlers, argv = logging.root.level, logging.root.handlers[:], sys.argv
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    with initialize(config_path=os.path.relpath(options, Path(__file__).parent), version_base="1.2"):
        mine, stored = GlobalHydra.instance().hydra, set(ConfigStore.instance().repo)
        random.seed(1), np.random.seed(1), torch.manual_seed(1)
        expected = (random.random(), np.random.rand(), torch.rand(1).item())
        random.seed(1), np.random.seed(1), torch.manual_seed(1)
        rlx.evaluate("policy=cash", *SMOKE[:1])
        rlx.compose()
        with pytest.raises(RlxError):
            rlx.evaluate("policy=nobody")
        assert (random.random(), np.random.rand(), torch.rand(1).item()) == expected
        assert GlobalHydra.instance().hydra is mine and set(ConfigStore.instance().repo) == stored
        assert hydra_compose("mine").number == 3
    assert torch.get_num_threads() == 2
    torch.set_num_threads(threads)
    assert (logging.root.level, logging.root.handlers, sys.argv) == (level, handlers, argv)
    logging.getLogger("host").warning("still heard")
    assert "still heard" in host_log.read_text()


def in_a_thread(job: Any) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(job()))
    thread.start()
    thread.join()
    return found[0]


def test_it_runs_in_a_thread_but_one_at_a_time(called: rlx.Run) -> None:
    run = in_a_thread(lambda: rlx.train(*GUARDED))
    assert reproducible(run.scorecard)["metrics"] == reproducible(called.scorecard)["metrics"]

    def refused() -> str:
        with pytest.raises(ConfigError) as error:
            rlx.compose()
        return str(error.value)

    with guest._as_guest("train", []):
        assert "another call is running in this process" in in_a_thread(refused)
    assert rlx.compose().seed == 0


def test_what_a_half_finished_run_holds(called: rlx.Run, tmp_path: Path) -> None:
    half = tmp_path / "half"
    half.mkdir()
    with pytest.raises(ConfigError, match=r"half: has no config.yaml, so no run has begun in it"):
        rlx.load_run(half)
    with pytest.raises(ConfigError, match="nowhere: no such folder"):
        rlx.load_run("nowhere")
    (half / "config.yaml").write_bytes((called.folder / "config.yaml").read_bytes())
    run = rlx.load_run(half)
    assert run.config == called.config
    assert (run.metrics, run.ledger, run.scorecard) == (None, None, None)
    assert "not judged" in repr(run)
    with pytest.raises(CheckpointError):
        run.policy()
    rows = (called.folder / RunFolder.metrics).read_text()
    (half / RunFolder.metrics).write_text(rows[:-20])  # a kill cut the last row
    metrics = rlx.load_run(half).metrics
    assert metrics is not None and called.metrics is not None
    assert len(metrics) == len(called.metrics) - 1


@pytest.mark.parametrize("name", ["config.yaml", "scorecard.json", "ledger.parquet", RunFolder.metrics])
def test_a_damaged_file_is_one_error_that_names_it(called: rlx.Run, tmp_path: Path, name: str) -> None:
    for file in ("config.yaml", "scorecard.json", "ledger.parquet", RunFolder.metrics):
        (tmp_path / file).write_bytes((called.folder / file).read_bytes())
    assert called.ledger is not None and set(called.ledger) >= {"holdout"}
    assert reproducible(rlx.load_run(tmp_path).scorecard) == reproducible(called.scorecard)
    (tmp_path / name).write_bytes(b"\xff[1, 2\n")
    with pytest.raises(FileError, match=name.replace(".", r"\.")):
        rlx.load_run(tmp_path)


def test_the_package_is_light_and_the_judge_is_both() -> None:
    program = """
import sys, rlx
heavy = {"torch", "numpy", "pandas", "hydra", "omegaconf"} & set(sys.modules)
assert not heavy, heavy
assert {"train", "evaluate", "compose", "load_run", "load_policy", "Run"} <= set(dir(rlx))
assert callable(rlx.evaluate) and not {"torch", "hydra"} & set(sys.modules)
try:
    rlx.nothing
except AttributeError as error:
    assert str(error) == "module 'rlx' has no attribute 'nothing'"
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    assert callable(rlx.evaluate) and rlx.evaluate.judge is sys.modules["rlx.evaluate.judge"]  # type: ignore[attr-defined]
