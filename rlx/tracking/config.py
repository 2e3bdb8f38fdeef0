"""Schema of the ``logger`` group."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from rlx.ranges import ListOf, Text, check_fields

UNNAMEABLE = "/\\#?%:"  # characters that W&B does not allow in a project's name


class WandbMode(StrEnum):
    """Whether Weights & Biases records a run, and whether it uploads it."""

    disabled = "disabled"
    offline = "offline"
    online = "online"


@dataclass(frozen=True)
class LoggerConfig:
    """Logging in addition to ``metrics.csv`` and ``metrics.jsonl``, which are always written.

    ``online`` needs an API key (``WANDB_API_KEY`` or ``wandb login``); without one the run is recorded offline, which
    takes neither key nor network and can be sent later with ``wandb sync``.
    """

    wandb: WandbMode = WandbMode.offline
    project: Annotated[str, Text(128, without=UNNAMEABLE)] = "rlx"
    entity: Annotated[str | None, Text(128, without=UNNAMEABLE)] = None
    group: Annotated[str | None, Text(128)] = None
    tags: Annotated[list[str], ListOf(Text(64), most=100)] = field(default_factory=list)

    def __post_init__(self) -> None:
        check_fields(self, "logger")
