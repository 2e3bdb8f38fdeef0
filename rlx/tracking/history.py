"""The rows logged by an earlier run, logged again by the run that resumes it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger

from rlx.errors import FileError
from rlx.run_folder import RunFolder
from rlx.untrusted.documents import parse_json
from rlx.untrusted.plain_types import require
from rlx.untrusted.shown import shown
from rlx.untrusted.text import decode

OF_THE_JUDGEMENT = "eval/"
MAX_LINE_BYTES = 2**20
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_./@-]*", re.ASCII)
Row = dict[str, Any]


def carry_history(rows: Iterable[Row], loggers: Iterable[Logger]) -> None:
    """Log the rows of an earlier run again."""
    kept = list(rows)
    for logger in loggers:
        for row in kept:
            logger.log_metrics({name: value for name, value in row.items() if name != "step"}, int(row["step"]))
        logger.save()


def history_of(run: Path, updates: int) -> list[Row]:
    """Return the rows of ``run`` from its first ``updates`` updates; FileError names a damaged line.

    Later rows are the resumed run's to log, and so is the judgement that a stopped run ended in. The rows come from
    ``metrics.jsonl``, which no kill can leave without one that was logged.
    """
    return [row for row in read_rows(RunFolder(run).metrics) if _is_kept(row, updates)]


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a ``metrics.jsonl``, NaN for null; a last row truncated by a kill is omitted."""
    if not path.exists():
        return
    if not path.is_file():
        raise FileError(f"{path}: not a regular file.")
    with path.open("rb") as lines:
        for number, line in enumerate(iter(lambda: lines.readline(MAX_LINE_BYTES), b""), 1):
            if line.endswith(b"\n"):
                yield _parsed(line, f"{path}: line {number}")
            elif len(line) == MAX_LINE_BYTES:
                raise FileError(f"{path}: line {number} is longer than {MAX_LINE_BYTES / 2**20:g} MiB.")


def _is_kept(row: Mapping[str, Any], updates: int) -> bool:
    return row["step"] < updates and not any(name.startswith(OF_THE_JUDGEMENT) for name in row)


def _parsed(line: bytes, name: str) -> Row:
    row: Row = require(parse_json(decode(line, name), name), dict[str, float | None], name)
    require(row.get("step"), int, name, "step")
    if row["step"] < 0 or (odd := [key for key in row if not NAME.fullmatch(key)]):
        found = f"step {row['step']}" if row["step"] < 0 else shown(odd[0])
        raise FileError(f"{name}: has {found}, which no run logs.")
    return {key: math.nan if value is None else value for key, value in row.items()}
