"""Schema of ``hydra/sweeper=optuna``. No postponed annotations here: Hydra's scanner loads this file by itself."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra_plugins.hydra_optuna_sweeper.config import Direction
from omegaconf import MISSING

from rlx.ranges import Text, Whole


@dataclass
class ResumableSweeperConfig:
    """Settings of the sweeper.

    ``n_trials`` is the total number of trials of the study; ``storage`` and ``study_name`` select the study to
    continue; without a storage it is ``study.db`` in the sweep's folder.

    ``seed`` seeds the sampler, ``n_jobs`` trials are handed to the launcher at a time, and ``params`` maps the searched
    keys to their ranges in Hydra's sweep syntax, such as ``interval(0, 1)`` or ``choice(1, 2)``.
    """

    _target_: str = "hydra_plugins.rlx_optuna.sweeper.ResumableSweeper"
    _recursive_: bool = False
    defaults: list[Any] = field(default_factory=lambda: [{"sampler": "tpe"}])
    sampler: Any = MISSING
    seed: Annotated[int, Whole(0, 2**31)] = "${seed}"  # type: ignore[assignment]  # the run's own seed
    direction: Direction = Direction.maximize
    storage: str | None = None
    study_name: Annotated[str, Text()] = "rlx"
    n_trials: Annotated[int, Whole(1, 100_000)] = 20
    n_jobs: Annotated[int, Whole(1, 1_000)] = 1
    params: dict[str, str] | None = None


class TakeOptunaOption(SearchPathPlugin):
    """Makes ``hydra/sweeper=optuna`` mean this sweeper.

    The stock plugin stores an option of the same name, and Hydra validates any file of that name against it. Search
    path plugins run after every plugin is loaded, so this one overrides the others regardless of the order.
    """

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Store the option; the search path itself is unchanged."""
        ConfigStore.instance().store("optuna", ResumableSweeperConfig, group="hydra/sweeper", provider="rlx")
