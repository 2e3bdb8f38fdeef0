"""What every family of learners shares: one training step is one update, and the result is a policy checkpoint."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from lightning.pytorch import LightningModule

from rlx.compilation import Compiler
from rlx.data.market import Market
from rlx.data.normalizer import Normalizer
from rlx.data.splits import Span, Splits
from rlx.errors import CheckpointError, ConfigError
from rlx.policies.checkpoint import CheckpointPolicy, save_checkpoint
from rlx.policies.facts import PolicyFacts
from rlx.policies.networks import PolicyNetwork
from rlx.sim.rules import Rules
from rlx.states import Updates, random_states, restore_random_states

CHECKPOINT_KEY = "rlx"
CHECKPOINT_FORMAT = 1
WHOLE = "book"  # in files, the policy for all symbols beside those for some


class Totals(NamedTuple):
    """What training has done so far; ``seconds`` are those of its updates alone."""

    updates: int
    env_steps: int
    seconds: float

    def throughput(self) -> dict[str, float]:
        """Return env steps and updates a second, by their keys under ``perf/``."""
        seconds = max(self.seconds, 1e-9)
        return {"env_steps_per_second": self.env_steps / seconds, "updates_per_second": self.updates / seconds}


FitPart = Callable[[LightningModule, Path, int, int], None]
"""Fits a module for a number of updates, validated every so many, from the checkpoint at a path if there is one.

The last validation's checkpoint lies there afterwards. Ctrl-C ends in KeyboardInterrupt, with the checkpoint written.
"""


class Preparation(NamedTuple):
    """What a learner gets ready with: its run folder, the run that is resumed, and a Trainer for parts of its own."""

    run_dir: Path
    earlier: Path | None
    fit: FitPart


class Part(NamedTuple):
    """A policy for some of the symbols, that a learner made on the way to the one for all of them."""

    market: Market
    rules: Rules
    facts: PolicyFacts
    network: PolicyNetwork


class Learner(LightningModule):
    """Trains a policy on the training span of a market under the rules of trading.

    A subclass sets ``module`` and ``config_type``, whose fields are the ``options``, implements ``updates``,
    ``network`` and the usual Lightning hooks, and calls ``log_update`` once a training step. Features are normalized
    with statistics of the training span alone. Validation is nobody's business here: the validation loop runs one
    empty step, for the Trainer's callbacks to judge ``policy()`` in. ``resolved_config`` is stored in the checkpoint;
    by default it is the module's own. ``part_noun`` is what ``parts`` are called in files. ``compiler`` is what
    ``compile_networks`` is given when the fit starts; by default it compiles nothing.

    A resumed run gives the numbers of an uninterrupted one. Lightning's checkpoints hold weights, optimizers and
    schedulers, and this class adds totals and random states. A subclass with any other state that outlives an update
    extends ``on_save_checkpoint`` and ``on_load_checkpoint``, calls both here, and stores tensors and plain values.
    """

    module: str
    config_type: type[Any]
    part_noun: str = "part"

    def __init__(
        self,
        *,
        market: Market,
        rules: Rules,
        splits: Splits,
        feature_names: Sequence[str],
        seed: int,
        **options: Any,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False  # an update is more than a loss
        self.config = self.config_type(**options)
        self.market = market
        self.rules = rules
        self.splits = splits
        self.feature_names = tuple(feature_names)
        self.seed = seed
        self.window_steps: int = self.config.window_steps
        own = asdict(self.config)
        self.resolved_config: dict[str, Any] = {name: own[name] for name in own if not name.startswith("_")}
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

    def prepare(self, preparation: Preparation) -> None:
        """Do what has to be done before the first update; most learners have nothing to do."""

    def has_prepared(self, run: Path) -> bool:
        """Return whether an earlier run left something behind that ``prepare`` can go on with."""
        return False

    def preparation_metrics(self) -> dict[str, float]:
        """Return what is logged about ``prepare``, by full key; most learners have nothing."""
        return {}

    def parts(self) -> Mapping[str, Part]:
        """Return policies for some of the symbols by name, to be judged beside the one for all; most have none."""
        return {}

    def report(self, judged: Mapping[str, Mapping[str, Any]], seconds: float) -> tuple[str, dict[str, Any]] | None:
        """Return the name and the plain content of a JSON file about the whole training, None for no such file.

        ``judged`` are the metrics of every policy by name, that for all symbols under ``WHOLE``; empty where there are
        no updates and hence no policy. ``seconds`` is the wall clock of the updates.
        """
        return None

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
            seen=self.seen_spans(),
        )

    def seen_spans(self) -> dict[str, Span]:
        """Return the spans that made the policy, by what they were for."""
        return {"trained": self.splits.train, "selected": self.splits.validation}

    def on_fit_start(self) -> None:
        """Compile the networks, which the Trainer has moved to their device."""
        self.compile_networks(self.compiler)

    def compile_networks(self, compiler: Compiler) -> None:
        """Compile what updates spend their time in; a learner that has nothing to compile leaves this as it is."""

    def on_fit_end(self) -> None:
        """Leave the networks as they were before the fit: eager, and in float32."""
        for module in self.modules():
            vars(module).pop("forward", None)  # what compiled it, or computed it in another precision

    def train_dataloader(self) -> Updates:
        """Return one empty batch an update: learners gather their own data."""
        return Updates(self.updates)

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

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store what was learnt on what so far, and the random numbers to come."""
        checkpoint[CHECKPOINT_KEY] = {
            "format": CHECKPOINT_FORMAT,
            "module": self.module,
            "data_fingerprint": self.market.fingerprint,
            "totals": self.totals._asdict(),
            "random_states": random_states(),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Continue totals and random numbers; CheckpointError when the checkpoint is not of this learner."""
        self.totals = self.totals_in(checkpoint)
        restore_random_states(checkpoint[CHECKPOINT_KEY]["random_states"])

    def totals_in(self, checkpoint: Mapping[str, Any]) -> Totals:
        """Return the totals of a checkpoint of this learner; CheckpointError when it is another's."""
        state = checkpoint.get(CHECKPOINT_KEY)
        if state is None or state["format"] != CHECKPOINT_FORMAT:
            raise CheckpointError("it was written by another version of rlx. Train again, or use that version.")
        if state["module"] != self.module:
            raise CheckpointError(f"it is one of module={state['module']}, not of module={self.module}.")
        if state["data_fingerprint"] != self.market.fingerprint:
            raise CheckpointError("the prices have changed since it was written. Restore them, or train again.")
        shapes = [
            {name: tuple(x.shape) for name, x in s.items()} for s in (checkpoint["state_dict"], self.state_dict())
        ]
        if shapes[0] != shapes[1]:
            raise CheckpointError("its networks differ from those of this version of rlx. Train again.")
        return Totals(**state["totals"])


class Stopwatch:
    """Seconds spent in a ``with`` block."""

    seconds = 0.0

    def __enter__(self) -> Stopwatch:
        self._began = time.perf_counter()
        return self

    def __exit__(self, *error: object) -> None:
        self.seconds = time.perf_counter() - self._began
