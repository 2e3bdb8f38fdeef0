"""Does a learner train reproducibly, resume exactly, and export a policy that acts without it?"""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np
from omegaconf import OmegaConf

from rlx import registry
from rlx.app.train import train
from rlx.config import TrainConfig, TrainerConfig
from rlx.config.commands import writable
from rlx.data.config import SyntheticData
from rlx.data.market import Market
from rlx.data.traded import load_traded
from rlx.evaluate.protocols.base import Protocol
from rlx.policies.checkpoint import load_checkpoint
from rlx.run_folder import RunFolder
from rlx.testing.policies import check_policy
from rlx.tracking.config import LoggerConfig, WandbMode

DATA = SyntheticData(kind="random_walk", n_assets=3, n_bars=400)
PROTOCOL = Protocol(window_steps=5, bootstrap_replications=100)
LOGGER = LoggerConfig(wandb=WandbMode.disabled)


def check_learner(config: Any) -> None:
    """Assert that the learner of a ``module`` configuration meets the requirements for every learner.

    It is trained for two updates three times on a small generated market: the same seed gives the same weights, and so
    does a run that is stopped after one update and resumed; the exported policy passes ``check_policy``. Use a
    configuration with small updates. AssertionError names the violation.
    """
    known = type(config) in registry.loaded("module").values()
    assert known, f"{type(config).__qualname__} is not registered; declare it under the entry points rlx.learners"
    with TemporaryDirectory() as folder:
        once, again, part, whole = (Path(folder, name) for name in ("once", "again", "part", "whole"))
        _train(config, once, updates=2)
        _train(config, again, updates=2)
        assert _same(once, again), "two runs of one seed differ: draw from torch's generators, seeded by self.seed"
        _train(config, part, updates=1)
        RunFolder(part).scorecard.unlink()
        _train(config, whole, updates=2, resume=part)
        assert _same(once, whole), "a resumed run differs: what outlives an update must be in on_save_checkpoint"
        check_policy(load_checkpoint(once), Market(DATA.load()))


def _train(config: Any, run: Path, updates: int, resume: Path | None = None) -> None:
    run.mkdir()
    trainer = TrainerConfig(max_updates=updates, validate_every_updates=1, progress=False, keep_best=2)
    chosen = TrainConfig(
        data=DATA,
        module=config,
        trainer=trainer,
        protocol=PROTOCOL,
        logger=LOGGER,
        resume=None if resume is None else str(resume),
    )
    resolved = cast(dict[str, Any], OmegaConf.to_container(writable(chosen), resolve=True))
    train(chosen, resolved, load_traded(DATA, config.window_steps), run, began=time.perf_counter())


def _same(one: Path, other: Path) -> bool:
    policies = [load_checkpoint(run) for run in (one, other)]
    states = [policy.network.state_dict() for policy in policies]
    return states[0].keys() == states[1].keys() and all(
        np.array_equal(states[0][name].numpy(), states[1][name].numpy()) for name in states[0]
    )
