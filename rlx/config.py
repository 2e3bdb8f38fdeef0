"""The schema of every command: typed groups with their defaults, and the rules that span several of them.

Only dataclasses are imported here, so that ``--help`` and a misspelt key answer at once.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar, cast

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from rlx.compilation import COMPILE_MODES
from rlx.config_errors import explain, refuse_unknown_keys
from rlx.data.config import FolderData, SampleData, SyntheticData
from rlx.errors import ConfigError, did_you_mean
from rlx.evaluate.config import Protocol
from rlx.keys import KEYS
from rlx.learners.gymrl.config import GymrlConfig
from rlx.policies.config import BuyAndHoldConfig, CashConfig, CheckpointConfig, EqualWeightConfig, WeightsConfig
from rlx.sim.rules import Cooldown, Costs, Guard, Limits, Reward, Rules
from rlx.tracking.config import LoggerConfig
from rlx.types import Accounting, Execution

PRECISIONS = ("32", "bf16-mixed")


class Device(StrEnum):
    """Where the networks run; ``auto`` takes a GPU when there is one."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


def _one_of(key: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigError(f"{key}={value!r}: must be one of {', '.join(allowed)}.{did_you_mean(value, allowed)}")


def _at_least(key: str, value: float | None, low: float) -> None:
    if value is not None and not value >= low:
        raise ConfigError(f"{key}={value}: must be at least {low:g}, or null for off.")


@dataclass(frozen=True)
class EnvConfig:
    """How the market is traded: the part of the rules that is neither cost nor guard."""

    accounting: Accounting = Accounting.exact
    execution: Execution = Execution.close
    drift: bool = True
    limits: Limits = field(default_factory=Limits)
    cooldown: Cooldown = field(default_factory=Cooldown)
    reward: Reward = field(default_factory=Reward)

    def rules(self, costs: Costs, guard: Guard) -> Rules:
        """Return the complete rules of trading."""
        return Rules(
            costs=costs,
            limits=self.limits,
            guard=guard,
            cooldown=self.cooldown,
            reward=self.reward,
            accounting=self.accounting,
            execution=self.execution,
            drift=self.drift,
        )


@dataclass(frozen=True)
class HardwareConfig:
    """Device, number format, CPU threads of torch and the simulator, and ``torch.compile`` mode.

    ``threads=None`` leaves torch its own choice and the simulator one thread.
    ``compile=auto`` compiles on a GPU only, where it pays.
    """

    device: Device = Device.auto
    precision: str = "32"
    threads: int | None = 1
    compile: str = "auto"

    def __post_init__(self) -> None:
        _one_of("hardware.precision", self.precision, PRECISIONS)
        _one_of("hardware.compile", self.compile, COMPILE_MODES)
        _at_least("hardware.threads", self.threads, 1)


@dataclass(frozen=True)
class TrainerConfig:
    """Budget, validation and checkpoints; an update is one training step, whatever the module.

    ``max_updates`` and ``max_minutes`` end a run before the module's own budget is spent. ``early_stop_patience``
    counts validations without a new best ``monitor``, and the ``keep_best`` best policies are kept.
    """

    max_updates: int | None = None
    max_minutes: float | None = None
    validate_every_updates: int = 5
    keep_best: int = 1
    early_stop_patience: int | None = None
    monitor: str = "val/sharpe"
    progress: bool = True

    def __post_init__(self) -> None:
        for name in ("max_updates", "validate_every_updates", "keep_best", "early_stop_patience"):
            _at_least(f"trainer.{name}", getattr(self, name), 1)
        if self.max_minutes is not None and not self.max_minutes > 0:
            raise ConfigError(f"trainer.max_minutes={self.max_minutes}: must be above 0, or null for no limit.")
        validation = [name for name in KEYS if name.startswith("val/")]
        if self.monitor not in validation:
            hint = did_you_mean(self.monitor, validation)
            raise ConfigError(f"trainer.monitor={self.monitor!r}: must be a validation metric of docs/keys.md.{hint}")


@dataclass
class TradedConfig:
    """What every command trades, under which rules, and how it is judged."""

    data: Any = MISSING
    env: EnvConfig = field(default_factory=EnvConfig)
    costs: Costs = field(default_factory=Costs)
    guard: Guard = field(default_factory=Guard)
    hardware: HardwareConfig = field(default_factory=HardwareConfig)
    protocol: Protocol = field(default_factory=Protocol)

    def rules(self) -> Rules:
        """Return the rules of trading."""
        return self.env.rules(self.costs, self.guard)


@dataclass
class TrainConfig(TradedConfig):
    """Everything ``train.py`` reads."""

    seed: int = 0
    module: Any = MISSING
    logger: LoggerConfig = field(default_factory=LoggerConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**32:
            raise ConfigError(f"seed={self.seed}: must be between 0 and {2**32 - 1}.")


@dataclass
class EvaluateConfig(TradedConfig):
    """Everything ``evaluate.py`` reads."""

    policy: Any = MISSING


SCHEMAS: dict[str, dict[str, type]] = {
    "data": {"sample_schema": SampleData, "folder_schema": FolderData, "synthetic_schema": SyntheticData},
    "env": {"schema": EnvConfig},
    "costs": {"schema": Costs},
    "guard": {"schema": Guard},
    "module": {"gymrl_schema": GymrlConfig},
    "hardware": {"schema": HardwareConfig},
    "logger": {"schema": LoggerConfig},
    "protocol": {"schema": Protocol},
    "policy": {
        "cash_schema": CashConfig,
        "equal_weight_schema": EqualWeightConfig,
        "buy_and_hold_schema": BuyAndHoldConfig,
        "weights_schema": WeightsConfig,
        "checkpoint_schema": CheckpointConfig,
    },
}
PARTS_OF_ENV = ("limits.", "cooldown.", "reward.")  # value objects that do not know where they are configured
FROM_THE_RUN = ("data", "env", "costs", "guard", "protocol")


def register_schemas() -> None:
    """Make every schema known to Hydra under the name the option files give in their ``defaults``."""
    store = ConfigStore.instance()
    store.store("train_schema", _writable(TrainConfig))
    store.store("evaluate_schema", _writable(EvaluateConfig))
    for group, schemas in SCHEMAS.items():
        for name, schema in schemas.items():
            store.store(name, _writable(schema), group=group)


def _writable(schema: type) -> DictConfig:
    """Return the schema as a tree that can be composed: OmegaConf makes frozen dataclasses read-only otherwise."""
    tree: DictConfig = OmegaConf.structured(schema)
    _unlock(tree)
    return tree


def _unlock(tree: DictConfig) -> None:
    tree._set_flag("readonly", None)
    for key in tree:
        child = tree._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none() and not child._is_missing():
            _unlock(child)


Config = TypeVar("Config", bound=TrainConfig | EvaluateConfig)


def typed(cfg: DictConfig, kind: type[Config]) -> Config:
    """Return the composed tree as dataclasses, whose own checks run; ConfigError names what is missing or wrong."""
    refuse_unknown_keys(cfg)
    try:
        config = OmegaConf.to_object(cfg)
    except MissingMandatoryValue as error:
        raise ConfigError(f"{error.full_key}: must be given, for example {error.full_key}=VALUE.") from error
    except OmegaConfBaseException as error:
        raise explain(error) from error
    except ConfigError as error:
        if str(error).startswith(PARTS_OF_ENV):
            raise ConfigError(f"env.{error}") from error
        raise
    if not isinstance(config, kind):
        raise ConfigError(f"expected a {kind.__name__}, the configuration is a {type(config).__name__}.")
    return config


def validate(config: TradedConfig) -> list[str]:
    """Check the rules that span several values; return what the user should know, raise ConfigError on nonsense."""
    if isinstance(config.data, FolderData) and not config.data.path:
        raise ConfigError("data.path: must be given, for example data.path=prices.")
    limits, guard, cooldown, reward = config.env.limits, config.guard, config.env.cooldown, config.env.reward
    intraday, closing = limits.intraday_gross, limits.closing_gross
    if intraday is not None and closing is not None and closing > intraday:
        raise ConfigError(
            f"env.limits.closing_gross={closing:g} is above env.limits.intraday_gross={intraday:g}: a position cannot "
            "be carried that could not be traded. Lower the first or raise the second."
        )
    notes = []
    if guard.turnover_threshold is not None and not cooldown.enabled:
        notes.append(
            "note: the turnover guard is idle: it works through the cooldown, and env.cooldown.steps is null (off)."
        )
    penalty = guard.negative_return_turnover_penalty
    if guard.negative_return_threshold is not None and penalty <= reward.turnover_penalty:
        notes.append(
            f"guard.negative_return_turnover_penalty={penalty:g} has no effect: env.reward.turnover_penalty="
            f"{reward.turnover_penalty:g} is as high already."
        )
    return notes + _idle_options(config)


def _idle_options(config: TradedConfig) -> list[str]:
    """Say which options nothing of this version reads."""
    notes = [
        f"env.reward.{name}={value:g} has no effect: no forecast is there to penalise yet."
        for name in ("cvar_penalty", "uncertainty_penalty")
        if (value := getattr(config.env.reward, name)) > 0
    ]
    asked = config.hardware
    differs = asked.device is Device.cuda or asked.precision != "32" or asked.compile not in ("auto", "off")
    if isinstance(config, EvaluateConfig) and differs:
        notes.append(
            "hardware.device, precision and compile have no effect on an evaluation: a policy is judged on the CPU, in "
            "float32 and eager."
        )
    return notes


def as_trained(cfg: DictConfig, run: Mapping[str, Any], overrides: Sequence[str]) -> DictConfig:
    """Return an evaluation's tree under the conditions of a training run, except where ``overrides`` say otherwise.

    ``run`` is the run's resolved configuration. A group the command line chose (``costs=zero``) is kept whole, a
    value it set (``costs.slippage_bps=8``) is put on top of the run's, and everything else is the run's. ConfigError
    when the run's values do not fit this version's schema.
    """
    given = [override.key_or_group for override in OverridesParser.create().parse_overrides(list(overrides))]
    result = copy.deepcopy(cfg)
    for group in FROM_THE_RUN:
        if group in given or group not in run:
            continue
        tree = _of_schema(group, run[group])
        for key in given:
            if key.startswith(f"{group}."):
                OmegaConf.update(tree, key.removeprefix(f"{group}."), OmegaConf.select(cfg, key))
        result[group] = tree
    return result


def _of_schema(group: str, values: Mapping[str, Any]) -> DictConfig:
    """Return recorded values as a tree of the schema of ``group`` that has those very keys."""
    for schema in SCHEMAS[group].values():
        tree = _writable(schema)
        if set(tree) == set(values):
            try:
                return cast(DictConfig, OmegaConf.merge(tree, dict(values)))
            except OmegaConfBaseException as error:
                raise ConfigError(f"{group}: the run recorded values that do not fit: {error}") from error
    raise ConfigError(
        f"{group}: the run was recorded by another version of rlx, its keys are {', '.join(sorted(values))}. "
        f"Choose the conditions yourself with {group}=OPTION."
    )
