"""Lightning's Trainer as this project uses it: one long epoch of updates, on the configured hardware."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger

from rlx.app.callbacks import StopOnInterrupt, progress_bar
from rlx.app.checkpoints import WholeFiles, last_checkpoint
from rlx.app.hardware import Hardware
from rlx.app.quiet import quiet_lightning
from rlx.app.resume import GoOn
from rlx.config import TrainerConfig
from rlx.learners.base import FitPart


def new_trainer(
    settings: TrainerConfig,
    hardware: Hardware,
    folder: Path,
    callbacks: Sequence[Callback],
    *,
    updates: int,
    validate_every_updates: int,
    loggers: Sequence[Logger] = (),
) -> Trainer:
    """Return a Trainer of ``updates`` updates, whose checkpoints are whole or absent; ``folder`` is for what it leaves.

    Lightning tells what it is about when a Trainer is made: make and use it within ``quiet_lightning``.
    """
    return Trainer(
        accelerator=hardware.accelerator,
        precision=cast(Any, hardware.precision),
        devices=1,
        max_epochs=1,
        limit_train_batches=updates,
        val_check_interval=min(validate_every_updates, updates),
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        logger=list(loggers),
        callbacks=[*callbacks, *progress_bar(settings)],
        plugins=WholeFiles(),
        enable_progress_bar=settings.progress,
        enable_model_summary=False,
        default_root_dir=folder,
    )


def part_fitter(settings: TrainerConfig, hardware: Hardware) -> FitPart:
    """Return what fits a part of a learner: the Trainer as configured, but for budget and validation."""

    def fit(module: LightningModule, checkpoint: Path, updates: int, validate_every_updates: int) -> None:
        interrupt = StopOnInterrupt("keeping what is there; go on with resume=RUN")
        start = checkpoint if checkpoint.is_file() else None
        go_on = GoOn(finished=False)
        callbacks = [interrupt, *([] if start is None else [go_on]), last_checkpoint(checkpoint)]
        with quiet_lightning(), nullcontext() if start is None else go_on.from_checkpoint(start):
            trainer = new_trainer(
                settings,
                hardware,
                checkpoint.parent,
                callbacks,
                updates=updates,
                validate_every_updates=validate_every_updates,
            )
            trainer.fit(module, ckpt_path=start, weights_only=True)
        if interrupt.interrupted:
            raise KeyboardInterrupt

    return fit
