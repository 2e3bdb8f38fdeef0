"""Reading a Lightning checkpoint: nothing in it is executed, and everything that a resumed run uses is checked."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Annotated, Any, TypedDict

import torch

from rlx.config import TrainerConfig
from rlx.errors import CheckpointError, FileError
from rlx.training.callbacks import early_stop, time_limit
from rlx.training.checkpoints import MovableCheckpoint, best_checkpoints, last_checkpoint
from rlx.untrusted.plain_types import Count, Rule, require
from rlx.untrusted.shown import shown


class Counts(TypedDict):
    """How many batches a loop has begun and ended."""

    ready: int
    started: int
    processed: int
    completed: int


class Progress(TypedDict):
    """Where Lightning's loop of updates was."""

    total: Counts
    current: Counts
    is_last_batch: bool


FitLoop = TypedDict("FitLoop", {"epoch_loop.batch_progress": Progress})


class Loops(TypedDict):
    """What a resumed run uses of Lightning's loops."""

    fit_loop: FitLoop


class Done(TypedDict):
    """The fields of ``Totals``."""

    updates: Count
    env_steps: Count
    seconds: Annotated[float, Rule("a number of at least 0", lambda value: value >= 0)]


class LearnerState(TypedDict):
    """What ``Learner`` adds to a checkpoint."""

    format: int
    module: str
    data_fingerprint: str
    totals: Done
    random_states: dict[str, Any]


class Best(TypedDict):
    """What ``MovableCheckpoint`` restores."""

    best_k_models: dict[str, Any]
    best_model_path: str
    kth_best_model_path: str
    last_model_path: str


class Patience(TypedDict):
    """What ``EarlyStop`` restores."""

    wait_count: int


class Elapsed(TypedDict):
    """What the clock restores: seconds by activity."""

    time_elapsed: dict[str, float]


def read_checkpoint(path: Path, config: TrainerConfig) -> dict[str, Any]:
    """Read a checkpoint; CheckpointError for one that is damaged or lacks what a resumed run uses.

    Only tensors and plain values are unpickled. Every checksum is verified, which torch does not do.
    """
    others = [other.name for other in path.parent.glob("*.ckpt") if other != path]
    fix = f"Move it away to resume from {' or '.join(others)}." if others else "Start the run again."
    if path.exists() and not path.is_file():
        raise CheckpointError(f"{path}: not a regular file. {fix}")  # to open a pipe may never end
    try:
        path.open("rb").close()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror}). Put it right, or: {fix}") from error
    try:
        _check_archive(path)
        checkpoint = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except MemoryError:
        raise
    except Exception as error:  # damaged bytes make torch raise anything: KeyError, IndexError, AssertionError, ...
        raise CheckpointError(f"{path}: damaged, or no checkpoint ({type(error).__name__}). {fix}") from error
    if not isinstance(checkpoint, dict) or not {"state_dict", "loops", "callbacks"} <= set(checkpoint):
        raise CheckpointError(f"{path}: is no checkpoint of a training run. Move it away.")
    try:
        _check_state(checkpoint, config, path)
    except FileError as error:
        raise CheckpointError(f"{error} {fix}") from error
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error
    return checkpoint


def _check_archive(path: Path) -> None:
    """Raise BadZipFile for an archive with damaged or packed members."""
    with zipfile.ZipFile(path) as archive:
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
            raise zipfile.BadZipFile("packed members")  # torch writes none; they may unpack to any size
        if (bad := archive.testzip()) is not None:
            raise zipfile.BadZipFile(bad)


def _check_state(checkpoint: dict[str, Any], config: TrainerConfig, path: Path) -> None:
    """Raise FileError for the first value that is missing or of another type, CheckpointError for an invalid path."""
    name = str(path)
    require(checkpoint["loops"], Loops, name, "loops")
    callbacks = require(checkpoint["callbacks"], dict[str, Any], name, "callbacks")
    known = (
        (best_checkpoints(config, path.parent), Best),
        (last_checkpoint(path), Best),
        (early_stop(config), Patience),
        (time_limit(config), Elapsed),
    )
    for callback, hint in known:
        state = require(callbacks.get(callback.state_key), hint, name, f"callbacks.{callback.state_key}")
        if isinstance(callback, MovableCheckpoint):
            callback.moved(state)
            _check_best(state, name, f"callbacks.{callback.state_key}")
    require(checkpoint.get("rlx"), LearnerState, name, "rlx")
    for key, tensor in require(checkpoint["state_dict"], dict[str, Any], name, "state_dict").items():
        if not isinstance(tensor, torch.Tensor):
            raise FileError(f"{path}: state_dict.{shown(key)} is {shown(tensor)}, expected a tensor.")
        if not bool(torch.isfinite(tensor).all()):
            raise FileError(f"{path}: state_dict.{shown(key)} holds what is no finite number.")


def _check_best(state: Best, name: str, key: str) -> None:
    """Raise FileError for a score of another type, and for a worst of the best files that is not among them."""
    for path, score in state["best_k_models"].items():
        if not isinstance(score, torch.Tensor) or score.numel() != 1 or not score.is_floating_point():
            raise FileError(f"{name}: {key}.best_k_models.{shown(path)} is {shown(score)}, expected a score.")
    if (worst := state["kth_best_model_path"]) and worst not in state["best_k_models"]:
        raise FileError(f"{name}: {key}.kth_best_model_path is {shown(worst)}, expected one of best_k_models.")
