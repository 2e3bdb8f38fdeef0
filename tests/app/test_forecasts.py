"""Forecasts from the command line: features of a training and of its judgement, policies, marks and refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rlx.board.store import Scoreboard
from rlx.policies.checkpoint import load_checkpoint
from tests.app.commands import SMOKE, Finished, Shell

FEATURES = "data.features=[return_1,forecast_volatility,forecast_q10]"
FORECASTER = ("forecaster=block_bootstrap", "forecaster.n_samples=16", "forecaster.lookback_bars=100")


def scorecard(run: Path) -> dict[str, Any]:
    card: dict[str, Any] = json.loads((run / "scorecard.json").read_text())
    return card


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    shell = Shell(tmp_path_factory.mktemp("forecasts"))
    return shell.train(*SMOKE, FEATURES, *FORECASTER, "env.reward.cvar_penalty=0.5")


def test_a_policy_records_its_forecaster_and_is_judged_with_it(trained: Finished) -> None:
    run = trained.run()
    facts = load_checkpoint(run).facts
    assert trained.status == 0 and "has no effect" not in (run / "train.log").read_text()
    assert facts.feature_names == ("return_1", "forecast_volatility", "forecast_q10")
    assert facts.config["forecaster"]["n_samples"] == 16
    again = Shell(trained.folder).evaluate("policy=checkpoint", f"policy.path={run}")
    assert again.status == 0, again.err
    card, theirs = scorecard(again.run("evaluate")), scorecard(run)
    assert card["metrics"] == theirs["metrics"] and card["config"]["forecaster"] == facts.config["forecaster"]


def test_the_forecasts_are_what_its_network_sees(trained: Finished, shell: Shell) -> None:
    given = ("policy=checkpoint", f"policy.path={trained.run()}")
    other = shell.evaluate(*given, "forecaster=block_bootstrap")
    assert other.status == 2
    assert "was trained on forecasts with forecaster.n_samples=16; here it is 256. Leave the" in other.err
    none = shell.evaluate(*given, "forecaster=none")
    assert none.status == 2 and "was trained on forecasts with forecaster._target_=rlx." in none.err


@pytest.mark.slow  # each other future is forecast again
def test_an_audit_finds_no_leak_in_it(trained: Finished) -> None:
    audited = Shell(trained.folder).tools("audit", str(trained.run()), "--dates", "2", "--permutations", "20")
    assert audited.status == 0, audited.out + audited.err
    block = json.loads((trained.run() / "audit.json").read_text())
    assert block["passed"] and any(group["group"] == "features" for group in block["causality"]["groups"])


def test_features_of_forecasts_need_a_forecaster(shell: Shell) -> None:
    finished = shell.train(*SMOKE, FEATURES)
    assert finished.status == 2
    assert (
        "'forecast_volatility' needs a forecaster. Choose one, for example forecaster=filtered_bootstrap"
        in finished.err
    )


def test_a_policy_on_forecasts_records_them(shell: Shell) -> None:
    finished = shell.evaluate("policy=volatility_target", "policy.target_annual=0.05", *FORECASTER)
    assert finished.status == 0, finished.err
    card = scorecard(finished.run("evaluate"))
    assert card["policy"]["forecaster"]["lookback_bars"] == 100 and card["metrics"]["mean_gross_exposure"] < 0.8


def test_forecasts_for_tests_are_marked(shell: Shell) -> None:
    finished = shell.evaluate("policy=volatility_target", "policy.target_annual=0.01", "forecaster=noise")
    card = scorecard(finished.run("evaluate"))
    assert "forecaster=noise is for tests only: its forecasts are noise" in finished.err
    assert card["policy"]["test_only"] == "its forecasts are noise"
    assert card["verdict"].startswith(
        "No evidence of skill: its forecaster is for tests only (its forecasts are noise)."
    )
    assert "may not be claimed" not in card["verdict"] and "cover zero" not in card["verdict"]


def test_a_board_has_a_row_for_each_forecaster(shell: Shell) -> None:
    targets = shell.folder / "targets.yaml"
    targets.write_text("targets:\n  - {policy: strategy}\n  - {policy: cash}\n")
    few = ("data.symbols=[SPY,AAPL]", "data.start=2019-01", "env=long_short", "forecaster=block_bootstrap")
    for samples in (16, 17):
        finished = shell.evaluate(
            "protocol=benchmark", f"protocol.targets={targets}", *few, f"forecaster.n_samples={samples}"
        )
        assert finished.status == 0 and "has no effect" not in finished.err
    entries = Scoreboard.load(shell.folder / "outputs" / "board" / "scoreboard.json").entries
    strategies = {one.target: one for one in entries if one.kind == "strategy"}
    assert len(strategies) == 2 and all(name.startswith("strategy on block_bootstrap ") for name in strategies)
    assert {one.options["forecaster"]["n_samples"] for one in strategies.values()} == {16, 17}
    assert len({one.report for one in strategies.values()}) == 2
    assert {one.target for one in entries if one.kind == "cash"} == {"cash"}


def test_a_board_refuses_forecasts_for_tests(shell: Shell) -> None:
    targets = shell.folder / "targets.yaml"
    targets.write_text("targets:\n  - {name: target, policy: cash}\n")
    finished = shell.evaluate("protocol=benchmark", f"protocol.targets={targets}", "forecaster=oracle")
    assert finished.status == 2 and "is for tests only (it knows the next bar), so nothing" in finished.err
