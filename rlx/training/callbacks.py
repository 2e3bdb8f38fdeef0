"""The callbacks of a training: a graceful stop on Ctrl-C, progress, early stop and time limit."""

from __future__ import annotations

import logging
import sys
import time
from datetime import timedelta
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, EarlyStopping, RichProgressBar, Timer

from rlx.config import TrainerConfig
from rlx.stops import TERMINAL_GONE, describe_stop, install_handlers, restore_handlers, stopped_by
from rlx.training.checkpoints import better

log = logging.getLogger(__name__)


class FirstUpdate(Callback):
    """Records when the first update ended, by ``time.perf_counter``; None before that."""

    def __init__(self) -> None:
        self.ended: float | None = None

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Record the time, once."""
        if self.ended is None:
            self.ended = time.perf_counter()


class StopOnSignal(Callback):
    """Turns the first Ctrl-C, SIGTERM or SIGHUP into a stop after the current update; a second stops at once.

    ``then`` says what follows the stop. ``asked`` is the signal that caused it, None if there was none.
    """

    def __init__(self, then: str = "judging the best policy so far") -> None:
        self.then = then
        self.asked: int | None = None
        self._before: dict[int, Any] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Install the handlers; not earlier, since Lightning has just set a SIGTERM handler that exits silently."""

        def stop(signum: int) -> None:
            if self.asked is None:
                self.asked = signum
                trainer.should_stop = True
                words = describe_stop(stopped_by(signum))
                log.warning(f"{words} Stopping after this update and {self.then} (again to end at once).")
            elif signum != TERMINAL_GONE:  # both the shell and the kernel send it when a terminal closes
                raise stopped_by(signum)

        self._before = install_handlers(stop)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Restore the handlers, before Lightning restores those it had replaced."""
        restore_handlers(self._before)
        self._before = {}

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Restore the handlers."""
        self.on_train_end(trainer, pl_module)


class UpdatesBar(RichProgressBar):
    """A progress bar of updates: the run is one long epoch, whose number is meaningless."""

    def _get_train_description(self, current_epoch: int) -> str:
        return "Training"

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> Any:
        """Return the metrics to show, without the logger's version."""
        return {name: value for name, value in super().get_metrics(trainer, pl_module).items() if name != "v_num"}


class EarlyStop(EarlyStopping):
    """Stops after ``patience`` validations without a new best; with None it only counts them.

    The patience is the one given here, not that of a checkpoint: a resumed run may have another.
    """

    def __init__(self, monitor: str, patience: int | None) -> None:
        super().__init__(
            monitor,
            mode=better(monitor),
            patience=sys.maxsize if patience is None else patience,
            check_finite=False,
            check_on_train_epoch_end=False,  # only at validations; an interval of 1 looks the same to Lightning
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue the count."""
        super().load_state_dict({**state_dict, "patience": self.patience})


def early_stop(config: TrainerConfig) -> EarlyStop:
    """Return the early stop as configured."""
    return EarlyStop(config.monitor, config.early_stop_patience)


def time_limit(config: TrainerConfig) -> Timer:
    """Return the clock of the training, which ends it where a limit is configured."""
    limit = None if config.max_minutes is None else timedelta(minutes=config.max_minutes)
    return Timer(limit, verbose=False)


def progress_bar(config: TrainerConfig) -> list[Callback]:
    """Return the progress bar, or nothing, as configured."""
    return [UpdatesBar(leave=True)] if config.progress else []
