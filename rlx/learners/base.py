"""What every family of learners shares: one training step is one update, and the result is a policy checkpoint."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lightning.pytorch import LightningModule

from rlx.compilation import Compiler
from rlx.data.market import Market
from rlx.data.normalizer import Normalizer
from rlx.data.splits import Splits
from rlx.errors import ConfigError
from rlx.policies.checkpoint import CheckpointPolicy, PolicyFacts, save_checkpoint
from rlx.policies.networks import PolicyNetwork
from rlx.sim.rules import Rules


class Totals(NamedTuple):
    """What training has done so far; ``seconds`` are those of its updates alone."""

    updates: int
    env_steps: int
    seconds: float

    def throughput(self) -> dict[str, float]:
        """Return env steps and updates a second, by their keys under ``perf/``."""
        seconds = max(self.seconds, 1e-9)
        return {"env_steps_per_second": self.env_steps / seconds, "updates_per_second": self.updates / seconds}


class Learner(LightningModule):
    """Trains a policy on the training span of a market under the rules of trading.

    A subclass sets ``module``, implements ``updates``, ``network`` and the usual Lightning hooks, and calls
    ``log_update`` once a training step. Features are normalized with statistics of the training span alone.
    Validation is nobody's business here: the validation loop runs one empty step, for the Trainer's callbacks to
    judge ``policy()`` in. ``resolved_config`` is stored in the checkpoint; by default it is the module's own.
    ``compiler`` is what ``compile_networks`` is given when the fit starts; by default it compiles nothing.
    """

    module: str

    def __init__(
        self,
        market: Market,
        rules: Rules,
        splits: Splits,
        feature_names: Sequence[str],
        seed: int,
        window_steps: int,
        config: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self.market = market
        self.rules = rules
        self.splits = splits
        self.feature_names = tuple(feature_names)
        self.seed = seed
        self.window_steps = window_steps
        self.resolved_config: dict[str, Any] = dict(config)
        self.normalizer = self._fit_normalizer()
        self.totals = Totals(0, 0, 0.0)
        self.compiler = Compiler("off", "cpu")

    def _fit_normalizer(self) -> Normalizer:
        first, span = self.market.first_bar(self.feature_names, self.window_steps), self.splits.train
        if span.start < first:
            raise ConfigError(
                f"the training span starts at bar {span.start}, but a window of module.window_steps="
                f"{self.window_steps} bars of these features is complete from bar {first} on."
            )
        seen = slice(span.start - self.window_steps + 1, span.stop)
        return Normalizer.fit(self.feature_names, self.market.features(self.feature_names), seen)

    @property
    @abstractmethod
    def updates(self) -> int:
        """Training steps of the whole run."""

    @abstractmethod
    def network(self) -> PolicyNetwork:
        """Return a copy of the current network, on the CPU and detached from training."""

    def policy(self) -> CheckpointPolicy:
        """Return the current policy in memory; training does not change it afterwards."""
        return CheckpointPolicy(self.facts(), self.network())

    def export(self, directory: str | Path) -> None:
        """Write the current policy as a checkpoint folder."""
        save_checkpoint(directory, self.facts(), self.network())

    def facts(self) -> PolicyFacts:
        """Return what a checkpoint says about the policy besides its weights."""
        return PolicyFacts.of(
            self.module,
            self.market,
            self.rules,
            self.normalizer,
            self.window_steps,
            self.resolved_config,
            seen={"trained": self.splits.train, "selected": self.splits.validation},
        )

    def on_fit_start(self) -> None:
        """Compile the networks, which the Trainer has moved to their device."""
        self.compile_networks(self.compiler)

    def compile_networks(self, compiler: Compiler) -> None:
        """Compile what updates spend their time in; a learner that has nothing to compile leaves this as it is."""

    def train_dataloader(self) -> Sequence[int]:
        """Return one empty batch an update: learners gather their own data."""
        return range(self.updates)

    def val_dataloader(self) -> Sequence[int]:
        """Return the one batch of the empty validation step."""
        return range(1)

    def validation_step(self, batch: int, batch_idx: int) -> None:
        """Do nothing: the Trainer's callbacks judge the policy."""

    def log_update(self, metrics: Mapping[str, float], env_steps: int, seconds: float) -> None:
        """Log one update's ``train/*`` metrics, and its throughput under ``perf/*``."""
        self.totals = Totals(self.totals.updates + 1, self.totals.env_steps + env_steps, self.totals.seconds + seconds)
        throughput = {f"perf/{name}": value for name, value in Totals(1, env_steps, seconds).throughput().items()}
        self.log_dict({f"train/{name}": value for name, value in metrics.items()} | throughput, batch_size=1)


class Stopwatch:
    """Seconds spent in a ``with`` block."""

    seconds = 0.0

    def __enter__(self) -> Stopwatch:
        self._began = time.perf_counter()
        return self

    def __exit__(self, *error: object) -> None:
        self.seconds = time.perf_counter() - self._began
