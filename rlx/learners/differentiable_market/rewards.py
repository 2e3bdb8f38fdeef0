"""The reward of a path as a sum of terms, each computed from its ledger."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from rlx.learners.differentiable_market.config import DifferentiableMarketConfig

SMALLEST_DEVIATION = 1e-6  # of net log returns
SOFTNESS = 0.01  # width, in drawdown, over which the soft penalty turns from zero to proportional
Outcome = Mapping[str, Tensor]


class PathReward(nn.Module):
    """Rewards per year of P paths of T steps; the risk budget uses the ``covariance`` (A, A) of the assets' returns."""

    covariance: Tensor

    def __init__(self, config: DifferentiableMarketConfig, periods_per_year: float, covariance: Tensor) -> None:
        super().__init__()
        self.config = config
        self.periods_per_year = periods_per_year
        self.register_buffer("covariance", covariance, persistent=False)
        self.weights = {  # of all terms, in the order in which they are logged
            "wealth": 1.0,
            "shaping": 1.0,
            "trade": config.trade_penalty,
            "variance": config.risk_aversion,
            "drawdown": config.drawdown_lambda,
            "soft_drawdown": config.soft_drawdown_lambda,
            "risk_budget": config.risk_budget_lambda,
            "trade_memory": config.trade_memory_lambda,
        }
        self.active: dict[str, tuple[float, Callable[[Outcome], Tensor]]] = {
            name: (weight, getattr(self, name)) for name, weight in self.weights.items() if weight != 0.0
        }

    def forward(self, outcome: Outcome) -> dict[str, Tensor]:
        """Return the terms that are switched on, each (P,) and with its sign: their sum is the reward."""
        return {name: weight * measure(outcome) for name, (weight, measure) in self.active.items()}

    def wealth(self, outcome: Outcome) -> Tensor:
        """Return annual log growth, or the annual Sharpe ratio of net log returns."""
        log_returns = torch.log1p(outcome["net_return"])
        if self.config.wealth_objective == "log":
            return self.periods_per_year * log_returns.mean(-1)
        deviation = log_returns.std(-1, correction=0).clamp(min=SMALLEST_DEVIATION)
        return math.sqrt(self.periods_per_year) * log_returns.mean(-1) / deviation

    def shaping(self, outcome: Outcome) -> Tensor:
        """Return the penalties in the simulator's reward: those of ``env.reward``, the guard and the cooldown."""
        return self.periods_per_year * (outcome["reward"] - torch.log1p(outcome["net_return"])).mean(-1)

    def trade(self, outcome: Outcome) -> Tensor:
        """Return minus the annual turnover."""
        return -self.periods_per_year * outcome["turnover"].mean(-1)

    def variance(self, outcome: Outcome) -> Tensor:
        """Return minus half the annual variance of net returns, or of the weights over the path, summed over assets."""
        if self.config.variance_penalty == "pnl":
            variance = outcome["net_return"].var(-1, correction=0)
        else:
            variance = outcome["executed_weights"].var(-2, correction=0).sum(-1)
        return -0.5 * self.periods_per_year * variance

    def drawdown(self, outcome: Outcome) -> Tensor:
        """Return minus the deepest drawdown of the path."""
        return -outcome["drawdown"].amax(-1)

    def soft_drawdown(self, outcome: Outcome) -> Tensor:
        """Return minus the mean drawdown beyond the threshold, smoothed by a softplus."""
        excess = (outcome["drawdown"] - self.config.soft_drawdown_threshold) / SOFTNESS
        return -SOFTNESS * functional.softplus(excess).mean(-1)

    def risk_budget(self, outcome: Outcome) -> Tensor:
        """Return minus the squared distance of the assets' risk shares from equal shares (Maillard et al. 2010)."""
        weights = outcome["executed_weights"]  # (P, T, A)
        contribution = weights * (weights @ self.covariance)
        total = contribution.sum(-1, keepdim=True).clamp(min=1e-12)
        return -(contribution / total - 1.0 / weights.shape[-1]).square().sum(-1).mean(-1)

    def trade_memory(self, outcome: Outcome) -> Tensor:
        """Return minus the annual size of trades against the direction of an exponential average of earlier trades."""
        trades = outcome["executed_weights"].diff(dim=-2)  # (P, T - 1, A)
        lag = torch.arange(trades.shape[-2], device=trades.device)
        age = (lag[:, None] - lag[None, :] - 1).to(trades.dtype)  # of trade j at trade i; -1 on the diagonal
        decay = self.config.trade_memory_decay
        fading = torch.where(age >= 0, decay ** age.clamp(min=0), 0.0)
        memory = (1.0 - decay) * torch.einsum("ij,pja->pia", fading, trades)
        against = (-trades * torch.sign(memory)).clamp(min=0.0).sum(-1)
        return -self.periods_per_year * against.sum(-1) / outcome["turnover"].shape[-1]
