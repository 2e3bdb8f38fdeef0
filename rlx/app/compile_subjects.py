"""The subjects of ``rlx compile check``: the training of a module, and the simulator."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import Callback

from rlx.app.train import make_learner
from rlx.compilation import Compiler, frames_compiled
from rlx.compile_check.measure import Play
from rlx.compile_check.subject import Window, sides, warm_calls
from rlx.config import TrainConfig
from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.data.traded import Traded
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.windows import HOLDOUT, holdout_windows
from rlx.learners.base import Preparation
from rlx.measures.statistics import return_statistics
from rlx.policies.base import Policy
from rlx.sim.rule_numbers import market_rule_numbers
from rlx.sim.torch_paths import PathPlayer
from rlx.sim.torch_state import Step, TorchRules
from rlx.training.hardware import Hardware
from rlx.training.trainer import part_fitter, run_fit
from rlx.types import Execution, FloatArray

ACCOUNTS = 16
"""Accounts of the simulator's plays, each with random weights of its own."""


class TimedCalls(Callback):
    """Seconds of every update, and the compiled frames before and after it."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.frames = [frames_compiled()]
        self._began = 0.0

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Start the clock."""
        self._began = time.perf_counter()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stop it."""
        self.seconds.append(time.perf_counter() - self._began)
        self.frames.append(frames_compiled())


class TrainedModule:
    """A short training from the configured seed, whose last policy then trades the span to judge; a call is an update.

    The policy trades without its gate, in the judge, on the CPU and eager: what differs is what was learnt. A cache of
    the module is neither read nor written: it would answer the second play.
    """

    def __init__(
        self, name: str, config: TrainConfig, traded: Traded, span: Span, hardware: Hardware, updates: int
    ) -> None:
        self.config, self.traded, self.span = replace(config, module=_without_cache(config.module)), traded, span
        self.hardware, self.updates = hardware, updates
        market, self.name = traded.market, f"module={name}"
        self.window = window_of(market, span)
        self.metrics = {f"eval/{name}": one for name, one in return_statistics(market.periods_per_year).items()}

    def play(self, compiler: Compiler) -> Play:
        """Train, and judge the policy."""
        seed_everything(self.config.seed, verbose=False)
        learner = make_learner(self.config, {}, self.traded)
        learner.compiler, clock = compiler, TimedCalls()
        hardware, settings = replace(self.hardware, compiler=compiler), replace(self.config.trainer, progress=False)
        updates = min(learner.updates, self.updates)
        with TemporaryDirectory(prefix="rlx-compile-") as folder:
            learner.prepare(Preparation(Path(folder), None, part_fitter(settings, hardware, Path(folder))))
            run_fit(learner, settings, hardware, Path(folder), [clock], updates=updates, validate_every_updates=updates)
        weights, returns = self._judged(learner.policy())
        return Play({"weights": weights}, sides(weights), returns, np.array(clock.seconds), warm_calls(clock.frames))

    def _judged(self, policy: Policy) -> tuple[FloatArray, FloatArray]:
        """Return executed weights (T, A) and net returns (T,)."""
        windows = (holdout_windows(self.span),)
        book = evaluate(policy, self.traded.market, windows, self.config.rules()).sets[HOLDOUT].ledger
        return np.asarray(book.executed_weights[0], np.float64), np.asarray(book.net_return[0], np.float64)


def _without_cache(module: Any) -> Any:
    return replace(module, cache_dir=None) if hasattr(module, "cache_dir") else module


class SimulatedPaths:
    """Random weights of several accounts, played through the torch engine with their gradient; a call is one play."""

    name = "simulator"

    def __init__(self, config: TrainConfig, market: Market, span: Span, device: str, calls: int) -> None:
        draws = np.random.default_rng(config.seed).dirichlet(np.ones(market.n_assets + 1), (ACCOUNTS, len(span)))
        self.targets = torch.as_tensor(draws[..., 1:], dtype=torch.float32, device=device)
        self.tape = tape_of(market, span, config.env.execution, device)
        self.rules = TorchRules(market_rule_numbers(config.rules(), market), self.tape.returns)
        self.calls, self.window = calls, window_of(market, span)
        self.metrics = {f"eval/{name}": one for name, one in return_statistics(market.periods_per_year).items()}

    def play(self, compiler: Compiler) -> Play:
        """Play the paths again and again; the outputs are those of the last time."""
        player, seconds, frames = PathPlayer(self.rules, compiler), [], [frames_compiled()]
        for _ in range(self.calls):
            began = time.perf_counter()
            outputs = self._call(player)
            seconds.append(time.perf_counter() - began)
            frames.append(frames_compiled())
        weights, returns = outputs["weights"], outputs["net_returns"].mean(axis=0)
        return Play(outputs, sides(weights), returns, np.array(seconds), warm_calls(frames))

    def _call(self, player: PathPlayer) -> dict[str, FloatArray]:
        targets = self.targets.clone().requires_grad_()
        outcome = player(targets, self.tape)
        gradient = torch.autograd.grad(torch.log1p(outcome["net_return"]).mean(), targets)[0]
        found = {"weights": outcome["executed_weights"], "net_returns": outcome["net_return"], "gradient": gradient}
        return {name: one.detach().double().cpu().numpy() for name, one in found.items()}  # waits for a GPU


def tape_of(market: Market, span: Span, execution: Execution, device: str) -> Step:
    """Return the returns of a span for all accounts, tensors (B, T, A) in float32."""

    def repeated(series: FloatArray) -> torch.Tensor:
        part = torch.as_tensor(series[span.start : span.stop], dtype=torch.float32, device=device)
        return part.expand(ACCOUNTS, *part.shape)

    opens = market.overnight_returns if execution is Execution.next_open else None
    return Step(repeated(market.returns), None if opens is None else repeated(opens), None, None)


def window_of(market: Market, span: Span) -> Window:
    """Return the time of the first decision of a span, of its last close, and its number of decisions."""
    return Window(market.timestamps[span.start], market.timestamps[span.stop], len(span))
