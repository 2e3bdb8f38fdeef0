"""Schema of the ``logger`` group."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class WandbMode(StrEnum):
    """Whether Weights & Biases records a run, and whether it sends it."""

    disabled = "disabled"
    offline = "offline"
    online = "online"


@dataclass(frozen=True)
class LoggerConfig:
    """What is recorded besides ``metrics.csv`` and ``metrics.jsonl``, which always are.

    ``online`` needs an API key (``WANDB_API_KEY`` or ``wandb login``); without one the run is recorded offline, which
    takes neither key nor network and can be sent later with ``wandb sync``.
    """

    wandb: WandbMode = WandbMode.offline
    project: str = "rlx"
    entity: str | None = None
    group: str | None = None
    tags: list[str] = field(default_factory=list)
