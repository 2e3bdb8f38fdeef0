"""The callbacks of a training: validation by the evaluator, a graceful stop on Ctrl-C, early stop and time limit."""

from __future__ import annotations

import logging
import sys
import time
from datetime import timedelta
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, EarlyStopping, RichProgressBar, Timer

from rlx.config import TrainerConfig
from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.evaluate.judge import score
from rlx.keys import REPLACED
from rlx.learners.base import Learner
from rlx.measures.performance import tagged
from rlx.sim.rules import Rules
from rlx.states import preserved_random_states
from rlx.stops import TERMINAL_GONE, describe_stop, install_handlers, restore_handlers, stopped_by
from rlx.training.checkpoints import better

log = logging.getLogger(__name__)


class ValidatePolicy(Callback):
    """Scores the learner's current policy on the validation span with the evaluator, as ``val/*``."""

    def __init__(self, market: Market, span: Span, rules: Rules, monitor: str) -> None:
        self.market, self.span, self.rules, self.monitor = market, span, rules, monitor
        self.seconds = 0.0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Validate the last update too, regardless of the interval: a stop is always validated."""
        if batch_idx + 1 == trainer.num_training_batches:
            trainer.should_stop = True

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Evaluate on the span and log every metric."""
        assert isinstance(pl_module, Learner)
        began = time.perf_counter()
        with preserved_random_states():  # the number of validations must not change what is learnt
            metrics = score(pl_module.policy(), self.market, self.span, self.rules)
        self.seconds += time.perf_counter() - began
        shown = tagged("progress")
        for name, value in (metrics | self._older(metrics)).items():
            pl_module.log(f"val/{name}", value, prog_bar=name in shown, batch_size=1)

    def _older(self, metrics: dict[str, float]) -> dict[str, float]:
        """Return the metric that a run of an older version monitors, under the name it had then."""
        now = REPLACED.get(self.monitor)
        return {} if now is None else {_bare(self.monitor): metrics[_bare(now)]}

    def state_dict(self) -> dict[str, Any]:
        """Return the time spent so far."""
        return {"seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue counting from there."""
        self.seconds = state_dict["seconds"]


def _bare(key: str) -> str:
    return key.partition("/")[2]


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
