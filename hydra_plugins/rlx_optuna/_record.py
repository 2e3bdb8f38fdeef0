"""``study.json``: which study a sweep's folder is of, and what that held, for whoever cannot or should not open it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NamedTuple, TypedDict

import optuna
from optuna.trial import TrialState

from hydra_plugins.rlx_optuna._storage import STUDY, Place, opened_to_read
from rlx.errors import FileError
from rlx.evaluate.trials import MAX_TRIALS
from rlx.plain import write_json
from rlx.ranges import Whole
from rlx.untrusted.documents import read_json
from rlx.untrusted.plain_types import Rule, require

RECORD = "study.json"
ABORTED = "aborted"  # user attribute of a trial that did not run to its end, and so is not one of the total


class Record(TypedDict):
    """What ``study.json`` holds; ``file`` is the storage's, where it is one."""

    storage: str
    file: Annotated[str, Rule("the path of a file", lambda value: value and "\0" not in value)] | None
    study_name: str
    trials: Annotated[int, Whole(0, MAX_TRIALS)]
    objectives: dict[str, float]
    best: str | None


class Held(NamedTuple):
    """What a study holds: trials that ran to their end, failed ones included, and the objectives of those with one.

    ``objectives``, ``best`` and those still ``running``, by the number of the trial, which its folder is named by.
    """

    trials: int
    objectives: dict[str, float]
    best: str | None
    running: tuple[str, ...] = ()


def holding(study: optuna.Study) -> Held:
    """Return what a study holds now."""
    trials = study.get_trials(deepcopy=False)
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    return Held(
        done(study),
        {str(trial.number): float(trial.values[0]) for trial in complete},
        str(study.best_trial.number) if complete else None,
        tuple(str(trial.number) for trial in trials if trial.state == TrialState.RUNNING),
    )


def done(study: optuna.Study) -> int:
    """Count the trials that ran to their end, failed ones included."""
    return sum(t.state.is_finished() and ABORTED not in t.user_attrs for t in study.get_trials(deepcopy=False))


def write_record(folder: Path, place: Place, study: optuna.Study) -> None:
    """Leave the record in a sweep's folder; the storage's file is named relative to it where it lies within."""
    held = holding(study)
    write_json(
        folder / RECORD,
        {
            "storage": place.shown,
            "file": None if place.file is None else _relative(place.file, folder),
            "study_name": study.study_name,
            "trials": held.trials,
            "objectives": held.objectives,
            "best": held.best,
        },
    )


def read_held(folder: Path) -> Held | None:
    """Return what the study of a sweep's folder holds; None where there is no study.

    A file is read anew. Of any other storage, which is not ours to connect to because a file names it, the record is
    what there is. RlxError for what cannot be read or is gone.
    """
    record = read_record(folder)
    if record is None:
        return _read_file(folder / STUDY, None) if (folder / STUDY).exists() else None
    return held_by(record) if record["file"] is None else _read_file(folder / record["file"], record["study_name"])


def held_by(record: Record) -> Held:
    """Return what a study held when its record was written."""
    return Held(record["trials"], record["objectives"], record["best"])


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


def _read_file(file: Path, study_name: str | None) -> Held:
    """Return what a file's study of that name holds; of several without a name, how many trials they have."""
    with opened_to_read(file) as storage:
        names = optuna.get_all_study_names(storage)
        if study_name is not None and study_name not in names:
            raise FileError(f"{file}: holds no study '{study_name}', only {', '.join(names) or 'none'}.")
        chosen = names if study_name is None else [study_name]
        studies = [optuna.load_study(study_name=name, storage=storage) for name in chosen]
        return holding(studies[0]) if len(studies) == 1 else Held(sum(map(done, studies)), {}, None)


def _relative(file: Path, folder: Path) -> str:
    file, folder = file.resolve(), folder.resolve()
    return str(file.relative_to(folder)) if file.is_relative_to(folder) else str(file)
