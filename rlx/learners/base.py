"""The base class of all learners: one training step is one update, and the result is a policy checkpoint."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from lightning.pytorch import LightningModule

from rlx.compilation import Compiler
from rlx.data.market import Market
from rlx.data.normalizer import Normalizer
from rlx.data.splits import Span, Splits
from rlx.errors import CheckpointError, ConfigError
from rlx.learners.cross_fit import CrossFit
from rlx.policies.checkpoint import CheckpointPolicy, save_checkpoint
from rlx.policies.facts import PolicyFacts
from rlx.policies.gate import Gate
from rlx.policies.networks import PolicyNetwork
from rlx.sim.rules import Rules
from rlx.states import Updates, random_states, restore_random_states

CHECKPOINT_KEY = "rlx"
CHECKPOINT_FORMAT = 1
EXCESS = "excess_growth"
WHOLE = "book"  # name in files of the policy for all symbols; policies for some symbols have names of their own


class Totals(NamedTuple):
    """What training has done so far; ``seconds`` counts the time of the updates only."""

    updates: int
    env_steps: int
    seconds: float

    def throughput(self) -> dict[str, float]:
        """Return env steps and updates per second, by their keys under ``perf/``."""
        seconds = max(self.seconds, 1e-9)
        return {"env_steps_per_second": self.env_steps / seconds, "updates_per_second": self.updates / seconds}


FitPart = Callable[[LightningModule, Path, int, int], None]
"""Fits a module; the arguments are the module, a checkpoint's path, the updates and the updates between validations.

