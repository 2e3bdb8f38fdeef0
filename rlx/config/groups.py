"""Typed groups that belong to no room below: how the market is traded, the hardware, and the Trainer's budget."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from rlx.compilation import COMPILE_MODES
from rlx.errors import ConfigError, did_you_mean
from rlx.keys import KEYS
from rlx.sim.rules import Cooldown, Costs, Guard, Limits, Reward, Rules
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

    ``max_updates`` and ``max_minutes`` end a run before the module's own budget is spent. Without
    ``validate_every_updates`` that budget has 25 validations. ``early_stop_patience`` counts validations without a new
    best ``monitor``, and the ``keep_best`` best policies are kept.
    """

    max_updates: int | None = None
    max_minutes: float | None = None
    validate_every_updates: int | None = None
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
