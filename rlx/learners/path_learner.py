"""The base class of learners whose loss is computed from simulated paths; one training step is one update."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import torch
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from rlx.compilation import Compiler
from rlx.decisions.segments import Segment, Segments
from rlx.errors import RlxError
from rlx.learners.base import Learner, Stopwatch
from rlx.learners.optimizers import build_optimizers, learning_rate_schedule
from rlx.learners.path_config import PathLearnerConfig
from rlx.learners.warm_start import load_warm_start
from rlx.policies.checkpoint import CheckpointPolicy
from rlx.policies.facts import PolicyFacts
from rlx.policies.networks.tilt import TiltNetwork
from rlx.sim.rule_numbers import market_rule_numbers
from rlx.sim.torch_paths import PathPlayer
from rlx.sim.torch_state import TorchRules


class PathLearner(Learner):
    """Trains the members of a ``TiltNetwork`` on segments of what each is fitted to, which the torch engine simulates.

    A subclass implements ``build_network`` and ``learn``, which takes a ``Segment``, computes gradients and returns
    metrics. A segment holds an equal number of paths for each member, in the order of the members. ``averaged`` is the
    network's moving average, which is validated and exported.
    """

    config_type: type[PathLearnerConfig]
    config: PathLearnerConfig

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        torch.manual_seed(self.seed)
        self.net = self.build_network()
        self.warm = self._warm_start()
        self.averaged = AveragedModel(self.net, multi_avg_fn=get_ema_multi_avg_fn(self.config.ema_decay))  # type: ignore[no-untyped-call]
        self.segments = Segments(
            self.market,
            self.rules,
            self.cross_fit.span,
            self.feature_names,
            self.normalizer,
            self.window_steps,
            self.config.rollout_steps,
        )
        self.segments.starts = [torch.from_numpy(starts) for starts in self.cross_fit.starts(self.config.rollout_steps)]
        if self.warm is None:
            for network in (self.net, cast(TiltNetwork, self.averaged.module)):
                network.fit_spread(self.segments.features)
        self.settings = market_rule_numbers(self.rules, self.market)
        self.play = self._player()

    @abstractmethod
    def build_network(self) -> TiltNetwork:
        """Return the untrained network."""

    @abstractmethod
    def learn(self, segment: Segment) -> Mapping[str, float]:
        """Add the gradient of one update to the network's and return ``train/*`` metrics, named without prefix."""

    @property
    def updates(self) -> int:
        """Number of updates of the whole run."""
        return self.config.updates

    def _warm_start(self) -> CheckpointPolicy | None:
        if self.config.warm_start is None:
            return None
        policy = load_warm_start(self.config.warm_start, self.net, self.market.symbols, self.feature_names)
        self.normalizer = policy.normalizer  # the scaling that its weights were trained with
        return policy

    def facts(self) -> PolicyFacts:
        """Return the facts of this run; their spans include those that the warm start has seen."""
        facts = super().facts()
        if self.warm is None:
            return facts
        return replace(facts, seen=_hull(facts.seen, self.warm.facts.seen))

    def network(self) -> TiltNetwork:
        """Return a copy of the averaged network, on the CPU."""
        return copy.deepcopy(cast(TiltNetwork, self.averaged.module)).cpu()

    def held_out(self) -> list[CheckpointPolicy]:
        """Return a policy of each member alone."""
        network, facts = self.network(), self.facts()
        return [
            CheckpointPolicy(facts, network.among(slice(number, number + 1)))
            for number in range(len(self.cross_fit.members))
        ]

    def configure_optimizers(self) -> Any:
        """Return the optimizers and the schedule of each."""
        optimizers = build_optimizers(self.config, self.net)
        return optimizers, [learning_rate_schedule(self.config, one, self.updates) for one in optimizers]

    def on_fit_start(self) -> None:
        """Simulate on the Trainer's device, compiled if the run asks for it."""
        self.play = self._player()
        super().on_fit_start()

    def compile_networks(self, compiler: Compiler) -> None:
        """Compile the network in training; its average stays eager."""
        compiler.compile_module(self.net)

    def _player(self) -> PathPlayer:
        like = self.segments.returns
        return PathPlayer(TorchRules(self.settings, like, self.config.smooth_epsilon), self.compiler)

    def training_step(self, batch: int, batch_idx: int) -> None:
        """Draw segments, learn from them, and step."""
        with Stopwatch() as watch:
            segment = self.segments.draw(self.config.n_windows, self.config.feature_noise)
            metrics = dict(self.learn(segment))
            metrics |= self._step()
        self.log_update(metrics, self.env_steps_per_update, watch.seconds)

    @property
    def env_steps_per_update(self) -> int:
        """Number of account steps simulated in one update."""
        return self.config.n_windows * self.config.rollout_steps

    def _step(self) -> dict[str, float]:
        """Clip each member's gradient, step, and average; return the largest gradient norm and the rate before."""
        norms = [  # separately: a common norm would let a member feel the gradients of what it must not see
            torch.nn.utils.clip_grad_norm_(parameters, self.config.max_grad_norm)
            for parameters in self.net.parameters_by_member()
        ]
        norm = float(torch.stack(norms).max())
        if not norm < float("inf"):
            raise RlxError(
                f"module={self.module}: the gradient of update {self.totals.updates + 1} is not finite. Train "
                "again with a lower module.learning_rate."
            )
        first, *others = (cast(LightningOptimizer, one) for one in _as_list(self.optimizers()))
        learning_rate = float(first.param_groups[0]["lr"])
        first.step()  # Lightning counts this step only: an update is one step, however many optimizers there are
        for other in others:
            other.optimizer.step()
        for schedule in _as_list(self.lr_schedulers()):
            schedule.step()
        for one in (first, *others):
            one.zero_grad()
        self.averaged.update_parameters(self.net)
        return {"grad_norm": norm, "learning_rate": learning_rate}

    def simulate(self, targets: Tensor, segment: Segment) -> dict[str, Tensor]:
        """Simulate targets (B, T, A) in float32, regardless of the network's precision."""
        with torch.autocast(targets.device.type, enabled=False):
            return self.play(targets.float(), segment.tape)

    def equal_weight(self, segment: Segment) -> Tensor:
        """Return the rewards (B, T) of equal weights on the same segments, for which scores are zero."""
        with torch.no_grad():
            targets = self.net.targets(torch.zeros_like(segment.tape.returns))
            return self.simulate(targets, segment)["reward"]

    def weight_penalty(self) -> Tensor:
        """Return ``penalty`` x the squares of all weights of the members, without their speeds and normalisations."""
        squares = [p.square().sum() for name, p in self.net.named_parameters() if is_penalised(name, p)]
        return self.config.penalty * torch.stack(squares).sum()


def is_penalised(name: str, parameter: nn.Parameter) -> bool:
    """Return whether a parameter multiplies inputs: it is a matrix of weights."""
    return parameter.ndim >= 2 and name.endswith("weight")


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _hull(one: Mapping[str, list[str]], other: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return the shortest span that covers both, for each name."""
    spans = {name: [*one.get(name, []), *other.get(name, [])] for name in (*one, *other)}
    return {name: [min(stamps), max(stamps)] for name, stamps in spans.items()}
