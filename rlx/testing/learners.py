"""Does a learner train reproducibly, resume exactly, export a policy that acts without it, and learn?"""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np
from omegaconf import OmegaConf

from rlx import registry
from rlx.app.train import make_learner, train
from rlx.config import TrainConfig, TrainerConfig
from rlx.config.commands import writable
from rlx.data.config import SyntheticData
from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.data.synthetic import KNOWN_BARS, KnownMarket, known_market
from rlx.data.traded import load_traded
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.known_answer import expected_growth, reference
from rlx.evaluate.protocols.base import Protocol
from rlx.evaluate.windows import HOLDOUT, holdout_windows
from rlx.policies.base import Policy
from rlx.policies.baselines import EqualWeight
from rlx.policies.checkpoint import CheckpointPolicy, load_checkpoint
from rlx.run_folder import RunFolder
from rlx.testing.policies import check_policy
from rlx.tracking.config import LoggerConfig, WandbMode

DATA = SyntheticData(kind="random_walk", n_assets=3, n_bars=400)
PROTOCOL = Protocol(window_steps=5, bootstrap_replications=100)
HARM = 0.002
"""Most log growth a year that an untrained policy may earn over equal weight, or lose."""

TESTED = Span(KNOWN_BARS - 900, KNOWN_BARS - 1)
"""Decisions of a known market after every default split."""

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


def check_learns(config: Any, share: float = 0.5) -> None:
    """Assert that the learner of a ``module`` configuration finds a strong signal, and does no harm without one.

    Untrained, its policy must be within ``HARM`` of equal weight in a market of noise. Trained in a market whose volume
    predicts returns, it must capture at least ``share`` of what the best rule earns over equal weight, in expected
    growth. AssertionError names the violation.
    """
    noise, strong = known_market("noise"), known_market("volS")
    lost = _expected_growth(_untrained(config, noise), noise) - _expected_growth(EqualWeight(), noise)
    assert abs(lost) <= HARM, f"untrained, it earns {lost:+.2%} a year over equal weight: start from equal weight"
    with TemporaryDirectory() as folder:
        run = Path(folder, "run")
        _train(config, run, data=SyntheticData(kind="volS"))
        earned = _expected_growth(load_checkpoint(run), strong)
    found = reference(strong, TESTED, TrainConfig(data=DATA).rules()).share(earned)
    assert found >= share, f"it captures {found:.2f} of the gain in a market with a strong signal, below {share:.2f}"


def _untrained(config: Any, market: KnownMarket) -> CheckpointPolicy:
    data = SyntheticData(kind=market.name)
    chosen = TrainConfig(data=data, module=config)
    return make_learner(chosen, {}, load_traded(data, config.window_steps)).policy()


def _expected_growth(policy: Policy, market: KnownMarket) -> float:
    rules = TrainConfig(data=DATA).rules()
    played = evaluate(policy, Market(market.panel), (holdout_windows(TESTED),), rules)
    return expected_growth(played.sets[HOLDOUT].ledger.select(0), market, TESTED)


def _train(
    config: Any, run: Path, updates: int | None = None, resume: Path | None = None, data: SyntheticData = DATA
) -> None:
    run.mkdir()
    every = None if updates is None else 1
    trainer = TrainerConfig(max_updates=updates, validate_every_updates=every, progress=False, keep_best=2)
    chosen = TrainConfig(
        data=data,
        module=config,
        trainer=trainer,
        protocol=PROTOCOL,
        logger=LOGGER,
        resume=None if resume is None else str(resume),
    )
    resolved = cast(dict[str, Any], OmegaConf.to_container(writable(chosen), resolve=True))
    train(chosen, resolved, load_traded(data, config.window_steps), run, began=time.perf_counter())


def _same(one: Path, other: Path) -> bool:
    policies = [load_checkpoint(run) for run in (one, other)]
    states = [policy.network.state_dict() for policy in policies]
    return states[0].keys() == states[1].keys() and all(
        np.array_equal(states[0][name].numpy(), states[1][name].numpy()) for name in states[0]
    )
