"""Lightning loggers for one run, and the scorecard's numbers written to all of them."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import CSVLogger, Logger, WandbLogger

from rlx.files import named_in_errors
from rlx.run_folder import RunFolder
from rlx.tracking.config import LoggerConfig, WandbMode
from rlx.tracking.json_lines import JsonLinesLogger
from rlx.tracking.wandb_run import start_run, wandb_mode


class RunFolderCsvLogger(CSVLogger):
    """Lightning's CSV logger, writing ``metrics.csv`` straight into a run folder that already holds other files."""

    def __init__(self, run_dir: Path) -> None:
        super().__init__(save_dir=run_dir, name="", version="")
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Experiment logs directory")
            self.experiment  # noqa: B018 - built here, where its warning about a used folder is expected

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Write nothing: the run folder holds the resolved configuration already."""

    def save(self) -> None:
        """Write the rows that are waiting."""
        with named_in_errors(RunFolder(Path(self.log_dir)).metrics_csv):
            super().save()


def build_loggers(config: LoggerConfig, run_dir: Path, run_name: str, settings: Mapping[str, Any]) -> list[Logger]:
    """Return the loggers of one run; ``settings`` is the resolved configuration W&B stores with it.

    There is no prompt on the terminal. ``online`` without an API key, or without an answer from the server, stays
    offline and reports that once; a refused key is a ConfigError.
    """
    loggers: list[Logger] = [RunFolderCsvLogger(run_dir), JsonLinesLogger(run_dir)]
    mode = wandb_mode(config.wandb)
    if mode is not WandbMode.disabled:
        loggers.append(_wandb_logger(config, mode, run_dir, run_name, settings))
    return loggers


def _wandb_logger(
    config: LoggerConfig, mode: WandbMode, run_dir: Path, run_name: str, settings: Mapping[str, Any]
) -> WandbLogger:
    # Started here rather than by Lightning on first use: a run that cannot start must stop before the training, and
    # Lightning would leave WANDB_MODE set for later runs and pass a setting that W&B warns about.
    run = start_run(config, mode, run_dir, run_name, settings)
    run.define_metric("trainer/global_step")
    run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
    return WandbLogger(experiment=run, save_dir=run_dir)


def log_final(loggers: Iterable[Logger], metrics: Mapping[str, float], step: int) -> None:
    """Write a scorecard's numbers (``eval/*``, ``guard/*``, ...) to every logger, at the last training step."""
    for logger in loggers:
        logger.log_metrics(dict(metrics), step)
        logger.save()


@contextmanager
def open_loggers(
    config: LoggerConfig, run_dir: Path, run_name: str, settings: Mapping[str, Any]
) -> Iterator[list[Logger]]:
    """Yield what ``build_loggers`` returns, and close it, as failed when an exception ends the block."""
    loggers = build_loggers(config, run_dir, run_name, settings)
    succeeded = False
    try:
        yield loggers
        succeeded = True
    finally:
        close_loggers(loggers, succeeded=succeeded)


def close_loggers(loggers: Iterable[Logger], *, succeeded: bool = True) -> None:
    """Flush and end every logger, so that the next run in this process starts its own."""
    for logger in loggers:
        logger.finalize("success" if succeeded else "failed")
        if isinstance(logger, WandbLogger):
            logger.experiment.finish(exit_code=0 if succeeded else 1)
