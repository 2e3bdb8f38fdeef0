"""Resume a training from the last checkpoint of an earlier run, in a new run folder."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, NotRequired, TypedDict

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger

from rlx.config import TrainerConfig
from rlx.errors import CheckpointError, ConfigError, RlxError
from rlx.files import copy_file
from rlx.learners.base import Learner, Totals
from rlx.run_folder import LAST, RunFolder
from rlx.runs.provenance import same_code
from rlx.tracking.history import Row, carry_history, history_of
from rlx.training.callbacks import early_stop, time_limit
from rlx.training.checkpoint_file import read_checkpoint
from rlx.training.checkpoints import best_checkpoints, checkpoint_name
from rlx.untrusted.documents import read_json
from rlx.untrusted.plain_types import find_mismatch, require
from rlx.untrusted.shown import as_typed, shown

COMPUTE_WITH = ("torch", "lightning", "numpy", "numba", "stable_baselines3")
log = logging.getLogger(__name__)


class Recorded(TypedDict):
    """The part of ``provenance.json`` that the resumed run is compared with."""

    versions: NotRequired[dict[str, str | None]]
    git: NotRequired[dict[str, Any] | None]


class Earlier(NamedTuple):
    """The run to resume: its folder, its most advanced checkpoint, the best ones, and its totals at that checkpoint.

    ``history`` holds the rows logged up to it. ``finished`` means that nothing is left to train: the run stopped after
    its training and before its scorecard.
    """

    run: Path
    last: Path
    best: tuple[Path, ...]
    totals: Totals
    finished: bool
    history: Sequence[Row]
    provenance: Mapping[str, Any]

    def facts(self) -> dict[str, Any]:
        """Return what the resumed run records in its provenance."""
        return {"run": str(self.run), "checkpoint": self.last.name, "updates": self.totals.updates}

    def carry_over(self, run_dir: Path, loggers: Iterable[Logger]) -> Path:
        """Copy the checkpoints, log again what was logged up to them, and return the copy to resume from."""
        run = RunFolder(run_dir)
        run.checkpoints.mkdir()
        for path in self.best:
            copy_file(path, run.checkpoints / path.name)
        carry_history(self.history, loggers)
        copy_file(self.last, run.last_checkpoint)  # last: from here on this run can itself be resumed
        return run.last_checkpoint

    def warn_of_changes(self, provenance: Mapping[str, Any]) -> None:
        """Warn when code or packages differ from those of the earlier run, since the numbers may then differ too."""
        before = self.provenance
        changed = [
            f"{name} {as_typed(old)} (now {new})"
            for name, old in before.get("versions", {}).items()
            if name in COMPUTE_WITH and (new := provenance["versions"].get(name)) != old
        ]
        if not same_code(before.get("git"), provenance["git"]):
            changed.append("another state of the code")
        if changed:
            log.warning(
                f"note: {self.run} ran with {', '.join(changed)}: the numbers may not be those of an uninterrupted run."
            )


def find_earlier(run: Path, config: TrainerConfig, learner: Learner) -> Earlier | None:
    """Return where ``run`` stopped; None when it stopped during its preparation, before the first validation.

    ConfigError when there is no checkpoint or nothing left to do, CheckpointError when one is damaged or does not
    fit ``learner``.
    """
    paths = RunFolder(run).all_checkpoints()
    if not paths and learner.has_prepared(run):
        return None
    if not paths:
        raise ConfigError(
            f"resume={run}: has no checkpoint; the first is written at the first validation "
            f"(trainer.validate_every_updates). Start the run again."
        )
    checkpoints = {path: read_checkpoint(path, config) for path in paths}
    totals = {path: _totals(path, checkpoint, learner) for path, checkpoint in checkpoints.items()}
    last = max(paths, key=lambda path: (totals[path].updates, path.name == LAST))
    reason = _why_finished(config, learner, totals[last], checkpoints[last])
    if reason is not None and (card := RunFolder(run).scorecard).exists():
        raise ConfigError(f"resume={run}: has finished, its result is {card}: {reason}")
    best = _best_of(checkpoints[last], config, run)
    history = history_of(run, totals[last].updates)
    return Earlier(run, last, best, totals[last], reason is not None, history, provenance_of(run))


def provenance_of(run: Path) -> dict[str, Any]:
    """Return what a run recorded about how it was made; empty where there is no record."""
    path = RunFolder(run).provenance
    return dict(require(read_json(path), Recorded, str(path))) if path.exists() else {}


def _totals(path: Path, checkpoint: Mapping[str, Any], learner: Learner) -> Totals:
    try:
        return learner.totals_in(checkpoint)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error


def _best_of(checkpoint: Mapping[str, Any], config: TrainerConfig, run: Path) -> tuple[Path, ...]:
    """Return the files that the checkpoint lists as the best so far, even if the run folder was moved."""
    folder = RunFolder(run).checkpoints
    state = checkpoint["callbacks"][best_checkpoints(config, folder).state_key]
    best = tuple(folder / checkpoint_name(path) for path in state["best_k_models"])
    for path in best:
        if not path.is_file():
            raise CheckpointError(f"{path}: is missing, and it holds the best policy so far. Put it back.")
    return best


def _why_finished(config: TrainerConfig, learner: Learner, totals: Totals, checkpoint: Mapping[str, Any]) -> str | None:
    """Return why nothing is left to train, and what to change; None if training can continue."""
    stop, clock = early_stop(config), time_limit(config)
    for callback in (stop, clock):
        callback.load_state_dict(checkpoint["callbacks"][callback.state_key])
    remaining = clock.time_remaining()
    if totals.updates >= learner.updates:
        return f"all {learner.updates} updates are done. A larger module budget is a new run."
    if config.max_updates is not None and totals.updates >= config.max_updates:
        return f"{totals.updates} updates are done and trainer.max_updates={config.max_updates}. Raise it, or null."
    if stop.wait_count >= stop.patience:
        return f"trainer.early_stop_patience={stop.patience} ended it. Raise it, or null."
    if remaining is not None and remaining <= 0:
        return f"trainer.max_minutes={config.max_minutes} are over. Raise it, or null."
    return None


class ResumePlan(Callback):
    """Makes Lightning start with the update after the checkpoint, or train nothing when nothing is left.

    Lightning itself decides by whether this run's interval has a validation due at the checkpoint. There is none if a
    stop caused the validation or the interval has changed, and steps would then be logged one too low.
    """

    def __init__(self, source: Path, *, finished: bool = False) -> None:
        self.source = source
        self.finished = finished
        self.taken_over = self.restored = False
        self._states = {"optimizer_states": 0, "lr_schedulers": 0}

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Set the loop to the end of an update, as if the validation were not part of it."""
        for name in self._states:
            if bad := find_mismatch(checkpoint.get(name), list[dict[str, Any]], name):
                raise CheckpointError(f"{bad.key} is {shown(bad.found)}, expected {bad.expected}. Start the run again.")
            self._states[name] = len(checkpoint[name])
        progress = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]
        for counts in (progress["total"], progress["current"]):
            counts["completed"] = counts["processed"] - 1  # Lightning completes the last one when it restarts
        progress["is_last_batch"] = False  # a larger budget continues after it

    def _check_optimizers(self, trainer: Trainer) -> None:
        """Refuse a number of states that differs from the optimizers and schedules: Lightning ignores the rest."""
        optimizers, schedules = (len(one) for one in (trainer.optimizers, trainer.lr_scheduler_configs))
        for name, number in (("optimizer_states", optimizers), ("lr_schedulers", schedules)):
            if self._states[name] != number:
                raise CheckpointError(f"{name} holds {self._states[name]}, expected {number}. Start the run again.")

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop before the first update when no update is left."""
        trainer.should_stop = trainer.should_stop or self.finished

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record that everything in the checkpoint has been loaded."""
        self._check_optimizers(trainer)
        self.taken_over = True

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Record that an update was made from it: values that do not fit may fail only then."""
        self.restored = True

    @contextmanager
    def restoring(self) -> Iterator[None]:
        """Turn any failure of Lightning or a learner on a checkpoint, until an update was made from it, into one error.

        A learner's own error in that update is raised as in any other update. A full disk or memory is not the
        checkpoint's fault and is raised unchanged.
        """
        try:
            yield
        except (OSError, MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:
            if self.restored or (self.taken_over and isinstance(error, RlxError)):
                raise
            if isinstance(error, RlxError):
                raise NotRestoredError(f"{self.source}: {error}") from error
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            raise NotRestoredError(
                f"{self.source}: cannot be resumed from ({reason}). Move it away, or start the run again."
            ) from error


class NotRestoredError(CheckpointError):
    """A checkpoint that passed the checks and yet could not be resumed from."""


@contextmanager
def undone_if_not_restored(run_dir: Path) -> Iterator[None]:
    """Remove what was added to a run folder inside the block when the checkpoint could not be resumed from."""
    there = set(run_dir.iterdir())
    try:
        yield
    except NotRestoredError:
        for path in set(run_dir.iterdir()) - there:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        raise
