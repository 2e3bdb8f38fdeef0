"""A killed run that continues with ``resume=RUN`` ends like an uninterrupted run, to the last digit."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from rlx.run_folder import LAST
from rlx.tracking.json_lines import JsonLinesLogger
from rlx.training.checkpoints import WholeFiles
from tests.app.commands import SMOKE, Finished, Shell
from tests.hostile.refusal import assert_refused, contents

PPO = ("n_accounts=8", "rollout_steps=16", "minibatch_size=64", "episode_steps=20", "hidden_size=16")
SMALL_FIT = ("updates=5", "validate_every_updates=5", "n_windows=4", "stretch_steps=8")
FORECASTS = [f"{stage}.{setting}" for stage in ("forecaster", "specialists") for setting in SMALL_FIT]
SEGMENTS = ("n_windows=2", "rollout_steps=4", "window_steps=2", "smooth_steps=2", "n_folds=2")
TINY = {  # a module's settings with which an update takes no time
    "gymrl": (*PPO, "n_folds=2"),
    "pufferlib": (*PPO, *FORECASTS, "forecaster.accept_worse=true", "n_pairs=2", "window_steps=4"),
    "hftraining": (*SEGMENTS, "d_model=8", "n_layers=1", "optimizer=muon"),
    "differentiable_market": (*SEGMENTS, "hidden_size=8", "n_paths=2", "diagnose_every_updates=2"),
}
SHORT = "data.start=2018-01-01"
"""Fewer bars to validate and to judge on."""
ENDLESS = {  # of modules that are really killed; the learning rate's course depends on it, so both runs have it
    "gymrl": "module.total_env_steps=100000000",
    "hftraining": "module.updates=100000",
}
SAME = ("key", "policy", "metrics", "intervals", "guard", "baselines", "windows", "verdict", "data")
PROGRAM = "import sys; from rlx.app.entry import train_main; sys.argv[0] = 'train.py'; train_main()"


def settings(module: str, *more: str) -> list[str]:
    tiny = [f"module.{setting}" for setting in TINY[module]]
    return [f"module={module}", "guard=calibrated", "env.cooldown.steps=3", SHORT, "gate=none", *SMOKE, *tiny, *more]


def rows(run: Path, kind: str = "") -> list[dict[str, str]]:
    """Return the cells of metrics.csv by row, those of ``kind`` only, without times."""
    with (run / "metrics.csv").open() as file:
        found = [{name: cell for name, cell in row.items() if cell} for row in csv.DictReader(file)]
    kept = [row for row in found if any(name.startswith(kind) for name in row)]
    return [{name: cell for name, cell in row.items() if not name.startswith("perf/")} for row in kept]


def card(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "scorecard.json").read_text())
    return found


def checkpoint(run: Path, name: str = LAST) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(run / "checkpoints" / name, weights_only=True)
    return found


def assert_same_result(run: Path, other: Path) -> None:
    for name in SAME:
        assert card(run)[name] == card(other)[name], name
    weights, others = (load_file(folder / "policy" / "policy.safetensors") for folder in (run, other))
    assert list(weights) == list(others)
    assert all(torch.equal(weights[name], others[name]) for name in weights)


def kill_after_a_checkpoint(folder: Path, arguments: list[str], module: str) -> Path:
    """Start a run in a separate process, kill it after its second validation, and return its folder."""
    folder.mkdir()
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments], cwd=folder, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        while not [run for run in folder.glob(f"outputs/{module}/*") if len(rows_so_far(run)) >= 8]:
            assert process.poll() is None, (folder / "output").read_text()
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    (run,) = folder.glob(f"outputs/{module}/*")
    return run


def rows_so_far(run: Path) -> list[str]:
    path = run / "metrics.csv"
    return path.read_text().splitlines() if path.is_file() else []


VALIDATED = ("trainer.validate_every_updates=2", "trainer.keep_best=2", "seed=3")
BUDGET = 7
ROW = 7  # is logged after the second validation, which is of update 4, and before the third
Wholes = Callable[[str], Path]


def budgeted(module: str, updates: int, *more: str) -> list[str]:
    """Return the command of a run that is compared with the uninterrupted one."""
    own = ["module.cache_dir=null"] if module == "pufferlib" else []
    return settings(module, *VALIDATED, *own, f"trainer.max_updates={updates}", *more)


@pytest.fixture(scope="module")
def whole_of(tmp_path_factory: pytest.TempPathFactory) -> Wholes:
    """Return where a module's uninterrupted run is, which is trained once and not changed."""

    @cache
    def train(module: str) -> Path:
        return Shell(tmp_path_factory.mktemp(module)).train(*budgeted(module, BUDGET)).run(module)

    return train


