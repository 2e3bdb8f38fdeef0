"""Optimizers and learning rate schedule of the learners that train through the simulator."""

from __future__ import annotations

import math

from torch import nn
from torch.optim import AdamW, Muon, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from rlx.learners.path_config import PathLearnerConfig


def build_optimizers(config: PathLearnerConfig, network: nn.Module) -> list[Optimizer]:
    """Return AdamW, or Muon (Jordan et al. 2024) for the matrices that map hidden states and AdamW for the rest.

    Muon's steps are scaled to the size of AdamW's (Liu et al. 2025, arXiv:2502.16982): one learning rate serves both.
    """
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimizer == "adamw":
        return [AdamW(network.parameters(), rate, weight_decay=decay)]
    matrices = [p for name, p in network.named_parameters() if is_hidden_matrix(name, p)]
    rest = [p for name, p in network.named_parameters() if not is_hidden_matrix(name, p)]
    return [AdamW(rest, rate, weight_decay=decay), Muon(matrices, rate, decay, adjust_lr_fn="match_rms_adamw")]


def is_hidden_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Return whether a parameter maps hidden states to hidden states: it is no bias, embedding or output."""
    return parameter.ndim == 2 and min(parameter.shape) > 2 and name.split(".")[0] not in ("embed", "asset")


def learning_rate_schedule(config: PathLearnerConfig, optimizer: Optimizer, updates: int) -> LambdaLR:
    """Return a linear warm-up, then a cosine (arXiv:1608.03983) that reaches the minimum at the last update."""
    floor = config.min_learning_rate / config.learning_rate
    warmup = min(config.warmup_updates, updates - 1)

    def factor(update: int) -> float:
        if update < warmup:
            return (update + 1) / (warmup + 1)
        done = min(1.0, (update - warmup) / max(1, updates - 1 - warmup))
        return floor + (1.0 - floor) * 0.5 * (1.0 + math.cos(math.pi * done))

    return LambdaLR(optimizer, factor)
