"""What the Trainer needs besides the learner: the evaluator, a gentle Ctrl-C, and the usual callbacks."""

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
from rlx.learners.states import preserved_random_states
from rlx.measures.performance import tagged
from rlx.sim.rules import Rules
from rlx.stops import TERMINAL_GONE, describe_stop, install_handlers, restore_handlers, stopped_by
from rlx.training.checkpoints import better

log = logging.getLogger(__name__)


class ValidatePolicy(Callback):
    """Let the one evaluator score the learner's current policy on the validation span, as ``val/*``."""

    def __init__(self, market: Market, span: Span, rules: Rules, monitor: str) -> None:
        self.market, self.span, self.rules, self.monitor = market, span, rules, monitor
        self.seconds = 0.0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Have the last update validated too, whatever the interval: a stop is always validated."""
        if batch_idx + 1 == trainer.num_training_batches:
            trainer.should_stop = True

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Play the span and log every metric."""
        assert isinstance(pl_module, Learner)
        began = time.perf_counter()
        with preserved_random_states():  # how often it is validated changes nothing of what is learnt
            metrics = score(pl_module.policy(), self.market, self.span, self.rules)
        self.seconds += time.perf_counter() - began
        shown = tagged("progress")
        for name, value in (metrics | self._older(metrics)).items():
            pl_module.log(f"val/{name}", value, prog_bar=name in shown, batch_size=1)

    def _older(self, metrics: dict[str, float]) -> dict[str, float]:
        """Return the metric that a run of an older version watches, under its name of then: it goes on by that."""
        now = REPLACED.get(self.monitor)
        return {} if now is None else {_bare(self.monitor): metrics[_bare(now)]}

    def state_dict(self) -> dict[str, Any]:
        """Return the time spent so far."""
        return {"seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting from there."""
        self.seconds = state_dict["seconds"]


def _bare(key: str) -> str:
    return key.partition("/")[2]


class FirstUpdate(Callback):
    """Remembers when the first update was done, as ``time.perf_counter`` has it; None before that."""

    def __init__(self) -> None:
        self.ended: float | None = None

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Look at the clock, once."""
        if self.ended is None:
            self.ended = time.perf_counter()


class StopOnSignal(Callback):
    """Turn the first Ctrl-C, SIGTERM or SIGHUP into a stop after the current update; a second ends it at once.

    ``then`` says what comes after the stop. ``asked`` is the signal that asked for it, None as long as none did.
    """

    def __init__(self, then: str = "judging the best policy so far") -> None:
        self.then = then
        self.asked: int | None = None
        self._before: dict[int, Any] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the signals over; not before, for Lightning has just set a SIGTERM that ends in silence."""

        def stop(signum: int) -> None:
            if self.asked is None:
                self.asked = signum
                trainer.should_stop = True
                words = describe_stop(stopped_by(signum))
                log.warning(f"{words} Stopping after this update and {self.then} (again to end at once).")
            elif signum != TERMINAL_GONE:  # the shell and the kernel both tell of a closed terminal
                raise stopped_by(signum)

        self._before = install_handlers(stop)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the signals back, before Lightning does the same with those it had taken."""
        restore_handlers(self._before)
        self._before = {}

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Give the signals back."""
        self.on_train_end(trainer, pl_module)


class UpdatesBar(RichProgressBar):
    """A bar of updates: the run is one long epoch, whose number says nothing."""

    def _get_train_description(self, current_epoch: int) -> str:
        return "Training"

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> Any:
        """Return the metrics to show, without the logger's version."""
        return {name: value for name, value in super().get_metrics(trainer, pl_module).items() if name != "v_num"}


class EarlyStop(EarlyStopping):
    """Stops after ``patience`` validations without a new best; never when that is None, but goes on counting.

    Whatever a checkpoint says, the patience is the one given here: a resumed run may have another.
    """

    def __init__(self, monitor: str, patience: int | None) -> None:
        super().__init__(
            monitor,
            mode=better(monitor),
            patience=sys.maxsize if patience is None else patience,
            check_finite=False,
            check_on_train_epoch_end=False,  # at validations, which an interval of 1 would be mistaken for
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
