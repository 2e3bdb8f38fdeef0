"""The loss of hftraining, computed from the ledger of simulated paths."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from rlx.learners.hftraining.config import HftrainingConfig


def path_loss(
    outcome: Mapping[str, Tensor], excess: Tensor, config: HftrainingConfig, periods_per_year: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the loss () of paths, and its parts by name.

    outcome: ledger quantities (B, T). excess: (B, T) rewards over those of equal weights. All steps of all paths are
    one sample. The parts are annual: growth and variance are multiplied by ``periods_per_year``, the CVaR by its square
    root.
    """
    parts = {
        "excess_growth": excess.mean() * periods_per_year,
        "growth": outcome["reward"].mean() * periods_per_year,
        "path_cvar": cvar(torch.log1p(outcome["net_return"]), config.cvar_alpha) * math.sqrt(periods_per_year),
    }
    loss = -parts["excess_growth"] + config.cvar_weight * parts["path_cvar"]
    if config.objective == "utility":
        loss = loss + 0.5 * config.risk_aversion * excess.var(correction=0) * periods_per_year
    return loss, parts


def cvar(returns: Tensor, alpha: float) -> Tensor:
    """Return the mean loss of the worst ``alpha`` of all ``returns`` (Rockafellar and Uryasev 2000)."""
    worst = max(1, math.ceil(alpha * returns.numel()))
    return -torch.topk(returns.flatten(), worst, largest=False).values.mean()
