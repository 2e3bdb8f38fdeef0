"""A run's numbers can be read back: from its files, and from the offline W&B run by W&B's own reader."""

from __future__ import annotations

import csv
import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.loggers import Logger, WandbLogger

from rlx.errors import ConfigError
from rlx.keys import keys
from rlx.tracking.config import LoggerConfig, WandbMode
from rlx.tracking.loggers import build_loggers, close_loggers, log_final
from rlx.tracking.wandb_run import has_wandb_key

SETTINGS: dict[str, Any] = {"seed": 0, "guard": {"window": 42}}
SCORECARD = {
    "eval/sharpe": 1.25,
    "eval/turnover": 0.08,
    "guard/drawdown_hit_rate": 0.4,
    "guard/negative_return_hit_rate": 0.0,
    "guard/turnover_hit_rate": 0.05,
    "guard/mean_leverage_scale": 0.82,
    "guard/min_leverage_scale": 0.6,
}


def run(folder: Path, config: LoggerConfig) -> list[Logger]:
    """Log one short run into a run folder as Hydra leaves it."""
    (folder / ".hydra").mkdir(parents=True)
    loggers = build_loggers(config, folder, "a run", SETTINGS)
    for logger in loggers:
        logger.log_metrics({"train/loss": 0.5}, 0)
        logger.log_metrics({"val/sharpe": 0.75}, 1)
    log_final(loggers, SCORECARD, 2)
    close_loggers(loggers)
    return loggers


def inspect(folder: Path) -> Any:
    """Return what W&B's command reads from the offline run in a run folder."""
    (recorded,) = (folder / "wandb").glob("offline-run-*")
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--summary", "--json", str(recorded)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(answer.stdout)


def test_an_offline_run_reads_back_with_its_scorecard(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, LoggerConfig())
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")
    back = inspect(tmp_path)
    assert back["summary"].items() >= {**SCORECARD, "train/loss": 0.5, "val/sharpe": 0.75}.items()
    assert (back["name"], back["project"], back["state"]) == ("a run", "rlx", "finished")
    assert back["config"] == SETTINGS


def test_the_scorecard_keys_are_known_ones() -> None:
    assert set(SCORECARD) <= set(keys())


def test_metrics_csv_lies_in_the_run_folder(tmp_path: Path) -> None:
    loggers = run(tmp_path, LoggerConfig(wandb=WandbMode.disabled))
    assert len(loggers) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hydra", "metrics.csv", "metrics.jsonl"]
    with (tmp_path / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["0", "1", "2"]
    assert (rows[0]["train/loss"], rows[1]["val/sharpe"]) == ("0.5", "0.75")
    assert {key: float(rows[2][key]) for key in SCORECARD} == SCORECARD


def test_two_runs_in_one_process_are_two_runs(tmp_path: Path) -> None:
    for name in ("a", "b"):
        run(tmp_path / name, LoggerConfig())
    assert inspect(tmp_path / "a")["run_id"] != inspect(tmp_path / "b")["run_id"]


def test_online_without_a_key_stays_offline_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="rlx.tracking"):
        loggers = run(tmp_path, LoggerConfig(wandb=WandbMode.online))
    (line,) = caplog.messages
    assert "no API key" in line
    assert isinstance(loggers[-1], WandbLogger)
    assert inspect(tmp_path)["summary"]["eval/sharpe"] == 1.25


def test_a_key_is_found_in_the_environment_or_the_netrc_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not has_wandb_key()
    monkeypatch.setenv("WANDB_API_KEY", "k")
    assert has_wandb_key()
    monkeypatch.delenv("WANDB_API_KEY")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.wandb.ai login user password k\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert has_wandb_key()
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org")
    assert not has_wandb_key()


def test_a_damaged_netrc_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("nonsense\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with pytest.raises(ConfigError, match="netrc is damaged"):
        has_wandb_key()
