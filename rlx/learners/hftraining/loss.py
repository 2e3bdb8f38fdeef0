"""The loss of hftraining, computed from the ledger of simulated paths."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from rlx.learners.hftraining.config import HftrainingConfig


def path_loss(
    outcome: Mapping[str, Tensor], excess: Tensor, config: HftrainingConfig, periods_per_year: float, n_members: int = 1
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the loss () of paths, and its parts by name: the means of those of the members.

    outcome: ledger quantities (B, T). excess: (B, T) rewards over those of equal weights. All steps of all paths of a
    member are one sample, so that no member's loss depends on paths of the others, which it must not see. The parts are
    annual: growth and variance are multiplied by ``periods_per_year``, the CVaR by its square root.
    """
    excess = excess.reshape(n_members, -1)
    logs = torch.log1p(outcome["net_return"]).reshape(n_members, -1)
    parts = {
        "excess_growth": excess.mean() * periods_per_year,
        "growth": outcome["reward"].mean() * periods_per_year,
        "path_cvar": cvar(logs, config.cvar_alpha).mean() * math.sqrt(periods_per_year),
    }
    loss = -parts["excess_growth"] + config.cvar_weight * parts["path_cvar"]
    if config.objective == "utility":
        loss = loss + 0.5 * config.risk_aversion * excess.var(1, correction=0).mean() * periods_per_year
    return loss, parts


def cvar(returns: Tensor, alpha: float) -> Tensor:
    """Return the mean loss (M,) of the worst ``alpha`` of ``returns`` (M, N) (Rockafellar and Uryasev 2000)."""
    worst = max(1, math.ceil(alpha * returns.shape[-1]))
    return -torch.topk(returns, worst, largest=False).values.mean(-1)
