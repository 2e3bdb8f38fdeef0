"""The study of a sweep's folder: its state, read from its storage or from ``study.json``, the record next to it.

Optuna is imported only where there is a study: most folders have none.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated, NamedTuple, TypedDict

from rlx.errors import FileError, RlxError
from rlx.measures.trials import MAX_TRIALS
from rlx.ranges import Whole
from rlx.untrusted.documents import read_json
from rlx.untrusted.plain_types import Rule, require

log = logging.getLogger(__name__)

RECORD = "study.json"
STUDY = "study.db"
"""The file of a sweep's study in the sweep's folder, unless another storage is set."""


class Record(TypedDict):
    """The content of ``study.json``; ``file`` is the path of the storage, None for any other kind of storage."""

    storage: str
    file: Annotated[str, Rule("the path of a file", lambda value: value and "\0" not in value)] | None
    study_name: str
    trials: Annotated[int, Whole(0, MAX_TRIALS)]
    objectives: dict[str, float]
    best: str | None


class StudyState(NamedTuple):
    """The state of a study: trials that ended, failed ones included, and the objectives of those that have one.

    ``objectives``, ``best`` and those still ``running`` are keyed by trial number, which is the name of its folder.
    """

    trials: int
    objectives: dict[str, float]
    best: str | None
    running: tuple[str, ...] = ()


def recorded_state(record: Record) -> StudyState:
    """Return the state of a study when its record was written."""
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


def study_of(folder: Path) -> StudyState | None:
    """Return the state of the study of a sweep's folder; None without one, or with a warning where it cannot be read.

    Where the study cannot be read but the folder has a record of it, the record is returned.
    """
    if not (folder / RECORD).exists() and not (folder / STUDY).exists():
        return None
    from rlx.runs.study_state import read_state  # Optuna takes a second to import

    try:
        return read_state(folder)
    except (RlxError, OSError) as error:  # a judgement does not depend on it
        reason = str(error)
    try:
        record = read_record(folder)
    except (RlxError, OSError):  # already in ``reason``
        record = None
    instead = "are not counted" if record is None else f"count as {record['trials']}, as recorded there"
    log.warning("%s The trials of the sweep %s %s.", reason, folder, instead)
    return None if record is None else recorded_state(record)
