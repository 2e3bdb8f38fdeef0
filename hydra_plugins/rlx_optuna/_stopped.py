"""Trials whose process was killed: in the storage they are running until they are marked as failed."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from hydra_plugins.rlx_optuna._folder import is_taken, swept_in
from rlx.runs.study_state import ABORTED, REASON

log = logging.getLogger(__name__)

WHY = "its process ended without a message, killed or out of memory"


def fail_stopped(study: optuna.Study, folder: Path, own: bool) -> None:
    """Mark running trials of dead processes as failed; they do not count towards the total, so others replace them.

    This process has locked ``folder``, so no other trial is running in it; with ``own``, the storage is in the folder
    and nobody else uses it. A trial that runs elsewhere, or may, is not touched, and a message says so.
    """
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if (elsewhere := _may_run(trial, folder, own)) is not None:
            log.warning("Trial %d is not touched: it may be running%s.", trial.number, elsewhere)
            continue
        _fail(study, trial)


def _may_run(trial: FrozenTrial, folder: Path, own: bool) -> str | None:
    """Return where a trial may be running now; None where it cannot be."""
    noted = swept_in(trial)
    if noted is None:
        return None if own else " in another program"
    ran_in, here = Path(noted["folder"]), noted["host"] == socket.gethostname()
    if own or ran_in == folder.resolve():
        return None
    if not ran_in.is_dir():
        return None if here else f" on {noted['host']}"
    return f" in {ran_in}" if is_taken(ran_in) else None


def _fail(study: optuna.Study, trial: FrozenTrial) -> None:
    """Mark a trial of another process as failed, through the storage: only that process has the object."""
    storage = study._storage
    storage.set_trial_user_attr(trial._trial_id, ABORTED, True)
    storage.set_trial_user_attr(trial._trial_id, REASON, WHY)
    study.tell(trial.number, state=TrialState.FAIL)
    log.warning("Trial %d failed: %s. Another takes its place.", trial.number, WHY)