It starts from the checkpoint if there is one, and writes it at every validation. Ctrl-C raises KeyboardInterrupt after
the checkpoint has been written.
"""


class Preparation(NamedTuple):
    """What ``prepare`` works with: the run folder, the run that is resumed, and a function that fits modules."""

    run_dir: Path
    earlier: Path | None
    fit: FitPart


class Part(NamedTuple):
    """A policy for some of the symbols, which the learner trained as a part of the policy for all symbols."""

    market: Market
    rules: Rules
    facts: PolicyFacts
    network: PolicyNetwork


class Learner(LightningModule):
    """Trains a policy on the training span of a market under the rules of trading.

    A subclass sets ``module`` and ``config_type``, whose fields are the ``options``, implements ``updates``,
    ``network`` and the usual Lightning hooks, and calls ``log_update`` once per training step. Features are normalized
    with statistics of the training span only. Learners do not validate: the validation loop runs one empty step, in
    which the Trainer's callbacks judge ``policy()``. ``resolved_config`` is stored in the checkpoint; by default it is
    the module's configuration. ``part_noun`` is what files call ``parts``. ``compiler`` is passed to
    ``compile_networks`` when the fit starts; by default it compiles nothing.

    A resumed run gives the numbers of an uninterrupted run. Lightning's checkpoints hold weights, optimizers and
    schedulers, and this class adds totals and random states. A subclass with other state that outlives an update
    extends ``on_save_checkpoint`` and ``on_load_checkpoint``, calls the base methods, and stores tensors and plain
    values.
    """

    module: str
    config_type: type[Any]
    part_noun: str = "part"
    validations = 25
    """How often a run is validated that does not say so."""

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
        self.cross_fit = self._plan()
        self.normalizer = self._fit_normalizer()
        self.gate: Gate | None = None  # known when the fit has ended
        self._excess: list[float] = []
        self.totals = Totals(0, 0, 0.0)
        self.compiler = Compiler("off", "cpu")

    def _plan(self) -> CrossFit:
        """Return what is fitted and held out; learners without folds fit the training span."""
        n_folds, purge = (getattr(self.config, name, usual) for name, usual in (("n_folds", 1), ("purge_steps", 0)))
        return CrossFit.of(self.splits, n_folds, purge)

    def _fit_normalizer(self) -> Normalizer:
        first, span = self.market.first_bar(self.feature_names, self.window_steps), self.cross_fit.span
        if span.start < first:
            raise ConfigError(
                f"the training span starts at bar {span.start}, but a window of module.window_steps="
                f"{self.window_steps} bars of these features is complete from bar {first} on."
            )
        features = self.market.features(self.feature_names)
        return Normalizer.fit(self.feature_names, features, span.bars_seen(self.window_steps))

    @property
    @abstractmethod
    def updates(self) -> int:
        """Number of training steps of the whole run."""

    @abstractmethod
    def network(self) -> PolicyNetwork:
        """Return a copy of the current network, on the CPU and detached from training."""

    def prepare(self, preparation: Preparation) -> None:
        """Do the work that comes before the first update; most learners have none."""

    def has_prepared(self, run: Path) -> bool:
        """Return whether an earlier run contains work that ``prepare`` can continue."""
        return False

    def preparation_metrics(self) -> dict[str, float]:
        """Return the metrics of ``prepare``, by full key; most learners have none."""
        return {}

    def parts(self) -> Mapping[str, Part]:
        """Return policies for some of the symbols, by name; they are judged too. Most learners have none."""
        return {}

    def report(self, judged: Mapping[str, Mapping[str, Any]], seconds: float) -> tuple[str, dict[str, Any]] | None:
        """Return the name and the plain content of a JSON file about the whole training, or None for no file.

        ``judged`` has the metrics of every policy by name, those of the policy for all symbols under ``WHOLE``; it is
        empty if there are no updates and so no policy. ``seconds`` is the wall-clock time of the updates.
        """
        return None

    def policy(self) -> CheckpointPolicy:
        """Return a copy of the current policy, which further training does not change."""
        return CheckpointPolicy(self.facts(), self.network())

    def export(self, directory: str | Path) -> None:
        """Write the current policy as a checkpoint folder."""
        save_checkpoint(directory, self.facts(), self.network())

    def facts(self) -> PolicyFacts:
        """Return what a checkpoint stores about the policy in addition to its weights."""
        return PolicyFacts.of(
            self.module,
            self.market,
            self.rules,
            self.normalizer,
            self.window_steps,
            self.resolved_config,
            seen=self.seen_spans(),
            gate=self.gate,
        )

    def seen_spans(self) -> dict[str, Span]:
        """Return the spans that the policy has seen, by what they were used for."""
        return self.cross_fit.seen(self.splits)

    def held_out(self) -> Sequence[CheckpointPolicy]:
        """Return for each member of ``cross_fit`` the policy that is judged on the span it has not seen."""
        return [self.policy()]

    def on_fit_start(self) -> None:
        """Compile the networks, which the Trainer has moved to their device."""
        self.compile_networks(self.compiler)

    def compile_networks(self, compiler: Compiler) -> None:
        """Compile the networks that take most of an update's time; by default, nothing is compiled."""

    def on_fit_end(self) -> None:
        """Restore the networks to what they were before the fit: eager, and in float32."""
        for module in self.modules():
            vars(module).pop("forward", None)  # the compiled forward, or one of another precision

    def train_dataloader(self) -> Updates:
        """Return one empty batch per update: learners collect their own data."""
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
        if (excess := metrics.get(EXCESS)) is not None:
            self._excess.append(excess)
            self.log(f"train/{EXCESS}", excess, prog_bar=True, batch_size=1)
        others = {f"train/{name}": value for name, value in metrics.items() if name != EXCESS}
        self.log_dict(others | throughput, batch_size=1)

    def take_excess_growth(self) -> float:
        """Return the mean ``train/excess_growth`` of the updates since the last call; NaN if there was none."""
        taken, self._excess = self._excess, []
        return float(np.mean(taken)) if taken else float("nan")

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the module, the data's fingerprint, the totals and the random states."""
        checkpoint[CHECKPOINT_KEY] = {
            "format": CHECKPOINT_FORMAT,
            "module": self.module,
            "data_fingerprint": self.market.fingerprint,
            "totals": self.totals._asdict(),
            "random_states": random_states(),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore totals and random states; CheckpointError if another learner wrote the checkpoint."""
        self.totals = self.totals_in(checkpoint)
        restore_random_states(checkpoint[CHECKPOINT_KEY]["random_states"])

    def totals_in(self, checkpoint: Mapping[str, Any]) -> Totals:
        """Return the totals in a checkpoint of this learner; CheckpointError if another learner wrote it."""
        state = checkpoint.get(CHECKPOINT_KEY)
        if state is None or state["format"] != CHECKPOINT_FORMAT:
            raise CheckpointError("it was written by another version of rlx. Train again, or use that version.")
        if state["module"] != self.module:
            raise CheckpointError(f"it is a checkpoint of module={state['module']}, not of module={self.module}.")
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
