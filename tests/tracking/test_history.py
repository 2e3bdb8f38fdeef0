"""What a killed run logged up to its checkpoint is in the resumed run's files, once."""

from __future__ import annotations

import json
from pathlib import Path

from rlx.tracking.history import carry_history, read_rows
from rlx.tracking.loggers import RunFolderCsvLogger


def logged(folder: Path) -> RunFolderCsvLogger:
    """Log three updates, one validation, and a judgement whose step is that of an update."""
    folder.mkdir()
    logger = RunFolderCsvLogger(folder)
    for step in range(3):
        logger.log_metrics({"train/loss": 0.1 + step / 3, "epoch": 0}, step)
    logger.log_metrics({"val/sharpe": float("nan"), "epoch": 0}, 1)
    logger.log_metrics({"eval/sharpe": 1.0, "guard/drawdown_hit_rate": 0.5}, 1)
    logger.save()
    return logger


def test_rows_up_to_the_checkpoint_are_logged_again(tmp_path: Path) -> None:
    logged(tmp_path / "old")
    (tmp_path / "new").mkdir()
    new = RunFolderCsvLogger(tmp_path / "new")
    carry_history(tmp_path / "old", tmp_path / "new", [new], updates=2)
    rows = read_rows(tmp_path / "new" / "metrics.csv")
    assert [row["step"] for row in rows] == [0, 1, 1]
    assert [row.get("train/loss") for row in rows] == [0.1, 0.1 + 1 / 3, None]
    kept = [line for line in (tmp_path / "old" / "metrics.csv").read_text().splitlines() if "nan" in line]
    assert len(kept) == 1 and "nan" in (tmp_path / "new" / "metrics.csv").read_text()


def test_json_lines_are_carried_where_no_logger_writes_them(tmp_path: Path) -> None:
    logged(tmp_path / "old")
    (tmp_path / "new").mkdir()
    lines = [json.dumps({"step": step, "loss": step / 3}) + "\n" for step in range(4)]
    (tmp_path / "old" / "metrics.jsonl").write_text("".join(lines) + '{"step": 1, "lo')
    carry_history(tmp_path / "old", tmp_path / "new", [], updates=2)
    assert (tmp_path / "new" / "metrics.jsonl").read_text() == "".join(lines[:2])


def test_a_row_cut_short_by_a_kill_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("epoch,step,train/loss\n0,0,0.5\n0,1")
    assert read_rows(tmp_path / "metrics.csv") == [{"epoch": 0, "step": 0, "train/loss": 0.5}]
    assert read_rows(tmp_path / "nothing.csv") == []
