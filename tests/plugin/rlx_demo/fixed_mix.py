"""A learner: one mix of assets and cash, by gradient ascent on its growth."""

from __future__ import annotations

import copy
from typing import Any

import torch

from rlx.learners.base import Learner, Stopwatch
from rlx_demo.fixed_mix_config import FixedMixConfig
from rlx_demo.fixed_mix_network import FixedMix


class FixedMixLearner(Learner):
    """Maximises the mean log growth of a mix that is rebalanced at every bar of the training span."""

    module = "fixed_mix"
    config_type = FixedMixConfig

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        torch.manual_seed(self.seed)
        self.net = FixedMix(self.market.n_assets)
        train = self.splits.train
        self.returns = torch.as_tensor(self.market.returns[train.start : train.stop])

    @property
    def updates(self) -> int:
        """Training steps of the whole run."""
        return int(self.config.n_updates)

    def network(self) -> FixedMix:
        """Return a copy of the network."""
        return copy.deepcopy(self.net).cpu()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimizer."""
        return torch.optim.Adam(self.net.parameters(), lr=self.config.learning_rate)

    def training_step(self, batch: int, batch_idx: int) -> None:
        """Take one step of gradient ascent."""
        with Stopwatch() as watch:
            optimizer: Any = self.optimizers()
            returns = self.returns.to(self.net.logits)
            loss = -torch.log1p(returns @ self.net.mix()).mean()
            optimizer.zero_grad()
            self.manual_backward(loss)
            optimizer.step()
        self.log_update({"loss": float(loss.detach())}, env_steps=len(returns), seconds=watch.seconds)
