"""``protocol=walk_forward`` from the command line to the files that it writes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rlx.evaluate.ledger_file import read_ledger
from tests.app.commands import SMOKE, Finished, Shell

WALK = (
    "protocol=walk_forward",
    "protocol.start=2016-01-01",
    "protocol.end=2020-12-31",
    "protocol.window=256",
    "protocol.stride=64",
)
FEW = "protocol.bootstrap_replications=200"
FILES = {"scorecard.json", "scorecard.md", "trades.parquet", "walk_forward.png", "windows.csv"}


@pytest.fixture
def run(trained: Finished, shell: Shell) -> Path:
    """Return a copy of a training run's folder, to be written into."""
    folder = shell.folder / "run"
    shutil.copytree(trained.run(), folder)
    return folder


def evals(run: Path) -> list[Path]:
    return sorted((run / "evals").iterdir())


def scorecard(folder: Path) -> dict[str, Any]:
    card: dict[str, Any] = json.loads((folder / "scorecard.json").read_text())
    return card


@pytest.mark.parametrize("below", ["", "policy"])
def test_windows_and_trades_are_in_the_run_of_the_checkpoint(run: Path, shell: Shell, below: str) -> None:
    judged = shell.evaluate("policy=checkpoint", f"policy.path={run / below}", *WALK, FEW)
    assert judged.status == 0, judged.err
    (folder,) = evals(run)
    assert folder.name.startswith("walk_forward_20") and {path.name for path in folder.iterdir()} == FILES
    assert f"Windows and trades: {folder.relative_to(shell.folder)}" in judged.out
    said = " ".join(judged.out.split())
    assert "16 windows of 256 steps, one every 64" in said and "42 steps of the span fill no window" in said
    assert scorecard(folder) == scorecard(judged.run("evaluate"))
    assert not (judged.run("evaluate") / "evals").exists()


def test_the_files_agree_with_each_other_and_with_the_ledger(run: Path, shell: Shell) -> None:
    shell.draws = True
    judged = shell.evaluate("policy=checkpoint", f"policy.path={run}", "env.limits.closing_gross=0.5", *WALK, FEW)
    (folder,) = evals(run)
    windows = pd.read_csv(folder / "windows.csv")
    card = scorecard(folder)
    assert (
        card["key"]["windows"]["walk_forward"]["n"] == len(windows) == len(card["blocks"]["walk_forward"]["rows"]) == 16
    )
    assert card["guard"]["drawdown_hit_rate"] > 0 and windows["drawdown_hit_rate"].max() > 0
    assert windows["first"].iloc[0] == "2016-01-04T00:00:00" and windows["last"].iloc[-1] == "2020-10-30T00:00:00"
    beaten = windows["cumulative_return"] > windows["equal_weight_cumulative_return"]
    assert beaten.mean() == card["blocks"]["walk_forward"]["share_beating_equal_weight"]
    assert windows["seen_trained"].iloc[0] == 256 and card["verdict"].startswith("Not a test")
    ledger = read_ledger(judged.run("evaluate") / "ledger.parquet")["walk_forward"].ledger
    trades = pd.read_parquet(folder / "trades.parquet")
    assert set(trades["leg"]) == {"target", "closing_cap"}
    turnover = np.zeros(ledger.turnover.shape)
    np.add.at(turnover, (trades["window"], trades["step"]), trades["traded"].abs())
    np.testing.assert_allclose(turnover, ledger.turnover, atol=1e-9)


def test_a_second_evaluation_gets_a_folder_of_its_own(run: Path, shell: Shell) -> None:
    arguments = ("policy=checkpoint", f"policy.path={run}", "protocol=walk_forward", "protocol.start=2019", FEW)
    for number in (1, 2):
        assert shell.evaluate(*arguments, f"hydra.run.dir=judged{number}").status == 0
    first, second = evals(run)
    assert scorecard(first)["key"] == scorecard(second)["key"]


def test_a_baselines_windows_are_in_its_own_run_folder(shell: Shell) -> None:
    judged = shell.evaluate("policy=equal_weight", *WALK, FEW)
    assert judged.status == 0, judged.err
    (folder,) = evals(judged.run("evaluate"))
    assert {path.name for path in folder.iterdir()} == FILES
    assert "seen_trained" not in pd.read_csv(folder / "windows.csv")


def test_a_run_folder_that_cannot_be_written_is_reported_and_replaced(run: Path, shell: Shell) -> None:
    (run / "evals").write_text("not a folder")
    judged = shell.evaluate("policy=checkpoint", f"policy.path={run}", *WALK, FEW)
    assert judged.status == 0, judged.err
    assert f"{run / 'evals'} cannot be written" in judged.err
    assert len(evals(judged.run("evaluate"))) == 1


def test_a_checkpoint_outside_of_a_run_writes_nothing_next_to_itself(run: Path, shell: Shell) -> None:
    shutil.move(run / "policy", shell.folder / "policy")
    judged = shell.evaluate("policy=checkpoint", "policy.path=policy", *WALK, FEW)
    assert judged.status == 0, judged.err
    assert len(evals(judged.run("evaluate"))) == 1 and not (shell.folder / "evals").exists()


def test_training_can_end_in_a_walk_forward_and_be_judged_so_again(shell: Shell) -> None:
    finished = shell.train(*SMOKE, "protocol=walk_forward", "protocol.start=2012-06-01", "protocol.stride=300")
    assert finished.status == 0, finished.err
    assert "protocol.start=2012-06-01: the policy's features are not known before 2012-08-17" in finished.err
    (folder,) = evals(finished.run())
    card = scorecard(folder)
    assert card["data"]["seen_steps"]["trained"] > 0 and card["blocks"]["walk_forward"]["stride"] == 300
    judged = shell.evaluate("policy=checkpoint", f"policy.path={finished.run()}")  # under the run's own protocol
    assert scorecard(judged.run("evaluate"))["blocks"]["walk_forward"] == card["blocks"]["walk_forward"]
    assert len(evals(finished.run())) == 2
