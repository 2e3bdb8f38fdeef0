"""Typed groups that belong to no lower package: how the market is traded, the hardware, and the Trainer's budget."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from rlx.compilation import COMPILE_MODES
from rlx.errors import ConfigError, did_you_mean
from rlx.keys import REPLACED, keys
from rlx.ranges import Number, OneOf, Whole, check_fields
from rlx.sim.rules import Cooldown, Costs, Guard, Limits, Reward, Rules
from rlx.types import Accounting, Execution
from rlx.untrusted.shown import as_typed

UPDATES = Whole(1, 1_000_000_000)
PRECISIONS = ("32", "bf16-mixed")


class Device(StrEnum):
    """Where the networks run; ``auto`` takes a GPU when there is one."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


@dataclass(frozen=True)
class EnvConfig:
    """How the market is traded, long-only by default: the rules other than costs and guard."""

    accounting: Accounting = Accounting.exact
    execution: Execution = Execution.close
    drift: bool = True
    limits: Limits = field(default_factory=lambda: Limits(long_only=True))
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

    ``threads=None`` leaves the choice to torch and gives the simulator one thread. ``compile=auto`` compiles only on a
    GPU, where it is worthwhile.
    """

    device: Device = Device.auto
    precision: Annotated[str, OneOf(PRECISIONS)] = "32"
    threads: Annotated[int | None, Whole(1, 1_024)] = 1
    compile: Annotated[str, OneOf(COMPILE_MODES)] = "auto"

    def __post_init__(self) -> None:
        check_fields(self, "hardware")


@dataclass(frozen=True)
class TrainerConfig:
    """Budget, validation and checkpoints; an update is one training step of any module.

    ``max_updates`` and ``max_minutes`` end a run before the module's own budget is spent. Without
    ``validate_every_updates`` that budget has 25 validations. ``early_stop_patience`` counts validations without a new
    best ``monitor``, and the ``keep_best`` best policies are kept.
    """

    max_updates: Annotated[int | None, UPDATES] = None
    max_minutes: Annotated[float | None, Number(1e-6, 525_600)] = None
    validate_every_updates: Annotated[int | None, UPDATES] = None
    keep_best: Annotated[int, Whole(1, 1_000)] = 1
    early_stop_patience: Annotated[int | None, UPDATES] = None
    monitor: str = "val/excess_growth"
    progress: bool = True

    def __post_init__(self) -> None:
        check_fields(self, "trainer")
        validation, older = ([name for name in names if name.startswith("val/")] for names in (keys(), REPLACED))
        if self.monitor not in (*validation, *older):  # a run that monitors an older one may be resumed
            hint = did_you_mean(self.monitor, validation)
            raise ConfigError(
                f"trainer.monitor={as_typed(self.monitor)}: must be a validation metric of docs/keys.md.{hint}"
            )
