"""A tiny Hydra application for the sweeper's tests: its objective is a parabola, with holes."""

from __future__ import annotations

import math
import signal
from dataclasses import dataclass
from pathlib import Path

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig


@dataclass
class App:
    """``x`` is searched for; above ``nan_above`` the objective is NaN, below ``raise_below`` the trial raises."""

    seed: int = 0
    x: float = 0.0
    nan_above: float = 1e9
    raise_below: float = -1e9
    wait_after_first: bool = False


ConfigStore.instance().store(name="app", node=App)


@hydra.main(version_base="1.3", config_path=None, config_name="app")
def main(cfg: App) -> float:
    """Return 1 - (x - 2)^2."""
    (Path(HydraConfig.get().runtime.output_dir) / "started").touch()
    if HydraConfig.get().job.num > 0 and cfg.wait_after_first:
        signal.pause()
    if cfg.x < cfg.raise_below:
        raise ValueError(f"x={cfg.x} is too\nsmall")
    return math.nan if cfg.x > cfg.nan_above else 1.0 - (cfg.x - 2.0) ** 2


if __name__ == "__main__":
    main()