def assert_resumed_is_whole(resumed: Path, whole: Path, killed: Path, done: int) -> None:
    assert whole != resumed
    assert rows(resumed) == rows(whole)
    assert_same_result(resumed, whole)
    names = [sorted(path.name for path in (run / "checkpoints").iterdir()) for run in (resumed, whole)]
    assert names[0] == names[1] and len(names[0]) == 3
    mine, theirs = (checkpoint(run)["state_dict"] for run in (resumed, whole))
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    for name in ("updates", "gradient_steps"):
        assert card(resumed)["performance"][name] == card(whole)["performance"][name]
    assert card(resumed)["provenance"]["resumed_from"] == {"run": str(killed), "checkpoint": LAST, "updates": done}


@pytest.mark.parametrize("module", ENDLESS)
def test_killed_and_resumed_is_uninterrupted(module: str, shell: Shell) -> None:
    options = settings(module, *VALIDATED)
    endless = ["trainer.max_updates=null", ENDLESS[module]]
    killed = kill_after_a_checkpoint(shell.folder / "killed", [*options, *endless], module)
    before = contents(killed)
    done = checkpoint(killed)["rlx"]["totals"]["updates"]
    assert done >= 2 and not (killed / "scorecard.json").exists()
    budget = f"trainer.max_updates={done + 3}"

    finished = shell.train(f"resume={killed}", budget)
    assert finished.status == 0, finished.err
    resumed = finished.run(module)
    whole = shell.train(*options, ENDLESS[module], budget).run(module)
    assert_resumed_is_whole(resumed, whole, killed, done)
    assert contents(killed) == before


class Broken(BaseException):
    """Ends a training between two updates, past everything that would catch an error."""


def broken_off(shell: Shell, module: str) -> Path:
    """Train until a row of metrics is to be logged, and return the run folder."""
    logged = count()
    log_metrics = JsonLinesLogger.log_metrics

    def break_off(*given: Any, **named: Any) -> None:
        if next(logged) == ROW:
            raise Broken
        log_metrics(*given, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JsonLinesLogger, "log_metrics", break_off)
        with pytest.raises(Broken):
            shell.train(*budgeted(module, BUDGET))
    (run,) = shell.folder.glob(f"outputs/{module}/*")
    return run


@pytest.mark.parametrize("module", [module for module in TINY if module not in ENDLESS])
def test_broken_off_and_resumed_is_uninterrupted(module: str, shell: Shell, whole_of: Wholes) -> None:
    broken = broken_off(shell, module)
    before = contents(broken)
    assert checkpoint(broken)["rlx"]["totals"]["updates"] == 4 and not (broken / "scorecard.json").exists()
    finished = shell.train(f"resume={broken}")
    assert finished.status == 0, finished.err
    assert_resumed_is_whole(finished.run(module), whole_of(module), broken, 4)
    assert contents(broken) == before


@pytest.mark.parametrize("module", list(TINY))
def test_validations_change_nothing_of_what_is_learnt(module: str, shell: Shell, whole_of: Wholes) -> None:
    seldom = shell.train(*budgeted(module, 5, "trainer.validate_every_updates=5")).run(module)
    assert rows(seldom, "train/") == rows(whole_of(module), "train/")[:5]


