"""Everything a command reads, and the schema behind every option file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

from rlx.config.groups import EnvConfig, HardwareConfig, TrainerConfig
from rlx.data.config import FolderData, SampleData, SyntheticData
from rlx.errors import RlxError
from rlx.evaluate.config import Benchmark, Protocol, WalkForward
from rlx.evaluate.every_start_config import EveryStart
from rlx.evaluate.guard_config import FittedGuard, GuardAb
from rlx.learners.differentiable_market.config import DifferentiableMarketConfig
from rlx.learners.gymrl.config import GymrlConfig
from rlx.learners.hftraining.config import HftrainingConfig
from rlx.learners.pufferlib.config import PufferlibConfig
from rlx.policies.config import (
    BuyAndHoldConfig,
    CashConfig,
    CheckpointConfig,
    EqualWeightConfig,
    HindsightConfig,
    InverseVolatilityConfig,
    KellyConfig,
    MinimumVarianceConfig,
    MomentumConfig,
    PlanConfig,
    ProductionConfig,
    WeightsConfig,
)
from rlx.ranges import FilePath, Whole, check_fields
from rlx.sim.rules import Costs, Guard, Rules
from rlx.tracking.config import LoggerConfig

USUAL_COSTS = Costs(slippage_bps=5.0, margin_annual=0.065, short_borrow_annual=0.003)
"""What a command charges unless told otherwise, where ``Costs()`` alone is free; conf/costs/flat_5bps.yaml says why."""


@dataclass
class TradedConfig:
    """What every command trades, under which rules, and how it is judged; the defaults are the command's own."""

    data: Any = MISSING
    env: EnvConfig = field(default_factory=EnvConfig)
    costs: Costs = USUAL_COSTS
    guard: Guard = field(default_factory=Guard)
    hardware: HardwareConfig = field(default_factory=HardwareConfig)
    protocol: Protocol = field(default_factory=Protocol)

    def rules(self) -> Rules:
        """Return the rules of trading; RlxError while the guard is still to be fitted."""
        if isinstance(self.guard, FittedGuard):
            raise RlxError("guard=fitted: its thresholds have not been fitted here; it needs the prices first.")
        return self.env.rules(self.costs, self.guard)


@dataclass
class TrainConfig(TradedConfig):
    """Everything ``train.py`` reads; ``resume`` names the run folder of a run to go on with."""

    seed: Annotated[int, Whole(0, 2**32 - 1)] = 0
    resume: Annotated[str | None, FilePath()] = None
    module: Any = MISSING
    logger: LoggerConfig = field(default_factory=LoggerConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)

    def __post_init__(self) -> None:
        check_fields(self, "")


@dataclass
class EvaluateConfig(TradedConfig):
    """Everything ``evaluate.py`` reads."""

    policy: Any = MISSING


SCHEMAS: dict[str, dict[str, Any]] = {
    "data": {"sample_schema": SampleData, "folder_schema": FolderData, "synthetic_schema": SyntheticData},
    "env": {"schema": EnvConfig},
    "costs": {"schema": Costs, "usual_schema": USUAL_COSTS},
    "guard": {"schema": Guard, "fitted_schema": FittedGuard},
    "module": {
        "gymrl_schema": GymrlConfig,
        "hftraining_schema": HftrainingConfig,
        "differentiable_market_schema": DifferentiableMarketConfig,
        "pufferlib_schema": PufferlibConfig,
    },
    "hardware": {"schema": HardwareConfig},
    "logger": {"schema": LoggerConfig},
    "protocol": {
        "schema": Protocol,
        "walk_forward_schema": WalkForward,
        "every_start_schema": EveryStart,
        "benchmark_schema": Benchmark,
        "guard_ab_schema": GuardAb,
    },
    "policy": {
        "cash_schema": CashConfig,
        "equal_weight_schema": EqualWeightConfig,
        "buy_and_hold_schema": BuyAndHoldConfig,
        "inverse_volatility_schema": InverseVolatilityConfig,
        "minimum_variance_schema": MinimumVarianceConfig,
        "momentum_schema": MomentumConfig,
        "kelly_schema": KellyConfig,
        "hindsight_schema": HindsightConfig,
        "weights_schema": WeightsConfig,
        "production_schema": ProductionConfig,
        "plan_schema": PlanConfig,
        "checkpoint_schema": CheckpointConfig,
    },
}


def register_schemas() -> None:
    """Make every schema known to Hydra under the name the option files give in their ``defaults``."""
    store = ConfigStore.instance()
    store.store("train_schema", writable(TrainConfig))
    store.store("evaluate_schema", writable(EvaluateConfig))
    for group, schemas in SCHEMAS.items():
        for name, schema in schemas.items():
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
