"""Lightning's Trainer as this project uses it: one long epoch of updates, on the configured hardware."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, cast

from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger

from rlx.config import TrainerConfig
from rlx.learners.base import FitPart
from rlx.stops import stopped_by
from rlx.training.callbacks import StopOnSignal, progress_bar
from rlx.training.checkpoints import WholeFiles, last_checkpoint
from rlx.training.hardware import Hardware
from rlx.training.resume import ResumePlan

ADVICE_NOT_FOR_US = (
    ".*does not have many workers.*",  # batches are empty, workers would only cost
    ".*Checkpoint directory .* exists and is not empty.*",  # it is the run's own
    ".*`isinstance\\(treespec, LeafSpec\\)` is deprecated.*",  # Lightning's own call into torch
)


def run_fit(
    module: LightningModule,
    settings: TrainerConfig,
    hardware: Hardware,
    folder: Path,
    callbacks: Sequence[Callback],
    *,
    updates: int,
    validate_every_updates: int,
    start: Path | None = None,
    resume_plan: ResumePlan | None = None,
    loggers: Sequence[Logger] = (),
) -> Trainer:
    """Fit ``module`` for ``updates`` updates, from the checkpoint ``start`` if there is one, and return its Trainer.

    ``folder`` is for what Lightning leaves, and ``resume_plan`` belongs to ``start``.
    """
    plan = [] if resume_plan is None else [resume_plan]
    with quiet_lightning():
        trainer = Trainer(
            accelerator=hardware.accelerator,
            precision=cast(Any, hardware.precision),
            devices=1,
            max_epochs=1,
            limit_train_batches=updates,
            val_check_interval=min(validate_every_updates, updates),
            num_sanity_val_steps=0,
            log_every_n_steps=1,
            logger=list(loggers),
            callbacks=[*callbacks, *plan, *progress_bar(settings)],
            # One process on one device, however it was started: under SLURM, Lightning would count its tasks, and on
            # SIGUSR1 would requeue the job next to a checkpoint that no new run looks for.
            plugins=[WholeFiles(), LightningEnvironment()],
            enable_progress_bar=settings.progress,
            enable_model_summary=False,
            default_root_dir=folder,
        )
        with nullcontext() if resume_plan is None else resume_plan.restoring(), _stopped_as_asked():
            trainer.fit(module, ckpt_path=start, weights_only=True)
    return trainer


@contextmanager
def _stopped_as_asked() -> Iterator[None]:
    """Raise the stop itself where Lightning turned it into an exit status of 1, which would say that the run failed."""
    try:
        yield
    except SystemExit as end:
        if isinstance(end.__context__, KeyboardInterrupt):
            raise end.__context__ from None
        raise


@contextmanager
def quiet_lightning() -> Iterator[None]:
    """Show only Lightning's warnings and errors inside the block, once, without greetings and unfit advice."""
    logger = logging.getLogger("lightning.pytorch")
    level, handlers = logger.level, logger.handlers
    logger.setLevel(logging.WARNING)
    logger.handlers = []  # its records still reach the handlers of the root logger: terminal and run folder
    try:
        with warnings.catch_warnings():
            for message in ADVICE_NOT_FOR_US:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        logger.setLevel(level)
        logger.handlers = handlers


def part_fitter(
    settings: TrainerConfig, hardware: Hardware, run_dir: Path | None = None, earlier: Path | None = None
) -> FitPart:
    """Return what fits a part of a learner: the Trainer as configured, except for budget and validation.

    A checkpoint in ``run_dir`` to start from is a copy of that of the ``earlier`` run, which errors name.
    """

    def fit(module: LightningModule, checkpoint: Path, updates: int, validate_every_updates: int) -> None:
        stop = StopOnSignal("keeping what is there")
        start = checkpoint if checkpoint.is_file() else None
        source = checkpoint if run_dir is None or earlier is None else earlier / checkpoint.relative_to(run_dir)
        run_fit(
            module,
            settings,
            hardware,
            checkpoint.parent,
            [stop, last_checkpoint(checkpoint)],
            updates=updates,
            validate_every_updates=validate_every_updates,
            start=start,
            resume_plan=None if start is None else ResumePlan(source),
        )
        if stop.asked is not None:
            raise stopped_by(stop.asked)

    return fit
