"""Run learners under a plain Trainer, and record the results."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint

from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.windows import HOLDOUT, holdout_windows
from rlx.learners.base import Learner
from rlx.policies.base import Policy
from rlx.sim.ledger import Ledger
from rlx.sim.rules import Rules


def fit(learner: Learner, *callbacks: Callback, ckpt_path: Path | None = None, **options: Any) -> lightning.Trainer:
    """Fit, by default on the CPU, without logs and bars."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")  # Lightning's own call
        trainer = lightning.Trainer(
            max_epochs=1,
            logger=False,
            enable_checkpointing=any(isinstance(callback, ModelCheckpoint) for callback in callbacks),
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            callbacks=list(callbacks),
            **{"accelerator": "cpu", **options},
        )
        trainer.fit(learner, ckpt_path=ckpt_path, weights_only=True)
    return trainer


class Recorder(Callback):
    """Keeps the metrics of every update."""

    def __init__(self) -> None:
        self.history: list[dict[str, float]] = []

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        self.history.append({name: float(value) for name, value in trainer.callback_metrics.items()})


class FirstGradient(Callback):
    """Keeps the gradient of the first update: later ones differ as an optimizer magnifies rounding."""

    def __init__(self) -> None:
        self.gradient: np.ndarray | None = None

    def on_before_optimizer_step(self, trainer: lightning.Trainer, pl_module: Any, optimizer: Any) -> None:
        if self.gradient is None:
            found = [parameter.grad for _, parameter in pl_module.net.named_parameters()]
            self.gradient = torch.cat([grad.flatten() for grad in found if grad is not None]).numpy().copy()


def assert_same_gradient(one: FirstGradient, other: FirstGradient, rtol: float = 1e-5) -> None:
    """Compare two gradients, up to rounding in units of their largest element."""
    assert one.gradient is not None and other.gradient is not None
    np.testing.assert_allclose(one.gradient, other.gradient, atol=rtol * np.abs(one.gradient).max(), rtol=0.0)


class SaveAfter(Callback):
    """Saves a checkpoint once ``updates`` updates are done, after the update or after its validation."""

    def __init__(self, updates: int, path: Path, *, validated: bool = False) -> None:
        self.updates, self.path, self.validated = updates, path, validated

    def on_train_batch_end(self, trainer: lightning.Trainer, *args: Any) -> None:
        if not self.validated and args[-1] + 1 == self.updates:
            trainer.save_checkpoint(self.path)

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        assert isinstance(pl_module, Learner)
        if self.validated and pl_module.totals.updates == self.updates:
            trainer.save_checkpoint(self.path)


def weights_of(learner: Learner) -> dict[str, np.ndarray]:
    """Return a copy of everything a checkpoint keeps of the learner."""
    return {name: tensor.numpy().copy() for name, tensor in learner.state_dict().items()}


def played(policy: Policy, market: Market, rules: Rules, span: Span) -> Ledger:
    """Return the ledger of one account over the span."""
    return evaluate(policy, market, [holdout_windows(span)], rules).sets[HOLDOUT].ledger.select(0)
