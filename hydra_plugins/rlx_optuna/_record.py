"""``study.json``: which study a sweep's folder is of, and what that held, for whoever cannot or should not open it.

Optuna is not imported here: most folders that are asked for a study have none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rlx.errors import FileError
from rlx.evaluate.trials import MAX_TRIALS
from rlx.untrusted.documents import read_json

RECORD = "study.json"
STUDY = "study.db"
"""The file of a sweep's study in the sweep's folder, where no other storage is set."""


class Held(NamedTuple):
    """What a study holds: trials that ran to their end, failed ones included, and the objectives of those with one.

    ``objectives``, ``best`` and those still ``running``, by the number of the trial, which its folder is named by.
    """

    trials: int
    objectives: dict[str, float]
    best: str | None
    running: tuple[str, ...] = ()


def has_study(folder: Path) -> bool:
    """Return whether a folder has a study, or the record of one."""
    return (folder / RECORD).exists() or (folder / STUDY).exists()


def held_by(record: Mapping[str, Any]) -> Held:
    """Return what a study held when its record was written."""
    return Held(record["trials"], record["objectives"], record["best"])


def read_record(folder: Path) -> dict[str, Any] | None:
    """Return the checked record of a sweep's folder, None without one."""
    path = folder / RECORD
    if not path.exists():
        return None
    record = read_json(path)
    if not isinstance(record, dict) or (wrong := _wrong(record)) is not None:
        what = "not an object" if not isinstance(record, dict) else f"{wrong} is missing or not what it should be"
        raise FileError(f"{path}: not the record of a study ({what}). Continuing the sweep writes it again.")
    return record


def _wrong(record: Mapping[str, Any]) -> str | None:
    """Return the first field that is not of its kind."""
    objectives = record.get("objectives")
    right = {
        "storage": isinstance(record.get("storage"), str),
        "file": record.get("file", 0) is None or _is_path(record.get("file")),
        "study_name": isinstance(record.get("study_name"), str),
        "trials": _is_count(record.get("trials")),
        "objectives": isinstance(objectives, dict) and all(_is_number(value) for value in objectives.values()),
        "best": record.get("best", 0) is None or isinstance(record.get("best"), str),
    }
    return next((name for name, fine in right.items() if not fine), None)


def _is_path(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and "\0" not in value


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_TRIALS


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
