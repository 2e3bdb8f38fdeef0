"""``study.json``: which study a sweep's folder is of, and what that held, for whoever cannot or should not open it.

Optuna is not imported here: most folders that are asked for a study have none.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NamedTuple, TypedDict

from rlx.errors import FileError
from rlx.measures.trials import MAX_TRIALS
from rlx.ranges import Whole
from rlx.untrusted.documents import read_json
from rlx.untrusted.plain_types import Rule, require

RECORD = "study.json"
STUDY = "study.db"
"""The file of a sweep's study in the sweep's folder, where no other storage is set."""


class Record(TypedDict):
    """What ``study.json`` holds; ``file`` is the storage's, where it is one."""

    storage: str
    file: Annotated[str, Rule("the path of a file", lambda value: value and "\0" not in value)] | None
    study_name: str
    trials: Annotated[int, Whole(0, MAX_TRIALS)]
    objectives: dict[str, float]
    best: str | None


class StudyState(NamedTuple):
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


def recorded_state(record: Record) -> StudyState:
    """Return what a study held when its record was written."""
    return StudyState(record["trials"], record["objectives"], record["best"])


def read_record(folder: Path) -> Record | None:
    """Return the checked record of a sweep's folder, None without one."""
    path = folder / RECORD
    if not path.exists():
        return None
    try:
        record: Record = require(read_json(path), Record, str(path))
    except FileError as error:
        raise FileError(f"{error} Continuing the sweep writes the record again.") from error
    return record
