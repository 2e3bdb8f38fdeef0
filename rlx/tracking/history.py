"""What an earlier run logged, logged again by the loggers of the run that goes on from it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger

from rlx.tracking.json_lines import METRICS_FILE

OF_THE_JUDGEMENT = "eval/"


def carry_history(run: Path, loggers: Iterable[Logger], updates: int) -> None:
    """Log again what ``run`` logged in its first ``updates`` updates.

    Later rows are the resumed run's to log, and so is the judgement that a stopped run ended in. The rows come from
    ``metrics.jsonl``, which no kill can leave without one that was logged.
    """
    rows = [row for row in read_rows(run / METRICS_FILE) if _is_kept(row, updates)]
    for logger in loggers:
        for row in rows:
            logger.log_metrics({name: value for name, value in row.items() if name != "step"}, int(row["step"]))
        logger.save()


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a ``metrics.jsonl``, NaN for null; a last row cut short by a kill is left out."""
    if not path.is_file():
        return []
    rows = [_parsed(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [{name: math.nan if value is None else value for name, value in row.items()} for row in rows if row]


def _is_kept(row: Mapping[str, Any], updates: int) -> bool:
    return 0 <= row.get("step", -1) < updates and not any(name.startswith(OF_THE_JUDGEMENT) for name in row)


def _parsed(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError:
        return {}  # cut short by a kill
    return row if isinstance(row, dict) else {}
