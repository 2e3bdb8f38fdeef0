"""A tiny Hydra application for the sweeper's tests: its objective is a parabola, with holes."""

from __future__ import annotations

import math
import os
import signal
import sys
from dataclasses import dataclass, field

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig

from rlx.stops import exiting_on_stops


@dataclass
class Trainer:
    """As in a training: what the objective is."""

    monitor: str = "val/sharpe"
    progress: bool = True


@dataclass
class App:
    """``x`` is searched for; above ``nan_above`` the objective is NaN, below ``raise_below`` the trial raises.

    With PAUSE_AFTER_FIRST in the environment later trials say so and wait for a signal.
    """

    seed: int = 0
    x: float = 0.0
    nan_above: float = 1e9
    raise_below: float = -1e9
    reason: str = "too\nsmall"
    trainer: Trainer = field(default_factory=Trainer)


ConfigStore.instance().store(name="app", node=App)


@hydra.main(version_base="1.3", config_path=None, config_name="app")
def main(cfg: App) -> float:
    """Return 1 - (x - 2)^2."""
    if os.environ.get("PAUSE_AFTER_FIRST") and HydraConfig.get().job.num > 0:
        sys.stdout.write("paused\n")
        sys.stdout.flush()
        signal.pause()
    if cfg.x < cfg.raise_below:
        raise ValueError(f"x={cfg.x} is {cfg.reason}")
    return math.nan if cfg.x > cfg.nan_above else 1.0 - (cfg.x - 2.0) ** 2


if __name__ == "__main__":
    with exiting_on_stops():
        main()
