"""``study.json``: the study of a sweep's folder and a summary of it, for readers that cannot or should not open it.

Optuna is not imported here: most folders have no study.
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
    """The content of ``study.json``; ``file`` is the storage's path, where the storage is a file."""

    storage: str
    file: Annotated[str, Rule("the path of a file", lambda value: value and "\0" not in value)] | None
    study_name: str
    trials: Annotated[int, Whole(0, MAX_TRIALS)]
    objectives: dict[str, float]
    best: str | None


class StudyState(NamedTuple):
    """The state of a study: the number of finished trials, failed ones included, and their objectives.

    ``objectives``, ``best`` and those still ``running`` are keyed by the trial's number, which is also its folder's
    name.
    """

    trials: int
    objectives: dict[str, float]
    best: str | None
    running: tuple[str, ...] = ()


def has_study(folder: Path) -> bool:
    """Return whether a folder has a study or a record of one."""
    return (folder / RECORD).exists() or (folder / STUDY).exists()


def recorded_state(record: Record) -> StudyState:
    """Return the state of a study when its record was written."""
    return StudyState(record["trials"], record["objectives"], record["best"])


def read_record(folder: Path) -> Record | None:
    """Return the checked record of a sweep's folder; None without one."""
    path = folder / RECORD
    if not path.exists():
        return None
    try:
        record: Record = require(read_json(path), Record, str(path))
    except FileError as error:
        raise FileError(f"{error} Continuing the sweep writes the record again.") from error
    return record
