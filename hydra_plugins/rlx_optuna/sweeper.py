"""The plugin class Hydra finds; Optuna itself is only imported when a sweep starts."""

from __future__ import annotations

from typing import Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class ResumableSweeper(Sweeper):
    """Optuna sweep over one objective, see ``ResumableSweeperConfig`` for the settings."""

    def __init__(self, **settings: Any) -> None:
        from hydra_plugins.rlx_optuna._study import ResumableStudy

        self.study = ResumableStudy(**settings)

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Store the arguments of the launcher."""
        self.study.setup(hydra_context=hydra_context, task_function=task_function, config=config)

    def sweep(self, arguments: list[str]) -> None:
        """Run trials until the study has ``n_trials``."""
        self.study.sweep(arguments)
