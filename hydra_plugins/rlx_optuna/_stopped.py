"""Trials whose process was killed: the storage has them running for ever, until somebody says that they are not."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from hydra_plugins.rlx_optuna._folder import is_taken, swept_in
from rlx.runs.study_state import ABORTED, REASON

log = logging.getLogger(__name__)

WHY = "its process ended without a word, killed or out of memory"


def fail_stopped(study: optuna.Study, folder: Path, own: bool) -> None:
    """Mark running trials of processes that are gone as failed; they are not of the total, which others fill up.

    This process holds ``folder``, so what ran in it does so no more, and with ``own``, where the storage lies in it,
    nobody else uses that. A trial that runs elsewhere, or may, is left, and said to be.
    """
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if (elsewhere := _may_run(trial, folder, own)) is not None:
            log.warning("Trial %d is left as it is: it runs%s, or did when that was lost.", trial.number, elsewhere)
            continue
        _fail(study, trial)


def _may_run(trial: FrozenTrial, folder: Path, own: bool) -> str | None:
    """Return where a trial may be running now, None where it cannot be."""
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
    """Set a trial of another process to failed: by the storage, as only the process that asked holds it."""
    storage = study._storage
    storage.set_trial_user_attr(trial._trial_id, ABORTED, True)
    storage.set_trial_user_attr(trial._trial_id, REASON, WHY)
    study.tell(trial.number, state=TrialState.FAIL)
    log.warning("Trial %d failed: %s. Another takes its place.", trial.number, WHY)
