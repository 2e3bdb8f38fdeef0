"""``guard=fitted`` and ``protocol=guard_ab`` from the command line to the files that they write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from rlx.sim.rules import Guard
from tests.app.commands import SMOKE, Finished, Shell

FITTED = ("guard=fitted", "env.cooldown.steps=3", "guard.window=30", "guard.drawdown_percentile=80")
FEW = "protocol.bootstrap_replications=100"
TINY = {
    "gymrl": (),
    "hftraining": (
        *("module.n_windows=2", "module.rollout_steps=4", "module.window_steps=2"),
        *("module.smooth_steps=2", "module.n_folds=2", "module.d_model=8"),
    ),
}


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def guard_of(run: Path) -> dict[str, Any]:
    """Return the guard that every record of a run agrees on."""
    card = read(run / "scorecard.json")
    guard: dict[str, Any] = card["key"]["guard"]
    assert yaml.safe_load((run / "config.yaml").read_text())["guard"] == guard == card["config"]["guard"]
    return guard


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Train once under fitted guards, for one update, so that another is left for resuming."""
    shell = Shell(tmp_path_factory.mktemp("fitted"))
    return shell.train("module=gymrl", *FITTED, *SMOKE, "trainer.max_updates=1")


def test_a_run_records_the_numbers_and_not_the_percentiles(fitted: Finished) -> None:
    run, guard = fitted.run(), guard_of(fitted.run())
    assert set(guard) == set(vars(Guard())) and guard["window"] == 30
    assert 0.0 < guard["drawdown_threshold"] < 1.0 and guard["negative_return_threshold"] < 0.0
    assert guard["turnover_threshold"] > 0.1
    policy = read(run / "policy" / "policy.json")
    assert policy["rules"]["guard"] == guard == policy["config"]["guard"]
    fit = read(run / "provenance.json")["guard_fit"]
    assert (fit["drawdown_percentile"], fit["first"][:10], fit["last"][:10]) == (80.0, "2012-05-18", "2018-08-02")
    assert fit["guard"] == guard


def test_modules_and_baselines_are_judged_under_one_fitted_guard(fitted: Finished, shell: Shell) -> None:
    other = shell.train("module=hftraining", *FITTED, *SMOKE, "trainer.max_updates=1", *TINY["hftraining"])
    assert other.status == 0, other.err
    baseline = shell.evaluate("policy=momentum", *FITTED, FEW)
    keys = {
        read(run / "scorecard.json")["key"]["hash"]
        for run in (fitted.run(), other.run("hftraining"), baseline.run("evaluate"))
    }
    assert len(keys) == 1
    assert "guard=fitted: drawdown_threshold=0." in baseline.err and "2018-08-02, the train split" in baseline.err


def test_a_checkpoint_keeps_its_thresholds_on_another_train_split(fitted: Finished, shell: Shell) -> None:
    judged = shell.evaluate("policy=checkpoint", f"policy.path={fitted.run()}", "data.split.train_fraction=0.4", FEW)
    assert judged.status == 0, judged.err
    assert guard_of(judged.run("evaluate")) == guard_of(fitted.run())
    assert "guard=fitted" not in judged.err
    again = shell.evaluate(
        "policy=checkpoint", f"policy.path={fitted.run()}", *FITTED, "data.split.train_fraction=0.4", FEW,
        "hydra.run.dir=again",
    )  # fmt: skip
    assert guard_of(again.folder / "again") != guard_of(fitted.run())  # fitted again, as requested


def test_a_resumed_run_keeps_the_stored_thresholds(fitted: Finished, shell: Shell) -> None:
    resumed = shell.train(f"resume={fitted.run()}", "trainer.max_updates=2")
    assert resumed.status == 0, resumed.err
    assert guard_of(resumed.run()) == guard_of(fitted.run())
    assert "guard=fitted" not in resumed.err
    typed_again = shell.train(
        "module=gymrl", *FITTED, *SMOKE, "trainer.max_updates=2", f"resume={fitted.run()}", "hydra.run.dir=typed"
    )
    assert typed_again.status == 0, typed_again.err
    assert guard_of(shell.folder / "typed") == guard_of(fitted.run())


def test_another_guard_is_refused_in_a_resumed_run(fitted: Finished, shell: Shell) -> None:
    percentile = shell.train(f"resume={fitted.run()}", "guard.drawdown_percentile=70", "trainer.max_updates=2")
    assert percentile.status == 2 and "guard.drawdown_percentile=70.0 cannot change in a resumed run" in percentile.err
    refused = shell.train(f"resume={fitted.run()}", "guard=calibrated", "trainer.max_updates=2")
    assert refused.status == 2 and "guard.drawdown_threshold=0.036 (the run: 0." in refused.err


