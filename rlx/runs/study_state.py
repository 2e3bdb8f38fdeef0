"""The state of a study, counted in its storage and recorded in the folder of its sweep."""

from __future__ import annotations

from pathlib import Path

import optuna
from optuna.trial import TrialState

from rlx.errors import FileError
from rlx.files import write_json
from rlx.runs.study import RECORD, STUDY, StudyState, read_record, recorded_state
from rlx.runs.study_storage import Place, opened_to_read
from rlx.untrusted.shown import brief

# User attributes of a trial: that it was aborted, so that it is not part of the total, and why it failed.
ABORTED, REASON = "aborted", "failure"


def study_state(study: optuna.Study) -> StudyState:
    """Return the state of a study now."""
    trials = study.get_trials(deepcopy=False)
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    return StudyState(
        done(study),
        {str(trial.number): float(trial.values[0]) for trial in complete},
        str(study.best_trial.number) if complete else None,
        tuple(str(trial.number) for trial in trials if trial.state == TrialState.RUNNING),
    )


def done(study: optuna.Study) -> int:
    """Count the trials that ended, failed ones included and aborted ones excluded."""
    return sum(t.state.is_finished() and ABORTED not in t.user_attrs for t in study.get_trials(deepcopy=False))


def write_record(folder: Path, place: Place, study: optuna.Study) -> None:
    """Write the record into a sweep's folder; the storage's file is relative to the folder if it is inside."""
    state = study_state(study)
    write_json(
        folder / RECORD,
        {
            "storage": place.shown,
            "file": None if place.file is None else _relative(place.file, folder),
            "study_name": study.study_name,
            "trials": state.trials,
            "objectives": state.objectives,
            "best": state.best,
        },
    )


def read_state(folder: Path) -> StudyState | None:
    """Return the state of the study of a sweep's folder; None where there is no study.

    A storage that is a file is read again. Any other storage is never connected to because a file names it, so the
    record is returned. RlxError if it cannot be read or is missing.
    """
    record = read_record(folder)
    if record is None:
        return _read_file(folder / STUDY, None) if (folder / STUDY).exists() else None
    return (
        recorded_state(record) if record["file"] is None else _read_file(folder / record["file"], record["study_name"])
    )


def _read_file(file: Path, study_name: str | None) -> StudyState:
    """Return the state of a file's study of that name; without a name, of several studies only the number of trials."""
    with opened_to_read(file) as storage:
        names = optuna.get_all_study_names(storage)
        if study_name is not None and study_name not in names:
            there = brief(", ".join(names) or "none")
            raise FileError(f"{file}: has no study '{brief(study_name)}', only {there}.")
        chosen = names if study_name is None else [study_name]
        studies = [optuna.load_study(study_name=name, storage=storage) for name in chosen]
        return study_state(studies[0]) if len(studies) == 1 else StudyState(sum(map(done, studies)), {}, None)


def _relative(file: Path, folder: Path) -> str:
    file, folder = file.resolve(), folder.resolve()
    return str(file.relative_to(folder)) if file.is_relative_to(folder) else str(file)
