"""``protocol=every_start`` from the command line to the files that it writes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.app.commands import SMOKE, Finished, Shell

TYPED = ("protocol=every_start", "protocol.bootstrap_replications=200")
FILES = {"every_start.png", "scorecard.json", "scorecard.md", "windows.csv"}


def evals(run: Path) -> Path:
    (folder,) = (run / "evals").iterdir()
    return folder


def scorecard(folder: Path) -> dict[str, Any]:
    card: dict[str, Any] = json.loads((folder / "scorecard.json").read_text())
    return card


def test_a_checkpoints_windows_are_in_its_run_and_agree_with_the_scorecard(trained: Finished, shell: Shell) -> None:
    shell.draws = True
    run = shell.folder / "run"
    shutil.copytree(trained.run(), run)
    judged = shell.evaluate("policy=checkpoint", f"policy.path={run}", *TYPED)
    assert judged.status == 0, judged.err
    folder = evals(run)
    assert folder.name.startswith("every_start_20") and {path.name for path in folder.iterdir()} == FILES
    assert f"Windows: {folder.relative_to(shell.folder)}" in judged.out and "Every start: 293 windows" in judged.out
    card, windows = scorecard(folder), pd.read_csv(folder / "windows.csv")
    assert card == scorecard(judged.run("evaluate"))
    assert card["key"]["hash"] == scorecard(run)["key"]["hash"]  # that of the training's own hold-out
    assert len(windows) == card["windows"]["n"] == card["blocks"]["every_start"]["n"] == 293
    assert set(windows["status"]) == {"unseen"} and card["blocks"]["every_start"]["unseen"]["n"] == 293
    excess = windows["cumulative_return"] - windows["equal_weight_cumulative_return"]
    np.testing.assert_allclose(windows["excess_over_equal_weight"], excess, atol=1e-15)
    for flag, name in (("outlier", "cumulative_return"), ("excess_outlier", "excess_over_equal_weight")):
        found = card["blocks"]["every_start"]["outliers"][name]
        first, third = np.quantile(windows[name], (0.25, 0.75))
        low = windows[name] < first - 1.5 * (third - first)
        high = windows[name] > third + 1.5 * (third - first)
        assert (found["n_low"], found["n_high"]) == (low.sum(), high.sum())
        assert (windows[flag] == "low").tolist() == low.tolist()
        assert (windows[flag] == "high").tolist() == high.tolist()
        assert sum(one["windows"] for one in found["episodes"]) == found["n_low"] + found["n_high"]
    assert card["blocks"]["every_start"]["outliers"]["cumulative_return"]["n_low"] > 0  # March 2020


def test_training_can_end_in_it_and_be_judged_so_again(shell: Shell) -> None:
    finished = shell.train(*SMOKE, "protocol=every_start", "protocol.window_steps=21", "protocol.fence_iqrs=3")
    assert finished.status == 0, finished.err
    card = scorecard(evals(finished.run()))
    assert (card["blocks"]["every_start"]["steps"], card["blocks"]["every_start"]["fence_iqrs"]) == (21, 3.0)
    judged = shell.evaluate("policy=checkpoint", f"policy.path={finished.run()}")  # under the run's own protocol
    assert scorecard(judged.run("evaluate"))["blocks"]["every_start"] == card["blocks"]["every_start"]


def test_purge_and_embargo_from_the_command_line(trained: Finished, shell: Shell) -> None:
    run = shell.folder / "run"
    shutil.copytree(trained.run(), run)
    walk = ("protocol=walk_forward", "protocol.window=42", "protocol.stride=21", "protocol.bootstrap_replications=200")
    judged = shell.evaluate("policy=checkpoint", f"policy.path={run}", *walk, "protocol.purge_steps=63")
    assert judged.status == 0, judged.err
    folder = evals(run)
    windows, block = pd.read_csv(folder / "windows.csv"), scorecard(folder)["blocks"]["walk_forward"]
    assert windows["status"].value_counts().to_dict() == {name: n for name, n in block["status"].items() if n}
    assert block["status"]["purged"] == 3 and f"({block['status']['purged']} purged, less than 63 after)" in judged.out
    assert (windows["status"] == "unseen").sum() == block["unseen"]["n"]
    kept = scorecard(shell.evaluate("policy=checkpoint", f"policy.path={run}", *walk).run("evaluate"))
    assert kept["key"] == scorecard(folder)["key"]
    assert kept["blocks"]["walk_forward"]["unseen"]["n"] == block["unseen"]["n"] + 3


def test_purging_without_known_spans_is_reported(shell: Shell) -> None:
    judged = shell.evaluate("policy=equal_weight", "protocol=walk_forward", "protocol.purge_steps=5", *TYPED[1:])
    assert judged.status == 0, judged.err
    assert "protocol.purge_steps=5 has no effect: it is not known what equal_weight was fitted on" in judged.err
    quiet = shell.evaluate("policy=equal_weight", "protocol=walk_forward", "protocol.purge_steps=0", *TYPED[1:])
    assert "no effect" not in quiet.err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("protocol=every_start", "protocol.fence_iqrs=0"), "protocol.fence_iqrs=0.0: must be between 0.001 and 1000"),
        (("protocol=every_start", "protocol.window_steps=9999"), "protocol.window_steps=9999: the evaluation span has"),
        (("protocol=every_start", "protocol.purge_steps=3"), "protocol.purge_steps: no such key"),
        (("protocol=everystart",), "Did you mean 'every_start'?"),
        (("protocol=walk_forward", "protocol.purge_steps=-1"), "protocol.purge_steps=-1: must be a whole number"),
        (("protocol=walk_forward", "protocol.embargo_steps=x"), "protocol.embargo_steps: Value 'x'"),
    ],
)
def test_wrong_input_is_one_clear_error(shell: Shell, arguments: tuple[str, ...], expected: str) -> None:
    judged = shell.evaluate("policy=equal_weight", *arguments)
    assert judged.status != 0 and expected in judged.err and "Traceback" not in judged.err
