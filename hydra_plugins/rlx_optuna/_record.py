"""``study.json``: which study a sweep's folder is of, and what that held, for whoever cannot or should not open it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import optuna
from optuna.trial import TrialState

from hydra_plugins.rlx_optuna._storage import STUDY, Place, opened_to_read
from rlx.errors import FileError
from rlx.evaluate.trials import MAX_TRIALS
from rlx.plain import write_json
from rlx.untrusted.documents import read_json
from rlx.untrusted.shown import brief

RECORD = "study.json"
ABORTED = "aborted"  # user attribute of a trial that did not run to its end, and so is not one of the total


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


def _read_file(file: Path, study_name: str | None) -> Held:
    """Return what a file's study of that name holds; of several without a name, how many trials they have."""
    with opened_to_read(file) as storage:
        names = optuna.get_all_study_names(storage)
        if study_name is not None and study_name not in names:
            there = brief(", ".join(names) or "none")
            raise FileError(f"{file}: holds no study '{brief(study_name)}', only {there}.")
        chosen = names if study_name is None else [study_name]
        studies = [optuna.load_study(study_name=name, storage=storage) for name in chosen]
        return holding(studies[0]) if len(studies) == 1 else Held(sum(map(done, studies)), {}, None)


def _relative(file: Path, folder: Path) -> str:
    file, folder = file.resolve(), folder.resolve()
    return str(file.relative_to(folder)) if file.is_relative_to(folder) else str(file)
