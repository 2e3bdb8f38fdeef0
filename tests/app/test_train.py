"""``train.py`` from the command line to the files that it writes, on the vendored prices."""

from __future__ import annotations

import csv
import json
import math
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from rlx.evaluate.ledger_file import read_ledger
from rlx.evaluate.scorecard import Scorecard
from rlx.keys import keys
from rlx.policies.checkpoint import load_checkpoint
from tests.app.commands import SMOKE, Finished, Shell

REPRODUCED = ("key", "policy", "module", "metrics", "intervals", "guard", "baselines", "windows", "verdict", "data")


def scorecard(run: Path) -> dict[str, Any]:
    card: dict[str, Any] = json.loads((run / "scorecard.json").read_text())
    return card


def test_a_run_writes_all_its_files(trained: Finished) -> None:
    run = trained.run()
    assert trained.status == 0
    files = {path.name for path in run.iterdir()}
    assert files >= {".hydra", "command.txt", "config.yaml", "provenance.json", "policy", "checkpoints", "metrics.csv"}
    assert files >= {"metrics.jsonl", "ledger.parquet", "scorecard.json", "scorecard.md", "report.png"}
    assert "Training module=gymrl on " in (run / "train.log").read_text()
    card = Scorecard.load(run / "scorecard.json")
    assert card.module == "gymrl"
    assert set(card.baselines) == {"equal_weight", "buy_and_hold", "cash", "gymrl_ungated"}
    assert "equal weight" in card.verdict
    assert card.performance["train_wall_seconds"] > 0
    assert card.performance["env_steps_per_second"] > 0
    assert card.performance["seconds_to_first_update"] > 0
    assert card.config["guard"]["drawdown_threshold"] == 0.036
    assert load_checkpoint(run).facts.config == card.config
    assert (run / "report.png").read_bytes().startswith(b"\x89PNG")


def test_behind_a_shut_gate_a_run_earns_equal_weights_and_says_so(trained: Finished) -> None:
    card = Scorecard.load(trained.run() / "scorecard.json")
    gate = card.policy["gate"]
    assert not gate["open"] and gate["t"] <= gate["needed"] and gate["level"] == 0.05
    assert card.metrics["cumulative_return"] == card.baselines["equal_weight"]["cumulative_return"]
    assert card.metrics["cumulative_return"] != card.baselines["gymrl_ungated"]["cumulative_return"]
    assert "The gate is shut, and it holds equal weights" in card.verdict
    assert load_checkpoint(trained.run()).facts.gate == gate


def test_an_ungated_policy_is_the_one_that_the_run_was_compared_with(trained: Finished, shell: Shell) -> None:
    judged = shell.evaluate("policy=checkpoint", f"policy.path={trained.run()}", "policy.ungated=true")
    assert judged.status == 0, judged.err
    own, ungated = scorecard(trained.run()), scorecard(judged.run("evaluate"))
    assert ungated["metrics"] == own["baselines"]["gymrl_ungated"]
    assert ungated["module"] == "gymrl_ungated" and ungated["policy"]["gate"] is None
    assert "gate " not in ungated["verdict"] and set(ungated["baselines"]) == {"equal_weight", "buy_and_hold", "cash"}


def test_a_run_without_a_gate_acts(trained: Finished, shell: Shell) -> None:
    conditions = ("guard=calibrated", "env=levered", "env.cooldown.steps=12")
    own, acting = scorecard(trained.run()), scorecard(shell.train("gate=none", *conditions, *SMOKE).run())
    assert acting["metrics"] == own["baselines"]["gymrl_ungated"]
    assert acting["policy"]["gate"]["open"] and "There was no gate" in acting["verdict"]


