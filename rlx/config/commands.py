"""Everything a command reads, and the schema behind every option file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

from rlx import registry
from rlx.config.backtest import BacktestConfig
from rlx.config.forecast_check import ForecastCheckConfig
from rlx.config.groups import EnvConfig, HardwareConfig, TrainerConfig
from rlx.config.objective import ObjectiveConfig
from rlx.config.options import option_file, register_folders
from rlx.errors import ConfigError, RlxError
from rlx.evaluate.guard_config import FittedGuard
from rlx.evaluate.protocols.base import Protocol
from rlx.keys import REPLACED
from rlx.policies.gate import GateConfig
from rlx.ranges import FilePath, Whole, check_fields
from rlx.sim.rules import Costs, Guard, Rules
from rlx.tracking.config import LoggerConfig

USUAL_COSTS = Costs(slippage_bps=5.0, margin_annual=0.065, short_borrow_annual=0.003)
"""A command's default costs, whereas ``Costs()`` is free; conf/costs/flat_5bps.yaml gives the reason."""


@dataclass
class TradedConfig:
    """What every command trades, under which rules, and how it is judged, with the command's defaults.

    ``forecaster`` is None where nothing is forecast.
    """

    data: Any = MISSING
    env: EnvConfig = field(default_factory=EnvConfig)
    costs: Costs = USUAL_COSTS
    guard: Guard = field(default_factory=Guard)
    hardware: HardwareConfig = field(default_factory=HardwareConfig)
    protocol: Protocol = field(default_factory=Protocol)
    forecaster: Any = None

    def rules(self) -> Rules:
        """Return the rules of trading; RlxError while the guard is still to be fitted."""
        if isinstance(self.guard, FittedGuard):
            raise RlxError("guard=fitted: its thresholds have not been fitted; they need the prices first.")
        return self.env.rules(self.costs, self.guard)


@dataclass
class TrainConfig(TradedConfig):
    """Everything ``train.py`` reads; ``resume`` names the folder of a run to resume."""

    seed: Annotated[int, Whole(0, 2**32 - 1)] = 0
    resume: Annotated[str | None, FilePath()] = None
    module: Any = MISSING
    gate: GateConfig = field(default_factory=GateConfig)
    logger: LoggerConfig = field(default_factory=LoggerConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)

    def __post_init__(self) -> None:
        check_fields(self, "")
        if self.resume is None and (now := REPLACED.get(self.trainer.monitor)):
            raise ConfigError(f"trainer.monitor={self.trainer.monitor}: the same number is now logged as {now} only.")


@dataclass
class EvaluateConfig(TradedConfig):
    """Everything ``evaluate.py`` reads."""

    policy: Any = MISSING
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)


FIXED: dict[str, dict[str, Any]] = {
    "env": {"schema": EnvConfig},
    "costs": {"schema": Costs, "usual_schema": USUAL_COSTS},
    "guard": {"schema": Guard, "fitted_schema": FittedGuard},
    "gate": {"schema": GateConfig},
    "hardware": {"schema": HardwareConfig},
    "logger": {"schema": LoggerConfig},
}
"""Groups whose options differ only in numbers, by the names that option files inherit from."""

NAMED = ("data", "module", "policy", "protocol", "forecaster")
"""Groups whose options are components, built-in and of other packages."""

GROUPS = (*NAMED, *FIXED)


def schemas(group: str) -> dict[str, Any]:
    """Return the schemas of a group by the names that option files inherit from: of ``momentum``, ``momentum_schema``.

    KeyError for an unknown group.
    """
    if group in NAMED:
        return {f"{name}_schema": schema for name, schema in registry.loaded(group).items()}
    return FIXED[group]


def register_schemas() -> None:
    """Make every schema known to Hydra: for option files to inherit from, and as an option where it has no file."""
    register_folders()
    store = ConfigStore.instance()
    store.store("train_schema", writable(TrainConfig))
    store.store("evaluate_schema", writable(EvaluateConfig))
    store.store("backtest_schema", writable(BacktestConfig))
    store.store("forecast_check_schema", writable(ForecastCheckConfig))
    for group in GROUPS:
        for name, schema in schemas(group).items():
            store.store(name, writable(schema), group=group)
    for group in NAMED:
        for name, schema in registry.loaded(group).items():
            if option_file(group, name) is None:
                store.store(name, writable(schema), group=group)


def writable(schema: Any) -> DictConfig:
    """Return the schema, a dataclass or an object of one, as a tree that can be composed.

    OmegaConf makes frozen dataclasses read-only otherwise.
    """
    tree: DictConfig = OmegaConf.structured(schema)
    _unlock(tree)
    return tree


def _unlock(tree: DictConfig) -> None:
    tree._set_flag("readonly", None)
    for key in tree:
        child = tree._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none() and not child._is_missing():
            _unlock(child)
