"""The checkpoints of a run: the best few and the last, each whole or absent, for restoring and for resuming."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import ModelCheckpoint

from rlx.config import TrainerConfig
from rlx.errors import CheckpointError
from rlx.files import atomic_path, file_name
from rlx.keys import find_key
from rlx.run_folder import RunFolder
from rlx.untrusted.shown import shown


class WholeFiles(TorchCheckpointIO):
    """Writes a checkpoint to a temporary file next to its path and renames it, so that a kill leaves the previous one.

    Lightning's own moves it from the system's temporary folder, which is a copy if that is on another disk.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write ``checkpoint`` to ``path``."""
        whole = io.BytesIO()  # written by torch itself, a full disk is reported as "unexpected pos"
        torch.save(checkpoint, whole)
        with atomic_path(path) as temporary:
            temporary.write_bytes(whole.getbuffer())


class MovableCheckpoint(ModelCheckpoint):
    """A ``ModelCheckpoint`` whose files may have been moved to another folder since its state was saved."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue with the files of the same names in this folder."""
        super().load_state_dict(self.moved(state_dict))

    def moved(self, state_dict: dict[str, Any]) -> dict[str, Any]:
        """Return a state with every path in this folder; CheckpointError for a path of anything but a checkpoint."""
        best = {self._here(path): score for path, score in state_dict["best_k_models"].items()}
        names = ("best_model_path", "kth_best_model_path", "last_model_path")
        paths = {name: self._here(state_dict[name]) for name in names}
        return {**state_dict, **paths, "dirpath": self.dirpath, "best_k_models": best}

    def _here(self, path: str) -> str:
        return str(Path(str(self.dirpath), checkpoint_name(path))) if path else ""


def checkpoint_name(path: str) -> str:
    """Return the file name of a recorded checkpoint path; CheckpointError if it is not a checkpoint's."""
    name = path.replace("\\", "/").rpartition("/")[2]
    if not name.endswith(".ckpt") or file_name(name) != name:
        raise CheckpointError(
            f"{RunFolder.checkpoints}: {shown(path)} is not the path of a checkpoint. Start the run again."
        )
    return name


def best_checkpoints(config: TrainerConfig, folder: Path) -> MovableCheckpoint:
    """Return the callback that keeps the k best checkpoints by the monitored metric, in its better direction."""
    return MovableCheckpoint(
        dirpath=folder,
        filename="step{step:07d}",
        auto_insert_metric_name=False,
        monitor=config.monitor,
        mode=better(config.monitor),
        save_top_k=config.keep_best,
        save_on_train_epoch_end=False,  # at validations, which an interval of 1 would be mistaken for
    )


def last_checkpoint(path: Path) -> MovableCheckpoint:
    """Return the callback that keeps the last validation's checkpoint: ``save_last`` does so only for one of the best.

    It runs after ``best_checkpoints``, whose state it saves.
    """
    return MovableCheckpoint(
        dirpath=path.parent,
        filename=path.stem,
        save_on_train_epoch_end=False,
        enable_version_counter=False,
    )


def better(monitor: str) -> str:
    """Return ``max`` or ``min``, whichever is better for a metric."""
    return {"higher": "max", "lower": "min"}.get(find_key(monitor).better, "max")