def test_guards_are_compared_over_the_windows_of_the_checkpoint(fitted: Finished, shell: Shell) -> None:
    shell.draws = True
    judged = shell.evaluate(
        "policy=checkpoint", f"policy.path={fitted.run()}", "protocol=guard_ab", FEW,
        "protocol.guards=[none,calibrated,configured]",
    )  # fmt: skip
    assert judged.status == 0, judged.err
    run = judged.run("evaluate")
    assert (run / "guard_ab.png").read_bytes().startswith(b"\x89PNG")
    summary, card = read(run / "guard_metrics_summary.json"), read(run / "scorecard.json")
    assert card["key"]["guard"]["drawdown_threshold"] is None  # the scorecard is the control's
    assert list(summary["guards"]) == ["none", "calibrated", "configured"] and summary["comparisons"] == 18
    assert summary["guards"]["configured"]["rules"] == guard_of_policy(fitted.run())
    holdout = summary["guards"]["none"]["holdout"]
    assert holdout["return"] == card["metrics"]["cumulative_return"]
    assert summary["windows"]["all"]["n"] == card["windows"]["n"] and summary["windows"]["policy_made_on"] == 0
    did = summary["guards"]["calibrated"]["windows"]
    difference = summary["guards"]["calibrated"]["against_control"]["all"]["return"]["estimate"]
    assert difference == pytest.approx(did["all"]["return"] - summary["guards"]["none"]["windows"]["all"]["return"])
    assert did["stressed"]["drawdown_hit_rate"] > did["calm"]["drawdown_hit_rate"] > 0.0
    markdown = (run / "guard_metrics_summary.md").read_text()
    for line in ("# Guards of gymrl, compared with none", "| calibrated | stressed |", "`drawdown_threshold`"):
        assert line in markdown
    assert "Guards of gymrl, less none" in judged.out and "no evidence" in judged.out


def guard_of_policy(run: Path) -> dict[str, Any]:
    guard: dict[str, Any] = read(run / "policy" / "policy.json")["rules"]["guard"]
    return guard


def test_a_fitted_guard_is_marked_on_its_own_dates(shell: Shell) -> None:
    judged = shell.evaluate("protocol=guard_ab", "protocol.guards=[none,fitted]", "protocol.split=all", FEW)
    assert judged.status == 0, judged.err
    summary = read(judged.run("evaluate") / "guard_metrics_summary.json")
    fit = summary["guards"]["fitted"]["fit"]
    assert 0 < fit["windows_fitted_on"] < summary["windows"]["all"]["n"]
    assert f"{fit['windows_fitted_on']} of them contain steps that guard fitted was fitted on" in judged.out


def test_windows_too_short_for_an_interval_say_so(shell: Shell) -> None:
    judged = shell.evaluate("protocol=guard_ab", "protocol.start=2020-01", "protocol.end=2020-04", FEW)
    assert judged.status == 0, judged.err
    summary = read(judged.run("evaluate") / "guard_metrics_summary.json")
    against = summary["guards"]["calibrated"]["against_control"]["all"]
    assert against["return"]["low"] is None and "an interval needs 3" in against["return"]["reason"]
    assert against["verdict"] == "no evidence" and "(no interval)" in judged.out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["protocol.guards=[none,calibratd]"], "protocol.guards: 'calibratd' must be one of calibrated, fitted"),
        (["protocol.guards=[none,calibratd]"], "Did you mean 'calibrated'?"),
        (["protocol.guards=[none]"], "name two guards or more"),
        (["protocol.guards=none"], "protocol.guards: Invalid value"),
        (["protocol.guards=[none,none]"], "none listed more than once"),
        (["protocol.gaurds=[none,initial]"], "protocol.gaurds: no such key."),
        (["protocol.window_steps=5000"], "protocol.window_steps=5000: the evaluation span has 334 decisions"),
    ],
)
def test_an_impossible_comparison_stops_with_one_message(shell: Shell, arguments: list[str], expected: str) -> None:
    refused = shell.evaluate("protocol=guard_ab", *arguments)
    assert refused.status == 2 and expected in refused.err and refused.err.count("Error:") == 1
    assert not list((shell.folder / "outputs").rglob("*")) if (shell.folder / "outputs").exists() else True


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["guard.drawdown_percentile=120"], "guard.drawdown_percentile=120.0: must be between 0 and 100"),
        (["guard.drawdown_percentile=many"], "guard.drawdown_percentile: Value 'many'"),
        (["guard.drawdown_threshold=0.1"], "guard.drawdown_threshold=0.1: this threshold is fitted"),
        (["guard.drawdown_percentle=80"], "Did you mean 'drawdown_percentile'?"),
        (["guard.window=2000"], "guard.window=2000: the train split has 1561 decisions"),
    ],
)
def test_an_impossible_fit_stops_with_one_message(shell: Shell, arguments: list[str], expected: str) -> None:
    refused = shell.evaluate("guard=fitted", *arguments)
    assert refused.status == 2 and expected in refused.err and refused.err.count("Error:") == 1


def test_a_training_cannot_end_in_a_comparison(shell: Shell) -> None:
    refused = shell.train("protocol=guard_ab", *SMOKE)
    assert refused.status == 2 and "protocol=guard_ab: a training cannot use it" in refused.err


def test_a_guard_that_is_left_out_is_reported(shell: Shell) -> None:
    judged = shell.evaluate("protocol=guard_ab", "guard=initial", FEW)
    assert judged.status == 0 and "the command's own guard is not compared" in judged.err
