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
from rlx.learners.differentiable_market.config import DifferentiableMarketConfig
from rlx.learners.differentiable_market.learner import DifferentiableMarketLearner
from rlx.learners.hftraining.config import HftrainingConfig
from rlx.learners.hftraining.learner import HftrainingLearner
from rlx.learners.path_config import PathLearnerConfig
from rlx.learners.path_learner import PathLearner
from rlx.sim.rules import Cooldown, Guard, Rules
from rlx.sim.torch_paths import PathPlayer

NEVER = 2**31  # updates between two diagnoses
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
    """One update of a learner, from drawing stretches to the gradient."""

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
        """Learn from fresh stretches."""
        learner, options = self.learner, self.learner.options
        learner.net.zero_grad()
        learner.learn(learner.stretches.draw(options.n_windows, options.feature_noise))


class Simulation:
    """The simulator's part of an update, forward and backward, on targets of one shape."""

    def __init__(self, learner: PathLearner) -> None:
        self.learner = learner
        self.stretch = learner.stretches.at(torch.arange(learner.env_steps_per_update // learner.options.rollout_steps))
        shape = self.stretch.tape.returns.shape
        self.targets = torch.softmax(torch.randn(shape, generator=torch.Generator().manual_seed(0)), -1)

    def gradient(self) -> torch.Tensor:
        """Return the gradient of the mean reward."""
        asked = self.targets.clone().requires_grad_()
        self.learner.simulate(asked, self.stretch)["reward"].mean().backward()
        assert asked.grad is not None
        return asked.grad


def check_parity(simulations: dict[str, Simulation]) -> float:
    """Return the largest relative difference between the gradients at once and in turn; stop if it matters."""
    at_once, in_turn = (simulations[name].gradient() for name in ("at once", "in turn"))
    difference = float((at_once - in_turn).abs().max() / in_turn.abs().max())
    if difference > 1e-3:
        raise SystemExit(f"All steps at once and steps in turn differ by {difference:.3g}: timings mean nothing.")
    return difference


def decision_milliseconds(learner: PathLearner, repeats: int = 200) -> float:
    """Return the median time of deciding on one observation, normalizer excluded."""
    policy, window = learner.policy(), learner.stretches.features[None, : learner.options.window_steps].numpy()
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        policy.network.allocate(window, None)  # type: ignore[arg-type]
        taken.append(time.perf_counter() - began)
    return float(np.median(taken)) * 1e3


def measure(market: Market, rules: Rules, rounds: int) -> dict[str, list[Row]]:
    """Return rows by table title: whole updates, the simulator alone, and decisions."""
    free = replace(rules, guard=Guard(), cooldown=Cooldown())
    updates: list[Row] = []
    alone: list[Row] = []
    decisions: list[Row] = []
    for kind in KINDS:
        learners = {
            "at once": make(kind, market, free),
            "in turn": make(kind, market, free, in_turn=True),
            "guarded": make(kind, market, rules),
        }
        simulations = {name: Simulation(learner) for name, learner in learners.items()}
        difference = check_parity(simulations)
        seconds = seconds_of({name: simulation.gradient for name, simulation in simulations.items()}, rounds)
        steps = learners["at once"].env_steps_per_update
        alone += [
            {
                "module": kind.module,
                "paths x steps": f"{steps // learner.options.rollout_steps} x {learner.options.rollout_steps}",
                "steps": name,
                "ms": seconds[name] * 1e3,
                "ns/step": seconds[name] / steps * 1e9,
                "times at once": seconds[name] / seconds["at once"],
                "gradients differ by": difference,
            }
            for name, learner in learners.items()
        ]
        works = {name: Update(learner) for name, learner in learners.items()}
        seconds = seconds_of(works, rounds)
        updates += [
            {
                "module": kind.module,
                "steps": name,
                "ms/update": seconds[name] * 1e3,
                "windows x steps/s": work.learner.options.n_windows
                * work.learner.options.rollout_steps
                / seconds[name],
                "account steps/s": steps / seconds[name],
                "simulating forward": work.simulating / (rounds + 1) / seconds[name],
                "times at once": seconds[name] / seconds["at once"],
            }
            for name, work in works.items()
        ]
        decisions.append({"module": kind.module, "ms/decision": decision_milliseconds(learners["at once"])})
    return {
        "Updates on daily9": updates,
        "The simulator alone, forward and backward": alone,
        "One decision on one observation": decisions,
    }
