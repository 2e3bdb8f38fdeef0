"""The loss of hftraining, computed from the ledger of simulated paths."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from rlx.learners.hftraining.config import HftrainingConfig

SMALLEST_DEVIATION = 1e-6  # of net log returns: the Sharpe ratio of paths that do not move has no gradient


def path_loss(
    outcome: Mapping[str, Tensor], targets: Tensor, config: HftrainingConfig, periods_per_year: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the loss () of paths, and its parts by name.

    outcome: ledger quantities (B, T). targets: (B, T, A) target weights. All steps of all paths are one sample for the
    Sharpe ratio and the CVaR. The parts are annual: log growth is multiplied by ``periods_per_year``, Sharpe ratio and
    CVaR by its square root.
    """
    root = math.sqrt(periods_per_year)
    log_returns = torch.log1p(outcome["net_return"])
    parts = {
        "growth": outcome["reward"].mean() * periods_per_year,
        "path_sharpe": sharpe(log_returns) * root,
        "weight_entropy": weight_entropy(targets),
        "path_cvar": cvar(log_returns, config.cvar_alpha) * root,
    }
    loss = (
        -(parts["growth"] + config.risk_penalty * parts["path_sharpe"])
        - config.entropy_coefficient * parts["weight_entropy"]
        + config.cvar_weight * parts["path_cvar"]
    )
    return loss, parts


def sharpe(returns: Tensor) -> Tensor:
    """Return mean / standard deviation (ddof 0) of all ``returns``, per step."""
    deviation = returns.std(correction=0)
    return returns.mean() / deviation.clamp(min=SMALLEST_DEVIATION)


def cvar(returns: Tensor, alpha: float) -> Tensor:
    """Return the mean loss of the worst ``alpha`` of all ``returns`` (Rockafellar and Uryasev 2000)."""
    worst = max(1, math.ceil(alpha * returns.numel()))
    return -torch.topk(returns.flatten(), worst, largest=False).values.mean()


def weight_entropy(weights: Tensor) -> Tensor:
    """Return the mean entropy of |weights| (..., A) and the remaining cash; it is 1 if all shares are equal."""
    size = weights.abs()
    cash = (1.0 - size.sum(-1, keepdim=True)).clamp(min=0.0)
    shares = torch.cat((size, cash), dim=-1)
    shares = shares / shares.sum(-1, keepdim=True)
    entropy: Tensor = -torch.special.xlogy(shares, shares.clamp(min=1e-12)).sum(-1)
    return entropy.mean() / math.log(shares.shape[-1])
