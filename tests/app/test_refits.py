"""``protocol=walk_forward protocol.refit=true`` from the command line to the files that it writes."""

from __future__ import annotations

import json
import math
import os
import shutil
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from rlx.app.processes import in_processes
from rlx.board.standing import rank_board
from rlx.board.store import Scoreboard
from rlx.errors import RlxError
from rlx.evaluate.ledger_file import read_ledger
from rlx.tracking.json_lines import JsonLinesLogger
from tests.app.commands import SMOKE, Finished, Shell
from tests.hostile.refusal import assert_refused, contents

PPO = ("n_accounts=8", "rollout_steps=16", "minibatch_size=64", "episode_steps=20", "hidden_size=16")
SEGMENTS = ("n_windows=2", "rollout_steps=4", "window_steps=2", "smooth_steps=2", "n_folds=2", "d_model=8")
REFIT = ("protocol=walk_forward", "protocol.refit=true", "protocol.window=120", "protocol.stride=100")
RESULT = ("key", "metrics", "intervals", "windows", "blocks", "verdict", "data", "baselines")


def settings(module: str = "gymrl", *more: str) -> list[str]:
    tiny = (*PPO, "n_folds=2") if module == "gymrl" else SEGMENTS
    return [f"module={module}", "hardware.threads=1", *SMOKE, *(f"module.{one}" for one in tiny), *REFIT, *more]


def card(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "scorecard.json").read_text())
    return found


def weights(run: Path) -> list[dict[str, torch.Tensor]]:
    return [load_file(fit / "policy" / "policy.safetensors") for fit in sorted((run / "refits").iterdir())]


def assert_same(run: Path, other: Path) -> None:
    for name in RESULT:
        assert card(run)[name] == card(other)[name], name
    for mine, theirs in zip(weights(run), weights(other), strict=True):
        assert all(torch.equal(mine[name], theirs[name]) for name in mine)