@pytest.mark.parametrize("module", list(TINY))
def test_a_larger_budget_continues_a_finished_run(module: str, shell: Shell, whole_of: Wholes) -> None:
    whole = whole_of(module)
    run = shell.train(*budgeted(module, 3)).run(module)
    for budget in (5, BUDGET) if module == "gymrl" else (BUDGET,):
        # The first command again, with another budget: options that the run chose as well are no change.
        finished = shell.train(*budgeted(module, budget), f"resume={run}")
        assert finished.status == 0, finished.err
        run = finished.run(module)
    assert rows(run, "train/") == rows(whole, "train/")
    stops = ("2", "4")  # what is validated only because a run ended there
    assert [row for row in rows(run, "val/") if row["step"] not in stops] == rows(whole, "val/")
    assert len(rows(run, "eval/")) == 1
    mine, theirs = (checkpoint(folder)["state_dict"] for folder in (run, whole))
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_a_run_killed_while_it_was_prepared_continues(shell: Shell, whole_of: Wholes) -> None:
    """No checkpoint exists yet: the stages so far are taken over, and the portfolio starts again."""
    whole = whole_of("pufferlib")
    killed = copied(whole, shell.folder, "checkpoints", "scorecard.*", "policy", "parts", "metrics.*", "specialists")
    finished = shell.train(f"resume={killed}")
    assert finished.status == 0, finished.err
    run = finished.run("pufferlib")
    assert f"taken from {killed}/stages/forecaster" in finished.err
    assert_same_result(run, whole)
    assert rows(run) == rows(whole)


def copied(run: Path, folder: Path, *without: str) -> Path:
    shutil.copytree(run, folder / "copy", ignore=shutil.ignore_patterns(*without))
    return folder / "copy"


def test_a_run_killed_while_it_was_judged_is_judged(trained: Finished, shell: Shell) -> None:
    run = copied(trained.run(), shell.folder, "scorecard.*", "policy", "ledger.parquet")
    finished = shell.train(f"resume={run}")
    assert finished.status == 0, finished.err
    assert_same_result(finished.run(), trained.run())
    assert rows(finished.run()) == rows(trained.run())
    assert card(finished.run())["performance"]["gradient_steps"] == card(trained.run())["performance"]["gradient_steps"]


def test_a_checkpoint_newer_than_the_last_one_is_taken(trained: Finished, shell: Shell) -> None:
    """A kill may fall between the writing of a new best checkpoint and of the last one."""
    run = copied(trained.run(), shell.folder, "scorecard.*", LAST)
    (best,) = (run / "checkpoints").iterdir()
    finished = shell.train(f"resume={run}", "trainer.max_updates=3")
    assert finished.status == 0, finished.err
    assert card(finished.run())["provenance"]["resumed_from"]["checkpoint"] == best.name
    assert [row["step"] for row in rows(finished.run(), "train/")] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([], ["has finished", "scorecard.json", "trainer.max_updates=2"]),
        (["seed=4"], ["seed=4 (the run: 0)", "start a new run"]),
        (["guard=none"], ["guard.drawdown_threshold=null (the run: 0.036)"]),
        (["module.gamma=0.5", "trainer.max_updates=3"], ["module.gamma=0.5 (the run: 0.7)"]),
        (["module.total_env_steps=9000000"], ["module.total_env_steps=9000000 (the run: 614400)"]),
        (["trainer.monitor=val/sortino"], ["trainer.monitor=val/sortino (the run: val/excess_growth)"]),
        (["gate=none", "trainer.max_updates=3"], ["gate.level=null (the run: 0.05)"]),
        (["+experiment=gymrl_guarded"], ["experiment=gymrl_guarded (the run: smoke)"]),
        (["costs.slipage_bps=3"], ["costs.slipage_bps", "Did you mean 'slippage_bps'"]),
        (["-m"], ["one run at a time"]),
    ],
)
def test_what_cannot_be_resumed_says_so(
    trained: Finished, shell: Shell, arguments: list[str], parts: list[str]
) -> None:
    assert_refused(shell.train(f"resume={trained.run()}", *arguments), *parts)
    assert not list(shell.folder.glob("outputs/**/*")), "something was left behind"


def test_folders_that_are_no_run_say_so(trained: Finished, shell: Shell) -> None:
    assert_refused(shell.train("resume=nowhere"), "resume=nowhere", "no such folder")
    assert_refused(shell.train("resume=copi"), "no such folder")
    run = copied(trained.run(), shell.folder, "checkpoints")
    assert_refused(shell.train("resume=copi"), "Did you mean 'copy'")
    assert_refused(shell.train(f"resume={run}"), "has no checkpoint", "validate_every_updates")
    (run / "config.yaml").write_text("a: [")
    assert_refused(shell.train(f"resume={run}"), "config.yaml: not a YAML document")
    (run / "config.yaml").unlink()
    assert_refused(shell.train(f"resume={run}"), "has no config.yaml")
    judged = shell.evaluate("policy=cash").run("evaluate")
    assert_refused(shell.train(f"resume={judged}"), "is not a training run")


