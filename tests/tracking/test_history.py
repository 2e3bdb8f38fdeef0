"""What a killed run logged up to its checkpoint is in the resumed run's files, once."""

from __future__ import annotations

import math
from pathlib import Path

from rlx.tracking.history import carry_history, history_of, read_rows
from rlx.tracking.json_lines import JsonLinesLogger
from rlx.tracking.loggers import RunFolderCsvLogger


def log_a_run(folder: Path) -> None:
    """Log three updates, one validation, and a judgement whose step is that of an update."""
    folder.mkdir()
    logger = JsonLinesLogger(folder)
    for step in range(3):
        logger.log_metrics({"train/loss": 0.1 + step / 3, "epoch": 0}, step)
    logger.log_metrics({"val/sharpe": float("nan"), "epoch": 0}, 1)
    logger.log_metrics({"eval/sharpe": 1.0, "guard/drawdown_hit_rate": 0.5}, 1)


def test_rows_up_to_the_checkpoint_are_logged_again(tmp_path: Path) -> None:
    log_a_run(tmp_path / "old")
    (tmp_path / "new").mkdir()
    lines, table = JsonLinesLogger(tmp_path / "new"), RunFolderCsvLogger(tmp_path / "new")
    carry_history(history_of(tmp_path / "old", updates=2), [lines, table])
    old, new = ((tmp_path / run / "metrics.jsonl").read_text().splitlines() for run in ("old", "new"))
    assert new == [old[0], old[1], old[3]]
    heading, *rows = (tmp_path / "new" / "metrics.csv").read_text().splitlines()
    assert len(rows) == 3 and "val/sharpe" in heading
    assert str(0.1 + 1 / 3) in rows[1] and "nan" in rows[2]


def test_a_row_cut_short_by_a_kill_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 0, "train/loss": 0.5}\n{"step": 1, "train/loss": null}\n{"step": 2, "lo')
    first, second = read_rows(path)
    assert first == {"step": 0, "train/loss": 0.5}
    assert second["step"] == 1 and math.isnan(second["train/loss"])
    assert list(read_rows(tmp_path / "nothing.jsonl")) == []