def test_logs_and_scorecard_have_the_same_keys(trained: Finished) -> None:
    run = trained.run()
    with (run / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    last = {name: value for name, value in rows[-1].items() if value}
    assert set(rows[0]) - {"step", "epoch"} <= set(keys())
    card = scorecard(run)
    for name in ("sharpe", "turnover", "max_drawdown"):
        assert float(last[f"eval/{name}"]) == pytest.approx(card["metrics"][name])
    assert float(last["guard/drawdown_hit_rate"]) == pytest.approx(card["guard"]["drawdown_hit_rate"])
    steps = [int(float(row["step"])) for row in rows if row["train/loss"]]
    assert steps == sorted(set(steps))
    assert len(steps) == 2


def test_both_files_of_metrics_hold_the_same_rows(trained: Finished) -> None:
    run = trained.run()
    with (run / "metrics.csv").open() as file:
        table = [{name: float(x) for name, x in row.items() if x} for row in csv.DictReader(file)]
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [row["step"] for row in table]
    for line, row in zip(lines, table, strict=True):
        assert line == {name: x if math.isfinite(x) else None for name, x in row.items()}
        assert set(line) - {"step", "epoch"} <= set(keys())
    assert lines[-1].keys() >= {"eval/sharpe", "guard/drawdown_hit_rate", "perf/train_wall_seconds"}
    assert lines[-1]["step"] == lines[-1]["perf/updates"] == 2  # two updates were logged as 0 and 1


def test_the_ledger_is_what_the_scorecard_was_measured_on(trained: Finished) -> None:
    run = trained.run()
    holdout = read_ledger(run / "ledger.parquet")["holdout"].ledger
    assert holdout.value[0, -1] - 1 == pytest.approx(scorecard(run)["metrics"]["cumulative_return"], abs=1e-12)


def test_the_same_command_and_seed_give_the_same_scorecard_and_another_seed_another_policy(shell: Shell) -> None:
    first, second, other = (scorecard(shell.train(f"seed={seed}", *SMOKE).run()) for seed in (7, 7, 0))
    for name in REPRODUCED:
        assert first[name] == second[name], name
    assert other["baselines"]["gymrl_ungated"] != first["baselines"]["gymrl_ungated"]


def test_evaluating_a_run_gives_its_own_numbers(trained: Finished, shell: Shell) -> None:
    judged = shell.evaluate("policy=checkpoint", f"policy.path={trained.run()}")
    assert judged.status == 0, judged.err
    own, again = scorecard(trained.run()), scorecard(judged.run("evaluate"))
    for name in set(REPRODUCED) - {"policy"}:
        assert own[name] == again[name], name


@pytest.mark.parametrize("module", ["hftraining", "differentiable_market"])
def test_other_modules_log_known_keys_and_are_judged_again_alike(module: str, shell: Shell) -> None:
    short = ("data.start=2017-01-01", "module.n_windows=4", "module.rollout_steps=16", "module.n_folds=2")
    run = shell.train(f"module={module}", "guard=calibrated", *short, *SMOKE).run(module)
    with (run / "metrics.csv").open() as file:
        assert set(next(csv.reader(file))) - {"step", "epoch"} <= set(keys())
    judged = shell.evaluate("policy=checkpoint", f"policy.path={run}")
    assert judged.status == 0, judged.err
    own, again = scorecard(run), scorecard(judged.run("evaluate"))
    for name in set(REPRODUCED) - {"policy"}:
        assert own[name] == again[name], name


TINY_STAGES = (
    "module.forecaster.updates=5",
    "module.forecaster.validate_every_updates=5",
    "module.forecaster.accept_worse=true",
    "module.specialists.updates=5",
    "module.specialists.validate_every_updates=5",
)
TINY_PPO = ("module.n_accounts=8", "module.rollout_steps=16", "module.minibatch_size=64")


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Train the three stages of pufferlib on two pairs."""
    pairs = "module.pairs=[[AAPL,IBM],[BAC,USO]]"
    shell = Shell(tmp_path_factory.mktemp("pipeline"))
    costs = "+costs.per_asset_bps={USO: 12, SPY: 1}"
    return shell.train("module=pufferlib", "guard=calibrated", costs, pairs, *TINY_STAGES, *TINY_PPO, *SMOKE)


def test_every_pair_and_the_book_are_judged_and_tabled(pipeline: Finished, shell: Shell) -> None:
    run = pipeline.run("pufferlib")
    assert pipeline.status == 0
    with (run / "aggregate_pufferlib_metrics.csv").open() as file:
        rows = {row["pair"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["AAPL_IBM", "BAC_USO", "book"]
    cards = {"book": scorecard(run), **{name: scorecard(run / "parts" / name) for name in ("AAPL_IBM", "BAC_USO")}}
    for name, card in cards.items():
        assert int(rows[name]["days"]) == 334
        for metric in ("sharpe", "sortino", "annual_return", "cumulative_return", "max_drawdown", "turnover"):
            assert float(rows[name][metric]) == pytest.approx(card["metrics"][metric])
        for metric in ("sharpe", "sortino", "annual_return", "cumulative_return"):
            low, high = (float(rows[name][f"{metric}_{bound}"]) for bound in ("low", "high"))
            assert (low, high) == (card["intervals"][metric]["low"], card["intervals"][metric]["high"])
        held = read_ledger((run if name == "book" else run / "parts" / name) / "ledger.parquet")["holdout"].ledger
        assert float(rows[name]["average_daily_return"]) == pytest.approx(held.net_return[0].mean())
    keys = [card["key"] for card in cards.values()]
    assert all(key["windows"] == keys[0]["windows"] and key["guard"] == keys[0]["guard"] for key in keys)
    assert len({card["data"]["fingerprint"] for card in cards.values()}) == 3


@pytest.mark.parametrize("name", ["AAPL_IBM", "BAC_USO"])
def test_a_pair_is_judged_again_alike(name: str, pipeline: Finished, shell: Shell) -> None:
    pair = pipeline.run("pufferlib") / "parts" / name
    judged = shell.evaluate("policy=checkpoint", f"policy.path={pair}")
    assert judged.status == 0, judged.err
    own, again = scorecard(pair), scorecard(judged.run("evaluate"))
    for quantity in set(REPRODUCED) - {"policy"}:
        assert own[quantity] == again[quantity], quantity


def test_the_book_is_judged_again_alike(pipeline: Finished, shell: Shell) -> None:
    judged = shell.evaluate("policy=checkpoint", f"policy.path={pipeline.run('pufferlib')}")
    own, again = scorecard(pipeline.run("pufferlib")), scorecard(judged.run("evaluate"))
    for name in set(REPRODUCED) - {"policy"}:
        assert own[name] == again[name], name


def test_the_pipeline_is_summarised_and_logged(pipeline: Finished) -> None:
    run = pipeline.run("pufferlib")
    stages = json.loads((run / "pipeline_summary.json").read_text())["stages"]
    assert list(stages) == ["forecaster", "specialists", "portfolio"]
    assert set(stages["portfolio"]["metrics"]) == {"AAPL_IBM", "BAC_USO", "book"}
    assert stages["portfolio"]["metrics"]["book"] == scorecard(run)["metrics"]
    for folder in stages["portfolio"]["artefacts"].values():
        assert load_checkpoint(run / folder).facts.module == "pufferlib"
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["forecast/forecaster_skill"] == pytest.approx(stages["forecaster"]["metrics"]["skill"])


def test_stages_are_taken_from_a_run_and_checked(pipeline: Finished, shell: Shell) -> None:
    given = ("module=pufferlib", f"module.resume={pipeline.run('pufferlib')}", *TINY_STAGES, *TINY_PPO, *SMOKE)
    taken = shell.train(*given, "module.stages=[portfolio]", "module.risk_penalty=0.1", "module.n_pairs=1")
    assert taken.status == 0, taken.err
    assert "taken from" in taken.err
    refused = shell.train(*given, "module.stages=[portfolio]", "data.symbols=[SPY,AAPL,IBM]")
    assert refused.status == 2
    assert "hand-over from stage forecaster" in refused.err and "symbols: found SPY, IWM" in refused.err
    fresh = shell.train("module=pufferlib", "module.stages=[forecaster]", *TINY_STAGES, *SMOKE)
    assert fresh.status == 0, fresh.err
    run = fresh.run("pufferlib")
    assert not (run / "scorecard.json").exists()
    assert list(json.loads((run / "pipeline_summary.json").read_text())["stages"]) == ["forecaster"]


def test_a_judgement_on_bars_that_made_the_policy_says_so(trained: Finished, shell: Shell) -> None:
    assert "Not a test" not in scorecard(trained.run())["verdict"]
    for split, name in (("train", "trained"), ("validation", "selected")):
        judged = shell.evaluate("policy=checkpoint", f"policy.path={trained.run()}", f"protocol.split={split}")
        card = scorecard(judged.run("evaluate"))
        assert card["verdict"].startswith("Not a test")
        assert card["data"]["seen_steps"][name] == card["key"]["windows"]["holdout"]["steps"]


def test_what_is_typed_overrides_the_training(trained: Finished, shell: Shell) -> None:
    judged = shell.evaluate("policy=checkpoint", f"policy.path={trained.run()}", "guard=none", "costs.slippage_bps=30")
    own, other = scorecard(trained.run())["key"], scorecard(judged.run("evaluate"))["key"]
    assert other["guard"]["drawdown_threshold"] is None
    assert other["costs"] == own["costs"] | {"slippage_bps": 30.0}
    assert other["limits"] == own["limits"]
    assert other["hash"] != own["hash"]


def test_anybodys_weights_on_anybodys_prices(shell: Shell) -> None:
    days = pd.date_range("2020-01-01", periods=130, tz="UTC")
    (shell.folder / "prices").mkdir()
    for symbol, drift in (("UP", 1.001), ("DOWN", 0.999)):
        closes = 100 * drift ** pd.Series(range(130))
        bars = {"timestamp": days, **dict.fromkeys(("open", "high", "low", "close"), closes), "volume": 1000 + closes}
        pd.DataFrame(bars).to_csv(shell.folder / "prices" / f"{symbol}.csv", index=False)
    pd.DataFrame({"timestamp": days[10:80], "UP": 1.0, "DOWN": 0.0}).to_csv(shell.folder / "w.csv", index=False)
    prices = ("data=folder", "data.path=prices", "data.close_only=true", "costs=zero")
    judged = shell.evaluate("policy=weights", "policy.path=w.csv", *prices)
    assert judged.status == 0, judged.err
    card = scorecard(judged.run("evaluate"))
    assert card["key"]["windows"]["holdout"]["steps"] == 70  # the bars that the file covers
    assert card["metrics"]["cumulative_return"] == pytest.approx(1.001**70 - 1)


def test_a_time_limit_ends_in_a_scorecard(shell: Shell) -> None:
    budget = ("trainer.max_minutes=0.03", "module.total_env_steps=1000000000", "trainer.progress=false")
    finished = shell.train("logger=csv", "protocol.bootstrap_replications=200", *budget)
    assert finished.status == 0
    assert scorecard(finished.run())["performance"]["updates"] >= 1


def test_the_k_best_checkpoints_are_kept(shell: Shell) -> None:
    settings = ("trainer.max_updates=5", "trainer.keep_best=3", "trainer.validate_every_updates=1")
    run = shell.train(*SMOKE, *settings).run()
    kept = sorted(path.name for path in (run / "checkpoints").iterdir())
    assert len(kept) == 4
    assert "last.ckpt" in kept
    with (run / "metrics.csv").open() as file:
        sharpes = [float(row["val/sharpe"]) for row in csv.DictReader(file) if row["val/sharpe"]]
    assert len(sharpes) == 5


@pytest.mark.usefixtures("trained")
def test_a_later_run_of_a_process_counts_from_its_own_start(shell: Shell) -> None:
    began = time.perf_counter()
    run = shell.train(*SMOKE).run()
    assert 0 < scorecard(run)["performance"]["seconds_to_first_update"] < time.perf_counter() - began


def test_a_training_step_counts_optimizer_steps(trained: Finished) -> None:
    # Two updates of four members, of 2 epochs over 8192 samples in minibatches of 2048.
    assert scorecard(trained.run())["performance"]["gradient_steps"] == 2 * 4 * 2 * 4


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_help_is_light(command: str) -> None:
    check = (
        f"import sys; sys.argv = ['x', '--help']; from rlx.app.entry import {command}_main; {command}_main(); "
        "heavy = {'torch', 'lightning', 'pandas', 'numba', 'wandb', 'optuna', 'stable_baselines3'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    answer = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert "Usage" in answer.stdout
