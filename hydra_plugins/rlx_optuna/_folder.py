"""The folder of a sweep: it belongs to one study, and one process sweeps in it at a time."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout
from optuna.trial import FrozenTrial, Trial

from rlx.errors import ConfigError, RlxError
from rlx.runs.study import RECORD, read_record
from rlx.runs.study_state import done
from rlx.runs.study_storage import Place

LOCK = ".sweep.lock"
RAN_IN = "ran_in"
"""Attribute of a trial: ``folder`` of its sweep, absolute, and the ``host`` that has it."""


@contextmanager
def taken(folder: Path) -> Iterator[None]:
    """Lock a sweep's folder for this process; ConfigError when another process has locked it.

    A dead process holds no lock.

    Folders created for it are removed again when they are still empty.
    """
    made = [one for one in (folder, *folder.parents) if not one.exists()]
    lock = FileLock(folder / LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ConfigError(f"hydra.sweep.dir={folder}: a sweep is running in it. Wait, or name another.") from error
    except (OSError, NotImplementedError) as error:  # the latter of a file system without locks
        raise RlxError(f"hydra.sweep.dir={folder}: cannot be written or locked ({error}). Name another.") from error
    try:
        yield
    finally:
        lock.release()
        if made and {entry.name for entry in folder.iterdir()} <= {LOCK}:
            (folder / LOCK).unlink(missing_ok=True)
            for one in made:
                if not any(one.iterdir()):
                    one.rmdir()


def is_taken(folder: Path) -> bool:
    """Return whether a process sweeps in a folder now."""
    if not (folder / LOCK).exists():
        return False
    try:
        with FileLock(folder / LOCK, timeout=0):
            return False
    except (Timeout, OSError, NotImplementedError):  # unknown: assume that it is not running
        return True


def note_folder(trial: Trial, folder: Path) -> None:
    """Record on a trial where it runs."""
    trial.set_user_attr(RAN_IN, {"folder": str(folder.resolve()), "host": socket.gethostname()})


def folder_of(trial: FrozenTrial, folder: Path) -> Path | None:
    """Return the run folder of a trial, searched in ``folder`` first; None if it does not exist."""
    name, noted = str(trial.number), swept_in(trial)
    places = [folder / name, *([] if noted is None else [Path(noted["folder"]) / name])]
    return next((place for place in places if place.is_dir()), None)


def swept_in(trial: FrozenTrial) -> dict[str, str] | None:
    """Return the folder and host recorded on a trial; None where they are not."""
    noted: Any = trial.user_attrs.get(RAN_IN)
    if not isinstance(noted, dict) or not all(isinstance(noted.get(name), str) for name in ("folder", "host")):
        return None
    return {name: noted[name] for name in ("folder", "host")}


def refuse_foreign_folder(folder: Path, place: Place, study_name: str) -> None:
    """Raise ConfigError where the sweep's folder belongs to another study, whose trials would be mixed in."""
    record = read_record(folder)
    if record is None:
        return
    file = None if record["file"] is None else (folder / record["file"]).resolve()
    same_storage = file == place.file.resolve() if place.file is not None and file else record["storage"] == place.shown
    if record["study_name"] == study_name and same_storage:
        return
    raise ConfigError(
        f"hydra.sweep.dir={folder}: is the folder of study '{record['study_name']}' in {record['storage']} ({RECORD}), "
        f"not of '{study_name}' in {place.shown}. Name another folder, or that study and storage."
    )


def refuse_nothing_to_run(study: optuna.Study, folder: Path, n_trials: int, named: str) -> None:
    """Raise ConfigError where this folder would have no trial, or trials of two studies."""
    trials = study.get_trials(deepcopy=False)
    following = folder / str(len(trials))
    if following.exists():
        raise ConfigError(
            f"hydra.sweep.dir={folder}: holds {following.name}, the folder of a trial that is not in {named}. Restore "
            "its storage, or name another folder."
        )
    here = any((folder / str(trial.number)).is_dir() for trial in trials)
    if done(study) < n_trials or here:
        return
    others = dict.fromkeys(noted["folder"] for trial in trials if (noted := swept_in(trial)) is not None)
    raise ConfigError(
        f"hydra.sweeper.n_trials={n_trials}: {named} holds {done(study)} trials already, run in "
        f"{', '.join(others) or 'another folder'}, so nothing is left to run. A larger number continues it; for a new "
        "sweep name a new study (hydra.sweeper.study_name=NAME)."
    )
