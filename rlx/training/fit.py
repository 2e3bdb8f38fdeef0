"""The fit of a learner within its run folder, from the first update or from where an earlier run stopped."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import Logger

from rlx.config import TrainConfig
from rlx.data.traded import Traded
from rlx.learners.base import Learner
from rlx.run_folder import RunFolder
from rlx.stops import stopped_by
from rlx.training.callbacks import FirstUpdate, StopOnSignal, early_stop, time_limit
from rlx.training.checkpoints import best_checkpoints, last_checkpoint
from rlx.training.hardware import Hardware
from rlx.training.resume import Earlier, ResumePlan
from rlx.training.trainer import run_fit
from rlx.training.validation import ValidatePolicy


class Fitted(NamedTuple):
    """How a fit went; ``best_validation`` is the monitored metric of the best policy, NaN when there was no number.

    ``asked`` is the signal that asked for its end, None when it came to it by itself.
    """

    best_validation: float
    asked: int | None
    performance: dict[str, float]


def fit(
    config: TrainConfig,
    learner: Learner,
    traded: Traded,
    run_dir: Path,
    loggers: list[Logger],
    hardware: Hardware,
    began: float,
    earlier: Earlier | None = None,
    *,
    judged_when_stopped: bool = True,
) -> Fitted:
    """Run the Trainer and leave the best policy in the learner; ``began`` is when the command did.

    A stop by a signal is raised if there is nothing to judge yet, or if it is not ``judged_when_stopped``.
    """
    settings, run = config.trainer, RunFolder(run_dir)
    learner.compiler = hardware.compiler
    stop = StopOnSignal() if judged_when_stopped else StopOnSignal("keeping what is there")
    first_update, clock = FirstUpdate(), time_limit(settings)
    validate = ValidatePolicy(traded.market, learner.cross_fit, config.rules(), settings.monitor, config.gate)
    best = best_checkpoints(settings, run.checkpoints)
    trainer = run_fit(
        learner,
        settings,
        hardware,
        run_dir,
        [first_update, validate, stop, clock, early_stop(settings), best, last_checkpoint(run.last_checkpoint)],
        updates=learner.updates if settings.max_updates is None else min(learner.updates, settings.max_updates),
        validate_every_updates=settings.validate_every_updates or max(1, learner.updates // learner.validations),
        start=None if earlier is None else earlier.carry_over(run_dir, loggers),
        resume_plan=None if earlier is None else ResumePlan(earlier.last, finished=earlier.finished),
        loggers=loggers,
    )
    if stop.asked is not None and not (judged_when_stopped and best.best_model_path):
        raise stopped_by(stop.asked)
    performance: dict[str, float] = {
        "train_wall_seconds": clock.time_elapsed(),
        "validation_wall_seconds": validate.seconds,
        "updates": learner.totals.updates,
        "gradient_steps": trainer.global_step,
        **learner.totals.throughput(),
    }
    if first_update.ended is not None:
        performance["seconds_to_first_update"] = first_update.ended - began
    return Fitted(restore_best(learner, best, validate), stop.asked, performance)


def restore_best(learner: Learner, checkpoints: ModelCheckpoint, validate: ValidatePolicy) -> float:
    """Load the best checkpoint and its gate into the learner; return its validation metric, NaN if it never was one."""
    state = torch.load(checkpoints.best_model_path, map_location="cpu", weights_only=True)
    learner.load_state_dict(state["state_dict"])
    learner.gate = validate.evidence(learner.totals_in(state).updates)
    score = checkpoints.best_model_score
    return float(score) if score is not None and torch.isfinite(score) else math.nan