def test_a_run_of_a_version_without_gates_says_so(trained: Finished, shell: Shell) -> None:
    run = copied(trained.run(), shell.folder, "scorecard.*")
    recorded = yaml.safe_load((run / "config.yaml").read_text())
    del recorded["gate"]
    (run / "config.yaml").write_text(yaml.safe_dump(recorded))
    for arguments in ([], ["gate=none"]):
        finished = shell.train(f"resume={run}", "trainer.max_updates=3", *arguments)
        assert_refused(finished, "config.yaml: gate is missing", "another version of rlx")


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (lambda records: {name: record[1:] for name, record in records.items()}, "callbacks.ValidatePolicy.records."),
        (
            lambda records: {name: record * torch.nan for name, record in records.items()},
            "callbacks.ValidatePolicy.records.",
        ),
        (lambda records: records | {"7": records["2"]}, "ValidatePolicy.records.7"),
        (lambda records: {}, "update 2 was never validated"),
        (lambda records: 3.0, "cannot be resumed from"),
    ],
)
def test_records_of_validations_that_do_not_fit_are_refused(
    trained: Finished, shell: Shell, damage: Callable[[dict[str, torch.Tensor]], Any], part: str
) -> None:
    """The gate is decided by the records of all validations, those before the resumption included."""
    run = copied(trained.run(), shell.folder, "scorecard.*")
    state = checkpoint(run)
    records = state["callbacks"]["ValidatePolicy"]
    torch.save(
        state
        | {"callbacks": state["callbacks"] | {"ValidatePolicy": records | {"records": damage(records["records"])}}},
        run / "checkpoints" / LAST,
    )
    assert_refused(shell.train(f"resume={run}"), part)


def test_damaged_and_foreign_checkpoints_are_named(trained: Finished, shell: Shell) -> None:
    run = copied(trained.run(), shell.folder, "scorecard.*")
    path = run / "checkpoints" / LAST
    whole = path.read_bytes()
    for content in (whole[:-2000], b"", b"hello"):
        path.write_bytes(content)
        assert_refused(shell.train(f"resume={run}"), LAST, "damaged", "Move it away to resume from step")
    torch.save({"weights": torch.zeros(3)}, path)
    assert_refused(shell.train(f"resume={run}"), LAST, "no checkpoint of a training run")
    path.write_bytes(whole)
    state = checkpoint(run)
    for change, message in (({"module": "other"}, "module=other"), ({"format": 0}, "another version")):
        torch.save(state | {"rlx": state["rlx"] | change}, path)
        assert_refused(shell.train(f"resume={run}"), LAST, message)
    assert not list(shell.folder.glob("outputs/**/*")), "something was left behind"


def test_an_early_stop_continues_with_the_patience_typed(shell: Shell) -> None:
    options = settings("gymrl", "trainer.validate_every_updates=1", "trainer.early_stop_patience=1")
    run = shell.train(*options, "trainer.max_updates=40").run()
    done = checkpoint(run)["rlx"]["totals"]["updates"]
    assert done < 40
    assert_refused(shell.train(f"resume={run}"), "trainer.early_stop_patience=1 ended it")
    finished = shell.train(f"resume={run}", "trainer.early_stop_patience=null", f"trainer.max_updates={done + 2}")
    assert checkpoint(finished.run())["rlx"]["totals"]["updates"] == done + 2


def test_a_checkpoint_is_complete_or_the_previous_one(tmp_path: Path) -> None:
    files, path = WholeFiles(), tmp_path / "folder" / LAST
    files.save_checkpoint({"step": 1}, path)
    with pytest.raises(AttributeError):
        files.save_checkpoint({"step": 2, "fails": lambda: None}, path)
    assert files.load_checkpoint(path, weights_only=True) == {"step": 1}
    assert [entry.name for entry in path.parent.iterdir()] == [LAST]