@pytest.fixture(scope="module")
def refitted(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Train once with three fits; nobody changes the folder."""
    finished = Shell(tmp_path_factory.mktemp("refitted")).train(*settings(), "guard=calibrated", "env.cooldown.steps=3")
    assert finished.status == 0, finished.err
    return finished


def test_every_fit_is_a_run_on_what_was_known_before_its_window(refitted: Finished) -> None:
    run = refitted.run()
    fits = sorted((run / "refits").iterdir())
    assert [fit.name for fit in fits] == ["00", "01", "02"]
    for fit, row in zip(fits, card(run)["blocks"]["walk_forward"]["rows"], strict=True):
        assert {"policy", "metrics.jsonl", "config.yaml", "checkpoints", "scorecard.json"} <= {
            path.name for path in fit.iterdir()
        }
        seen = json.loads((fit / "policy" / "policy.json").read_text())["seen"]
        # A fit's last decision is paid at the close at which the window decides first.
        assert seen["trained"][1][:19] == row["trained_until"] <= row["first"]
        assert seen["selected"][1][:19] == row["selected_until"] <= row["first"]
        window = card(fit)["key"]["windows"]["holdout"]
        assert (window["first"], window["last"], window["steps"]) == (row["first"], row["last"], 120)
        assert card(fit)["data"]["seen_steps"] == {"trained": 0, "selected": 0}


def test_the_track_is_one_account_and_every_window_is_a_test(refitted: Finished) -> None:
    run = refitted.run()
    block = card(run)["blocks"]["walk_forward"]
    assert (block["n"], block["steps"], block["refits"]) == (3, 120, 3)
    assert block["status"] == {"unseen": 3, "seen": 0, "purged": 0, "embargoed": 0}
    assert all(row["status"] == "unseen" for row in block["rows"])
    assert "gymrl_ungated" in card(run)["baselines"]  # what it would have done behind no gate
    assert "Not a test" not in card(run)["verdict"]
    holdout = read_ledger(run / "ledger.parquet")["holdout"]
    assert str(holdout.timestamps[0, 0])[:19] == block["rows"][0]["first"]
    # The account is carried on where the second fit begins: its trade there is charged.
    begins = int(np.flatnonzero(holdout.timestamps[0] == np.datetime64(block["rows"][1]["first"]))[0])
    assert holdout.ledger.turnover[0, begins] > 0 and holdout.ledger.trading_cost[0, begins] > 0
    assert {"report.png", "refits.json", "config.yaml", "metrics.jsonl", "evals"} <= {one.name for one in run.iterdir()}


def test_a_fit_is_what_a_plain_run_with_its_dates_would_be(refitted: Finished, shell: Shell) -> None:
    """The recorded configuration of a fit is enough to make it again."""
    fit = sorted((refitted.run() / "refits").iterdir())[1]
    config = card(fit)["config"]
    given = [f"data.split.{key}={config['data']['split'][key]}" for key in ("train_end", "validation_end")]
    given += [f"protocol.{key}={config['protocol'][key]}" for key in ("start", "end")]
    tiny = [f"module.{one}" for one in (*PPO, "n_folds=2")]
    plain = shell.train(
        "module=gymrl", "hardware.threads=1", *SMOKE, *tiny, *given, "guard=calibrated", "env.cooldown.steps=3"
    )
    assert plain.status == 0, plain.err
    for name in ("key", "metrics", "verdict", "windows"):
        assert card(plain.run())[name] == card(fit)[name], name


def test_it_can_be_judged_again_and_audited(refitted: Finished, shell: Shell) -> None:
    run = shell.folder / "run"
    shutil.copytree(refitted.run(), run)
    judged = shell.evaluate("policy=refitted", f"policy.path={run}")
    assert judged.status == 0, judged.err
    for name in RESULT:
        assert card(judged.run("evaluate"))[name] == card(run)[name], name
    assert "Every window is a test." in " ".join(judged.out.split())
    audited = shell.tools("audit", str(run), "--dates", "3", "--permutations", "0")
    assert audited.status == 0, audited.err
    assert card(run)["audit"]["passed"] is True
    assert "is not what was judged" not in card(run)["audit"]["verdict"]


def test_dates_that_the_first_fit_was_trained_on_are_no_test(refitted: Finished, shell: Shell) -> None:
    judged = shell.evaluate(
        "policy=refitted", f"policy.path={refitted.run()}", "protocol=holdout", "protocol.split=validation"
    )
    assert judged.status == 0, judged.err
    assert "its best checkpoint was chosen on" in card(judged.run("evaluate"))["verdict"]


def test_a_board_ranks_it(refitted: Finished, shell: Shell) -> None:
    targets = f"targets:\n  - {{policy: refitted, path: {refitted.run()}, name: walked}}\n  - {{policy: cash}}\n"
    (shell.folder / "targets.yaml").write_text(targets)
    judged = shell.evaluate(
        "protocol=benchmark", "protocol.targets=targets.yaml", "protocol.board=board.json", "guard=calibrated"
    )
    assert judged.status == 0, judged.err
    (group,) = rank_board(Scoreboard.load(shell.folder / "board.json"))
    row = next(row for row in group.rows if row.entry.target == "walked")
    assert row.rank is not None and row.entry.failure is None
    assert len(row.entry.policy["refits"]) == 3


class Broken(BaseException):
    """Ends a training between two updates, past everything that would catch an error."""


def broken_off(shell: Shell, after_rows: int) -> Path:
    """Train until so many rows of metrics have been logged, and return the run folder."""
    logged, log_metrics = count(), JsonLinesLogger.log_metrics

    def break_off(*given: Any, **named: Any) -> None:
        if next(logged) == after_rows:
            raise Broken
        log_metrics(*given, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JsonLinesLogger, "log_metrics", break_off)
        with pytest.raises(Broken):
            shell.train(*settings(), "guard=calibrated", "env.cooldown.steps=3")
    (run,) = shell.folder.glob("outputs/gymrl/*")
    return run


def test_resumed_is_uninterrupted(refitted: Finished, shell: Shell) -> None:
    """The first fit is kept, the second continues from its checkpoint, and the third is made."""
    run = broken_off(shell, after_rows=8)  # of the five rows of a fit: two updates, their validations, the judgement
    assert (run / "refits" / "00" / "scorecard.json").exists()
    assert (run / "refits" / "01" / "checkpoints").is_dir() and not (run / "refits" / "02").exists()
    before = contents(run)
    resumed = shell.train(f"resume={run}")
    assert resumed.status == 0, resumed.err
    assert "1 of 3 fits are finished already" in resumed.err
    assert_same(resumed.run(), refitted.run())
    provenance = json.loads((resumed.run() / "refits" / "01" / "provenance.json").read_text())
    assert provenance["resumed_from"]["run"] == str(run / "refits" / "01")
    assert contents(run) == before


@pytest.mark.slow
def test_several_processes_give_the_same_numbers(refitted: Finished, shell: Shell) -> None:
    together = shell.train(*settings(), "guard=calibrated", "env.cooldown.steps=3", "protocol.jobs=2")
    assert together.status == 0, together.err
    assert_same(together.run(), refitted.run())


def test_a_warm_start_continues_with_the_weights_before(shell: Shell) -> None:
    warm = shell.train(*settings("hftraining", "protocol.warm_start=true", "protocol.refit_span=rolling"))
    assert warm.status == 0, warm.err
    run = warm.run("hftraining")
    configs = [card(fit)["config"]["module"]["warm_start"] for fit in sorted((run / "refits").iterdir())]
    assert configs == [None, str(run / "refits" / "00"), str(run / "refits" / "01")]
    assert card(run)["data"]["seen_steps"] == {"trained": 0, "selected": 0}


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["protocol.warm_start=true"], ["protocol.warm_start=true", "no module.warm_start", "module=hftraining"]),
        (["protocol.refit_span=rolling", "protocol.refit_steps=5000"], ["protocol.refit_steps=5000", "are known"]),
        (["protocol.window=9999"], ["protocol.window=9999", "334 decisions"]),
        (["protocol.refits=true"], ["protocol.refits", "Did you mean"]),
    ],
)
def test_what_is_impossible_is_refused(shell: Shell, arguments: list[str], parts: list[str]) -> None:
    assert_refused(shell.train(*settings(), *arguments), *parts)
    assert not list(shell.folder.glob("outputs/**/*")), "something was left behind"


def test_a_resumed_run_keeps_its_windows(refitted: Finished, shell: Shell) -> None:
    run = refitted.run()
    changed = shell.train(f"resume={run}", "protocol.window=60")
    assert_refused(changed, "protocol.window=60 (the run: 120) cannot change")
    assert_refused(shell.train(f"resume={run}"), "has finished, its result is")


def test_what_was_fitted_once_cannot_be_judged_as_refitted(trained: Finished, refitted: Finished, shell: Shell) -> None:
    once = shell.evaluate("policy=equal_weight", "protocol=walk_forward", "protocol.refit=true")
    assert_refused(once, "protocol.refit=true", "equal_weight was fitted once")
    wrong = shell.evaluate("policy=checkpoint", f"policy.path={refitted.run()}")
    assert_refused(wrong, "policy=refitted")
    assert_refused(shell.evaluate("policy=refitted", f"policy.path={trained.run()}"), "has no refits.json")


@pytest.mark.slow
def test_processes_return_results_by_place_and_errors_as_they_are() -> None:
    assert dict(in_processes(math.sqrt, [9, 16, 25], 2)) == {0: 3, 1: 4, 2: 5}
    with pytest.raises(ValueError, match="math domain error"):
        list(in_processes(math.sqrt, [1, -1], 1))
    with pytest.raises(RlxError, match=r"ended with status 3 .* protocol\.jobs"):
        list(in_processes(os._exit, [3], 1))
