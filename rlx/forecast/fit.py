"""Fit quantile forecasts under Lightning: one training step is one update, and the best weights are kept."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.optim import AdamW, Optimizer

from rlx.decisions.segments import Segments
from rlx.forecast.config import ForecastFitConfig
from rlx.forecast.network import QuantileForecaster
from rlx.forecast.pinball import pinball
from rlx.states import Updates, random_states, restore_random_states
from rlx.types import FloatArray


class ForecastFit(LightningModule):
    """Minimises the pinball loss of returns in units of each asset's scale, on segments of the training span.

    A network with one set of weights is judged by the mean over all assets. In a network with a set for each asset,
    each set is judged on its own asset and keeps its own best weights. The fit ends when no set has improved in
    ``patience`` validations. The initial weights count as the first validation. A fit that continues from a checkpoint
    gives the numbers of an uninterrupted fit.
    """

    scale: Tensor  # (A,)
    levels: Tensor  # (K,)

    def __init__(
        self,
        network: QuantileForecaster,
        training: Segments,
        validation: Segments,
        scale: FloatArray,
        config: ForecastFitConfig,
    ) -> None:
        super().__init__()
        self.network, self.training_span, self.validation_span, self.config = network, training, validation, config
        self.register_buffer("scale", torch.as_tensor(scale, dtype=torch.float32), persistent=False)
        self.register_buffer("levels", torch.tensor(network.levels), persistent=False)
        self.history: list[dict[str, float]] = []
        self.updates_done, self.seconds = 0, 0.0
        n_series = network.n_series
        self.best = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        self.best_loss = np.full(n_series, np.inf)
        self.stale = np.zeros(n_series, dtype=np.int64)
        self._judge()

    def losses(self, span: Segments, starts: Tensor, noise: float = 0.0) -> Tensor:
        """Return the mean loss of each asset (A,) on the segments that begin at ``starts``."""
        segment = span.at(starts)
        features = segment.features
        if noise > 0.0:
            features = features + noise * torch.randn_like(features)
        quantiles, _ = self.network(features)
        return pinball(quantiles, segment.tape.returns / self.scale, self.levels).mean((0, 1))

    def training_step(self, batch: int, batch_idx: int) -> Tensor:
        """Return the loss of one draw: the mean over assets if they share weights, else the sum."""
        starts = torch.randint(len(self.training_span.starts[0]), (self.config.n_windows,)).to(self.device)
        losses = self.losses(self.training_span, starts, self.config.feature_noise)
        self.log("pinball", losses.mean().detach(), prog_bar=True, batch_size=1)
        self._last_loss = losses.detach()
        return losses.mean() if self.network.n_series == 1 else losses.sum()

    def on_train_batch_start(self, batch: int, batch_idx: int) -> None:
        """Start the clock."""
        self._began = time.perf_counter()

    def on_train_batch_end(self, outputs: Any, batch: int, batch_idx: int) -> None:
        """Stop the clock and count the update."""
        self.seconds += time.perf_counter() - self._began
        self.updates_done += 1

    def validation_step(self, batch: int, batch_idx: int) -> None:
        """Forecast the validation span, keep the best weights so far, and end the fit when patience runs out."""
        self._judge()
        if (self.stale >= self.config.patience).all():
            self.trainer.should_stop = True

    def _judge(self) -> None:
        with torch.no_grad():
            losses = self.losses(self.validation_span, torch.zeros(1, dtype=torch.int64, device=self.device))
        by_asset = losses.double().cpu().numpy()
        loss = by_asset.mean(keepdims=True) if self.network.n_series == 1 else by_asset
        better = loss < self.best_loss
        self.best_loss = np.where(better, loss, self.best_loss)
        self.stale = np.where(better, 0, self.stale + 1)
        rows = torch.as_tensor(better)
        for name, tensor in self.network.state_dict().items():
            kept = self.best[name].view(better.size, -1)
            kept[rows] = tensor.detach().cpu().view(better.size, -1)[rows]
        trained = {"training_loss": float(self._last_loss.mean())} if self.updates_done else {}
        self.history.append({"update": self.updates_done, **trained, "validation_loss": float(by_asset.mean())})

    def best_network(self) -> QuantileForecaster:
        """Return the network with the best weights, on the CPU."""
        network = self.network.cpu()
        network.load_state_dict(self.best)
        return network.eval()

    def configure_optimizers(self) -> Optimizer:
        """Return AdamW."""
        return AdamW(self.network.parameters(), self.config.learning_rate, weight_decay=self.config.weight_decay)

    def train_dataloader(self) -> Updates:
        """Return one empty batch per update."""
        return Updates(self.config.updates)

    def val_dataloader(self) -> range:
        """Return the one batch of a validation."""
        return range(1)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store the state that outlives an update, except weights and optimizer."""
        checkpoint["forecast_fit"] = {
            "best": self.best,
            "best_loss": self.best_loss.tolist(),
            "stale": self.stale.tolist(),
            "history": self.history,
            "updates": self.updates_done,
            "seconds": self.seconds,
            "random_states": random_states(),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore that state."""
        state = checkpoint["forecast_fit"]
        self.best, self.history = state["best"], state["history"]
        self.best_loss, self.stale = np.array(state["best_loss"]), np.array(state["stale"])
        self.updates_done, self.seconds = state["updates"], state["seconds"]
        restore_random_states(state["random_states"])
