"""``metrics.jsonl``: rows as they were logged, at once, whatever becomes of the process."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rlx.tracking.config import LoggerConfig, WandbMode
from rlx.tracking.json_lines import JsonLinesLogger
from rlx.tracking.loggers import build_loggers, close_loggers, log_final

KILLED = """
import os, signal, sys
from pathlib import Path
from rlx.tracking.json_lines import JsonLinesLogger
logger = JsonLinesLogger(Path(sys.argv[1]))
for step in range(250):
    logger.log_metrics({"train/loss": 1.0 / (1 + step)}, step)
os.kill(os.getpid(), signal.SIGKILL)
"""


def rows(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "metrics.jsonl").read_text(encoding="utf-8")
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def test_a_row_is_one_object_with_its_step_first(tmp_path: Path) -> None:
    logger = JsonLinesLogger(tmp_path)
    logger.log_metrics({"train/loss": 0.1, "epoch": 0}, 16)
    assert (tmp_path / "metrics.jsonl").read_text() == '{"step": 16, "train/loss": 0.1, "epoch": 0}\n'


def test_numbers_of_every_kind_come_back_and_those_that_do_not_exist_are_null(tmp_path: Path) -> None:
    logged = {
        "train/loss": torch.tensor(0.5), "train/entropy": np.float32(0.25), "perf/updates": 3,
        "val/sharpe": float("nan"), "val/calmar": float("inf"), "val/sortino": torch.tensor(float("nan")),
    }  # fmt: skip
    JsonLinesLogger(tmp_path).log_metrics(logged, 1)
    assert rows(tmp_path) == [
        {"step": 1, "train/loss": 0.5, "train/entropy": 0.25, "perf/updates": 3}
        | dict.fromkeys(("val/sharpe", "val/calmar", "val/sortino"))
    ]


def test_what_is_not_a_number_is_refused_before_it_is_half_written(tmp_path: Path) -> None:
    logger = JsonLinesLogger(tmp_path)
    with pytest.raises(TypeError, match="object cannot be stored in a JSON file"):
        logger.log_metrics({"train/loss": 0.5, "train/entropy": object()}, 1)
    logger.log_metrics({"train/loss": 0.25}, 2)
    assert rows(tmp_path) == [{"step": 2, "train/loss": 0.25}]


def test_a_row_can_be_read_as_soon_as_it_is_logged(tmp_path: Path) -> None:
    logger = JsonLinesLogger(tmp_path)
    for step in range(5):
        logger.log_metrics({"train/loss": 0.5}, step)
        assert [row["step"] for row in rows(tmp_path)] == list(range(step + 1))


@pytest.mark.slow
def test_a_killed_process_leaves_every_row(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert rows(tmp_path) == [{"step": step, "train/loss": 1.0 / (1 + step)} for step in range(250)]


def test_both_files_agree_down_to_the_row_after_the_training(tmp_path: Path) -> None:
    loggers = build_loggers(LoggerConfig(wandb=WandbMode.disabled), tmp_path, "a run", {})
    for logger in loggers:
        logger.log_metrics({"train/loss": 0.5}, 16)
        logger.log_metrics({"val/sharpe": float("nan")}, 32)
        logger.finalize("success")  # as the Trainer does, before the scorecard is known
    log_final(loggers, {"eval/sharpe": 1.25, "eval/turnover": 0.08}, 32)
    close_loggers(loggers)
    assert rows(tmp_path) == [
        {"step": 16, "train/loss": 0.5},
        {"step": 32, "val/sharpe": None},
        {"step": 32, "eval/sharpe": 1.25, "eval/turnover": 0.08},
    ]
    with (tmp_path / "metrics.csv").open() as file:
        assert [int(row["step"]) for row in csv.DictReader(file)] == [16, 32, 32]


def test_a_new_run_starts_a_new_file(tmp_path: Path) -> None:
    JsonLinesLogger(tmp_path).log_metrics({"train/loss": 0.5}, 0)
    JsonLinesLogger(tmp_path).log_metrics({"train/loss": 0.25}, 0)
    assert rows(tmp_path) == [{"step": 0, "train/loss": 0.25}]
