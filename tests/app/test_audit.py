"""``rlx audit`` on real run folders: what it writes, its exit status, and input that it cannot use."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rlx.cli import main
from rlx.console import late_progress
from rlx.data.features import KINDS, FeatureKind
from rlx.evaluate.scorecard import Scorecard
from tests.app.commands import SMOKE, Finished, Shell

QUICK = ("--dates", "3", "--permutations", "20")


@pytest.fixture
def run(trained: Finished, tmp_path: Path) -> Path:
    """Return a copy of the trained run, to write into."""
    return Path(shutil.copytree(trained.run(), tmp_path / "run"))


def audit(folder: Path, *options: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["audit", str(folder), *(options or QUICK)])
    return int(stop.value.code or 0)


def edit(path: Path, change: Any) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_a_trained_run_passes_and_says_so_on_its_scorecard(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = Scorecard.load(run / "scorecard.json").to_dict()
    assert audit(run) == 0
    out = capsys.readouterr().out
    assert "PASS" in out
    assert "0 of 9" in out
    block = json.loads((run / "audit.json").read_text())
    after = json.loads((run / "scorecard.json").read_text())
    assert after.pop("audit") == block
    assert after == before
    assert block["passed"] is True
    assert block["replayed_cumulative_return"] == pytest.approx(before["metrics"]["cumulative_return"], abs=1e-5)
    assert block["steps"] == before["key"]["windows"]["holdout"]["steps"]
    text = (run / "scorecard.md").read_text()
    assert text.count("\n## Audit\n") == 1
    assert "features of every asset" in text
    assert not list(run.glob(".*.tmp"))


def test_plans_are_audited_under_the_costs_they_were_judged_with(shell: Shell) -> None:
    order = {"symbol": "AAPL", "action": "buy", "quantity": 5, "execution_session": "market_open"}
    plans = shell.folder / "plans"
    plans.mkdir()
    for day, action in (("2020-08-03", "buy"), ("2020-08-10", "sell")):
        plan = {"target_date": day, "instructions": [{**order, "action": action}]}
        (plans / f"{day}.json").write_text(json.dumps(plan), encoding="utf-8")
    quick = ("policy.monte_carlo_paths=null", "protocol.bootstrap_replications=200", "protocol.window_steps=5")
    judged = shell.evaluate("policy=plan", "policy.path=plans", "costs=stress", *quick, "hydra.run.dir=judged")
    assert judged.status == 0, judged.err
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(shell.folder)
        assert audit(shell.folder / "judged", "--dates", "3", "--permutations", "0") == 0
    card = Scorecard.load(shell.folder / "judged" / "scorecard.json")
    assert card.audit["replayed_cumulative_return"] == pytest.approx(card.metrics["cumulative_return"], abs=1e-9)


def test_a_second_audit_replaces_the_first(run: Path) -> None:
    assert audit(run) == 0
    assert audit(run, "--dates", "2", "--permutations", "0", "--seed", "3") == 0
    card = Scorecard.load(run / "scorecard.json")
    assert card.audit["seed"] == 3
    assert len(card.audit["causality"]["dates"]) == 2
    assert card.audit["shuffle"]["passed"] is None
    assert (run / "scorecard.md").read_text().count("\n## Audit\n") == 1


def test_the_same_audit_gives_the_same_document(run: Path) -> None:
    documents = []
    for _ in range(2):
        audit(run)
        documents.append((run / "audit.json").read_text())
    assert documents[0] == documents[1]


def test_a_leaking_feature_fails_the_run(
    shell: Shell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ahead(bars: dict[str, pd.DataFrame], n: int) -> pd.DataFrame:
        return (bars["close"].shift(-1) / bars["close"] - 1.0).fillna(0.0)

    run = shell.train(*SMOKE, "gate=none", "module.n_folds=1").run()  # behind a shut gate no feature matters
    monkeypatch.setitem(KINDS, "return", FeatureKind(ahead))
    assert audit(run) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "FAIL. A leak in the features of every asset" in out
    card = Scorecard.load(run / "scorecard.json")
    assert card.audit["passed"] is False
    assert "what was audited is not what was judged" in card.audit["verdict"]


@pytest.mark.parametrize(
    ("policy", "status", "words"),
    [
        ("policy=equal_weight", 0, "PASS"),
        ("policy=momentum", 0, "PASS"),
        ("policy=hindsight", 1, "hindsight receives the future"),
    ],
)
def test_evaluations_can_be_audited(
    shell: Shell, capsys: pytest.CaptureFixture[str], policy: str, status: int, words: str
) -> None:
    done = shell.evaluate(policy, "data=synthetic", "data.n_bars=700", "hydra.run.dir=judged")
    assert done.status == 0, done.err
    assert audit(shell.folder / "judged") == status
    assert words in " ".join(capsys.readouterr().out.split())


def test_weights_from_a_file_pass_with_a_note_on_their_maker(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    days = pd.bdate_range("2011-01-03", "2012-01-02", name="date")[::20]
    pd.DataFrame({"S0": 0.5, "S1": 0.5}, index=days).to_csv(shell.folder / "w.csv")
    weights = f"policy.path={shell.folder / 'w.csv'}"
    done = shell.evaluate("policy=weights", weights, "data=synthetic", "hydra.run.dir=judged")
    assert done.status == 0, done.err
    assert audit(shell.folder / "judged") == 0
    assert "what their author knew about the future" in " ".join(capsys.readouterr().out.split())


def test_bad_input_is_one_error_and_leaves_the_run_alone(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    for folder, options, words in (
        (tmp_path / "nowhere", QUICK, "does not exist"),
        (tmp_path / "empty", QUICK, "no such file"),
        (run, ("--dates", "1"), "--dates=1: must be at least 2"),
        (run, ("--permutations", "5"), "--permutations=5: must be at least 20, or 0"),
        (run, ("--seed", "-1"), "--seed=-1: must not be negative"),
        (run / "scorecard.json", QUICK, "not a folder"),
    ):
        assert audit(folder, *options) == 2
        error = capsys.readouterr().err
        assert error.startswith("Error: ")
        assert error.count("\n") == 1
        assert words in error
    assert not (run / "audit.json").exists()


def test_other_data_rules_or_windows_than_those_judged_are_refused(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (run / "scorecard.json").read_text()

    def other_data(card: dict[str, Any]) -> None:
        card["key"]["data"] = "0123456789abcdef"

    def other_rules(card: dict[str, Any]) -> None:
        card["key"]["costs"]["slippage_bps"] = 1.0

    def other_windows(card: dict[str, Any]) -> None:
        card["key"]["windows"]["holdout"]["steps"] -= 1

    for change, words in (
        (other_data, "judged on data with fingerprint 0123456789abcdef"),
        (other_rules, "costs of its configuration"),
        (other_windows, "no hold-out in its market"),
    ):
        (run / "scorecard.json").write_text(whole)
        edit(run / "scorecard.json", change)
        assert audit(run) == 2
        assert words in capsys.readouterr().err


def test_damaged_records_are_named(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.evaluate("policy=cash", "data=synthetic", "hydra.run.dir=judged")
    folder = shell.folder / "judged"
    capsys.readouterr()
    whole = (folder / "config.yaml").read_text()
    for content, words in (
        ("a: [1", "config.yaml: not a YAML document"),
        ("a: 1", "no configuration of an evaluation"),
        (whole.replace("commission_bps", "commission"), "costs: was recorded by another version"),
    ):
        (folder / "config.yaml").write_text(content)
        assert audit(folder) == 2
        assert words in capsys.readouterr().err
    (folder / "config.yaml").write_text(whole)
    edit(folder / "scorecard.json", lambda card: card["key"].pop("guard"))
    assert audit(folder) == 2
    assert "its key lacks guard" in capsys.readouterr().err


def test_an_interrupt_ends_without_a_traceback(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(accounts: Any) -> None:
        raise KeyboardInterrupt

    before = {path.name: path.stat().st_mtime_ns for path in run.iterdir()}
    monkeypatch.setattr("rlx.sim.accounts.Accounts.drawdown", property(interrupt))
    assert audit(run) == 130
    assert {path.name: path.stat().st_mtime_ns for path in run.iterdir()} == before


def test_a_foreign_policy_is_not_built(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.evaluate("policy=cash", "data=synthetic", "hydra.run.dir=judged")
    config = shell.folder / "judged" / "config.yaml"
    config.write_text(config.read_text().replace("rlx.policies.baselines.Cash", "os.getcwd"))
    assert audit(shell.folder / "judged") == 2
    assert 'policy._target_ is "os.getcwd", expected one of' in capsys.readouterr().err


def test_progress_is_silent_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with late_progress() as progress:
        for step in range(3):
            progress("work", step + 1, 3)
    assert capsys.readouterr() == ("", "")
