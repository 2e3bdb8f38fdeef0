"""Learners that train through the simulator: all steps of a path at once, in turn, and under guards."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch
from harness import Row, seconds_of

from rlx.compilation import Compiler
from rlx.data.features import DEFAULT_FEATURES
from rlx.data.market import Market
from rlx.data.splits import SplitConfig, make_splits
from rlx.decisions.observation import Observation
from rlx.learners.differentiable_market.config import DifferentiableMarketConfig
from rlx.learners.differentiable_market.learner import DifferentiableMarketLearner
from rlx.learners.hftraining.config import HftrainingConfig
from rlx.learners.hftraining.learner import HftrainingLearner
from rlx.learners.path_config import PathLearnerConfig
from rlx.learners.path_learner import PathLearner
from rlx.policies.checkpoint import CheckpointPolicy
from rlx.sim.rules import Cooldown, Guard, Rules
from rlx.sim.torch_paths import PathPlayer

UPDATES = "Updates on daily9"
ALONE = "The simulator alone, forward and backward"
DECISIONS = "One decision on one observation"
NEVER = 10_000_000  # updates between two diagnoses
KINDS: dict[type[PathLearner], PathLearnerConfig] = {
    HftrainingLearner: HftrainingConfig(),
    DifferentiableMarketLearner: DifferentiableMarketConfig(diagnose_every_updates=NEVER),
}


def make(kind: type[PathLearner], market: Market, rules: Rules, *, in_turn: bool = False) -> PathLearner:
    """Return the learner with its default options, ready to learn without a Trainer."""
    options = {name: value for name, value in asdict(KINDS[kind]).items() if not name.startswith("_")}
    splits = make_splits(market, SplitConfig(), market.first_bar(DEFAULT_FEATURES, options["window_steps"]))
    learner: PathLearner = kind(
        market=market, rules=rules, splits=splits, feature_names=DEFAULT_FEATURES, seed=0, **options
    )  # type: ignore[call-arg]
    learner.play = PathPlayer(learner.play.rules, Compiler("off", "cpu"), in_turn=in_turn)
    learner.totals = learner.totals._replace(updates=1)  # update 0 is always diagnosed
    learner.manual_backward = torch.Tensor.backward  # type: ignore[method-assign, assignment]
    return learner


class Update:
    """One update of a learner, from drawing segments to the gradient."""

    def __init__(self, learner: PathLearner) -> None:
        self.learner = learner
        self.simulating = 0.0
        learner.simulate = self._timed(learner.simulate)  # type: ignore[method-assign]

    def _timed(self, simulate: Any) -> Any:
        def timed(*arguments: Any) -> Any:
            began = time.perf_counter()
            result = simulate(*arguments)
            self.simulating += time.perf_counter() - began
            return result

        return timed

    def __call__(self) -> None:
        """Learn from fresh segments."""
        learner, config = self.learner, self.learner.config
        learner.net.zero_grad()
        learner.learn(learner.segments.draw(config.n_windows, config.feature_noise))


class Simulation:
    """The simulator's part of an update, forward and backward, on targets of one shape."""

    def __init__(self, learner: PathLearner) -> None:
        self.learner = learner
        self.segment = learner.segments.at(torch.arange(learner.env_steps_per_update // learner.config.rollout_steps))
        shape = self.segment.tape.returns.shape
        self.targets = torch.softmax(torch.randn(shape, generator=torch.Generator().manual_seed(0)), -1)

    def gradient(self) -> torch.Tensor:
        """Return the gradient of the mean reward."""
        asked = self.targets.clone().requires_grad_()
        self.learner.simulate(asked, self.segment)["reward"].mean().backward()
        assert asked.grad is not None
        return asked.grad


def check_parity(simulations: dict[str, Simulation]) -> float:
    """Return the largest relative difference between the gradients at once and in turn; stop if it matters."""
    at_once, in_turn = (simulations[name].gradient() for name in ("at once", "in turn"))
    difference = float((at_once - in_turn).abs().max() / in_turn.abs().max())
    if difference > 1e-3:
        raise SystemExit(f"All steps at once and steps in turn differ by {difference:.3g}: timings mean nothing.")
    return difference


def decision_milliseconds(learner: PathLearner, market: Market, repeats: int = 200) -> float:
    """Return the median time in which the policy acts on one observation."""
    policy = learner.policy()
    observation = first_observation(policy, market)
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        policy.act(observation)
        taken.append(time.perf_counter() - began)
    return float(np.median(taken)) * 1e3


def first_observation(policy: CheckpointPolicy, market: Market) -> Observation:
    """Return the observation of one fresh account at the first bar at which the policy can decide."""
    features = market.features(policy.feature_names)
    bar = market.first_bar(policy.feature_names, policy.window_steps)
    weights, none = np.zeros((1, market.n_assets)), np.zeros((1, market.n_assets), dtype=np.int64)
    zero, at = np.zeros(1), np.array([bar])
    window = features[None, bar - policy.window_steps + 1 : bar + 1]
    stamp = market.timestamps[at]
    return Observation(window, weights, np.ones(1), zero, zero, none, none, at, stamp, np.zeros(1, dtype=np.int64))


def measure(market: Market, rules: Rules, rounds: int) -> dict[str, list[Row]]:
    """Return rows by table title: whole updates, the simulator alone, and decisions."""
    free = replace(rules, guard=Guard(), cooldown=Cooldown())
    tables: dict[str, list[Row]] = {title: [] for title in (UPDATES, ALONE, DECISIONS)}
    for kind in KINDS:
        learners = {
            "at once": make(kind, market, free),
            "in turn": make(kind, market, free, in_turn=True),
            "guarded": make(kind, market, rules),
        }
        tables[ALONE] += simulator_rows(learners, rounds)
        tables[UPDATES] += update_rows(learners, rounds)
        decision = decision_milliseconds(learners["at once"], market)
        tables[DECISIONS].append({"module": kind.module, "ms/decision": decision})
    return tables


def simulator_rows(learners: dict[str, PathLearner], rounds: int) -> list[Row]:
    """Time the simulator's part of an update, after comparing its gradients."""
    simulations = {name: Simulation(learner) for name, learner in learners.items()}
    difference = check_parity(simulations)
    seconds = seconds_of({name: simulation.gradient for name, simulation in simulations.items()}, rounds)
    rows = []
    for name, learner in learners.items():
        steps, length = learner.env_steps_per_update, learner.config.rollout_steps
        rows.append(
            {
                "module": learner.module,
                "paths x steps": f"{steps // length} x {length}",
                "steps": name,
                "ms": seconds[name] * 1e3,
                "ns/step": seconds[name] / steps * 1e9,
                "times at once": seconds[name] / seconds["at once"],
                "gradients differ by": difference,
            }
        )
    return rows


def update_rows(learners: dict[str, PathLearner], rounds: int) -> list[Row]:
    """Time whole updates without the optimizers' steps."""
    works = {name: Update(learner) for name, learner in learners.items()}
    seconds = seconds_of(works, rounds)
    rows = []
    for name, work in works.items():
        learner, taken = work.learner, seconds[name]
        rows.append(
            {
                "module": learner.module,
                "steps": name,
                "ms/update": taken * 1e3,
                "windows x steps/s": learner.config.n_windows * learner.config.rollout_steps / taken,
                "account steps/s": learner.env_steps_per_update / taken,
                "simulating forward": work.simulating / (rounds + 1) / taken,
                "times at once": taken / seconds["at once"],
            }
        )
    return rows
