"""The folder that Hydra creates for a run: refused if it contains an earlier run, removed if nothing ran in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from rlx.app.arguments import given_for
from rlx.app.endings import PastHydra, is_disk_error
from rlx.errors import ConfigError, RlxError
from rlx.run_folder import (
    claim,
    discard_if_unused,
    folder_shown,
    refuse_unusable,
    refuse_used,
    run_to_resume,
    there_before,
)

_before: set[Path] = set()  # paths that existed before this command, which are never removed

GRID = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"  # repeats trials; Optuna's continues


class KeepEarlierRuns(Callback):
    """Refuses a folder that contains an earlier run or cannot be created, before Hydra writes a run's record.

    The folder is read from the composed configuration, however it was named. Its content belongs to the user.
    """

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """End the command unless a run can have its folder."""
        with _past_hydra(config):
            folder = _folder(config, "hydra.run.dir")
            if given_for("hydra.sweep.dir", config.hydra.overrides.hydra):
                _folder(config, "hydra.sweep.dir")
            refuse_used(folder)
            _remember(folder)

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """End the command unless a sweep can have its folder."""
        with _past_hydra(config):
            folder = _folder(config, "hydra.sweep.dir")
            if config.hydra.sweeper._target_ == GRID and folder.is_dir():
                for run in sorted(folder.iterdir()):
                    refuse_used(run, key="hydra.sweep.dir")
            _remember(folder)


@contextmanager
def _past_hydra(config: DictConfig) -> Iterator[None]:
    """Carry the refusal of a folder past Hydra, which turns a callback's errors into warnings."""
    known = HydraConfig.instance()
    before = known.cfg
    known.set_config(config)  # as Hydra does before it asks for the folder, for ${hydra:...} in its name
    try:
        yield
    except (RlxError, OmegaConfBaseException, OSError) as error:
        raise PastHydra(error) from error
    finally:
        known.cfg = before


def _remember(folder: Path) -> None:
    _before.clear()  # of an earlier command of this process
    _before.update(there_before(folder))


def _folder(config: DictConfig, key: str) -> Path:
    value = OmegaConf.select(config, key)
    if not isinstance(value, str):
        raise ConfigError(f"{key}: must be the path of a folder.")
    refuse_unusable(key, value)
    return Path(value)


@contextmanager
def run_folder(resumed: str | None = None) -> Iterator[Path]:
    """Yield Hydra's run folder, and remove it if bad input stops the run before it has written anything.

    If a training is interrupted, the message says which run to resume: this one, or the one that it ``resumed``.
    """
    folder = Path(HydraConfig.get().runtime.output_dir)
    try:
        claim(folder)
    except RlxError as error:
        raise PastHydra(error) from error
    try:
        yield folder
    except RlxError as error:
        discard_if_unused(folder, _before)
        if HydraConfig.get().mode is not RunMode.RUN:
            raise  # the sweeper decides what a failed trial means
        raise PastHydra(error) from error
    except (KeyboardInterrupt, OSError) as error:
        earlier = None if resumed is None else Path(str(resumed))
        if not discard_if_unused(folder, _before) and (run := run_to_resume(folder, earlier)) is not None:
            error.add_note(f"Continue with: resume={folder_shown(run)}")
        if isinstance(error, OSError) and is_disk_error(error) and HydraConfig.get().mode is RunMode.RUN:
            raise PastHydra(error) from error
        raise
