"""What an earlier run logged, carried over into the loggers and the folder of the run that goes on from it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger

from rlx.plain import write_text

CSV = "metrics.csv"
LINES = "metrics.jsonl"
OF_THE_JUDGEMENT = "eval/"


def carry_history(run: Path, run_dir: Path, loggers: Iterable[Logger], updates: int) -> None:
    """Log again what ``run`` logged in its first ``updates`` updates, and copy lines that no logger has written.

    Later rows are the resumed run's to log, and so is the judgement that a stopped run ended in.
    """
    rows = [row for row in read_rows(run / CSV) if _is_kept(row, updates)]
    for logger in loggers:
        for row in rows:
            logger.log_metrics({name: value for name, value in row.items() if name != "step"}, int(row["step"]))
        logger.save()
    if (run / LINES).is_file() and not (run_dir / LINES).exists():
        lines = (run / LINES).read_text(encoding="utf-8").splitlines(keepends=True)
        write_text(run_dir / LINES, "".join(line for line in lines if _is_kept(_parsed(line), updates)))


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a ``metrics.csv`` without their empty cells; a last row cut short by a kill is left out."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [{name: _number(cell) for name, cell in row.items() if cell} for row in rows if None not in row.values()]


def _is_kept(row: Mapping[str, Any], updates: int) -> bool:
    return 0 <= row.get("step", -1) < updates and not any(name.startswith(OF_THE_JUDGEMENT) for name in row)


def _number(cell: str) -> int | float:
    return int(cell) if cell.lstrip("-").isdigit() else float(cell)


def _parsed(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError:
        return {}  # cut short by a kill
    return row if isinstance(row, dict) else {}
