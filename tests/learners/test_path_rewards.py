"""Each reward term of a path against hand-worked numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from rlx.learners.differentiable_market.config import DifferentiableMarketConfig
from rlx.learners.differentiable_market.rewards import PathReward

TERMS = ("wealth", "shaping", "trade", "variance", "drawdown", "soft_drawdown", "risk_budget", "trade_memory")
EVERY_TERM = {
    "risk_aversion": 1.0,
    "trade_penalty": 0.001,
    "drawdown_lambda": 0.1,
    "soft_drawdown_lambda": 0.1,
    "risk_budget_lambda": 0.1,
    "trade_memory_lambda": 0.001,
}


def ledger_of(net: Any, weights: Any) -> dict[str, Tensor]:
    """Return the part of a ledger that rewards read, for one path."""
    returns = torch.tensor(net, dtype=torch.float64)[None]
    value = (1 + returns).cumprod(-1)
    peak = torch.maximum(value.cummax(-1).values, torch.ones_like(value))
    executed = torch.tensor(weights, dtype=torch.float64)[None]
    return {
        "net_return": returns,
        "drawdown": (peak - value) / peak,
        "turnover": torch.full_like(returns, 0.1),
        "executed_weights": executed,
        "reward": torch.log1p(returns) - 0.002,
    }


class TestRewards:
    """Each term of one path of three steps and two assets."""

    net = (0.1, -0.2, 0.05)
    weights = ((0.5, 0.5), (1.0, 0.0), (0.25, 0.25))
    covariance = torch.tensor([[0.04, 0.0], [0.0, 0.01]], dtype=torch.float64)

    def terms(self, **options: Any) -> dict[str, float]:
        reward = PathReward(DifferentiableMarketConfig(**options), 252, self.covariance)
        return {name: float(term) for name, term in reward(ledger_of(self.net, self.weights)).items()}

    def test_terms_that_are_off_are_missing(self) -> None:
        assert list(self.terms()) == ["wealth", "shaping"]
        assert list(self.terms(risk_aversion=1.0)) == ["wealth", "shaping", "variance"]
        assert list(self.terms(**EVERY_TERM)) == list(TERMS)

    def test_wealth(self) -> None:
        logs = np.log1p(self.net)
        assert self.terms()["wealth"] == pytest.approx(252 * logs.mean())
        sharpe = math.sqrt(252) * logs.mean() / logs.std()
        assert self.terms(wealth_objective="sharpe")["wealth"] == pytest.approx(sharpe)

    def test_shaping_and_trade(self) -> None:
        assert self.terms()["shaping"] == pytest.approx(-252 * 0.002)
        assert self.terms(trade_penalty=0.01)["trade"] == pytest.approx(-0.01 * 252 * 0.1)

    def test_variance_of_returns_or_of_weights(self) -> None:
        assert self.terms(risk_aversion=2.0)["variance"] == pytest.approx(-252 * np.var(self.net))
        of_weights = np.var(self.weights, axis=0).sum()
        found = self.terms(risk_aversion=2.0, variance_penalty="weights")["variance"]
        assert found == pytest.approx(-252 * of_weights)

    def test_drawdowns(self) -> None:
        depths = np.array([0.0, 0.2, 1 - 0.8 * 1.05])
        assert self.terms(drawdown_lambda=0.5)["drawdown"] == pytest.approx(-0.1)
        soft = 0.01 * np.log1p(np.exp((depths - 0.05) / 0.01)).mean()
        assert self.terms(soft_drawdown_lambda=3.0)["soft_drawdown"] == pytest.approx(-3 * soft)
        assert soft == pytest.approx((0.15 + 0.11) / 3, abs=1e-3)  # nearly the excess itself

    def test_risk_budget(self) -> None:
        shares = np.array([[0.8, 0.2], [1.0, 0.0], [0.8, 0.2]])  # w_a (C w)_a / w'Cw
        expected = ((shares - 0.5) ** 2).sum(1).mean()
        assert self.terms(risk_budget_lambda=2.0)["risk_budget"] == pytest.approx(-2 * expected)

    def test_trade_memory_punishes_going_back(self) -> None:
        # Trades (+0.5, -0.5), then (-0.75, +0.25): the second goes against the memory of the first in both assets.
        found = self.terms(trade_memory_lambda=0.1, trade_memory_decay=0.5)["trade_memory"]
        assert found == pytest.approx(-0.1 * 252 * (0.75 + 0.25) / 3)
        reward = PathReward(DifferentiableMarketConfig(trade_memory_lambda=1.0), 252, self.covariance)
        onward = ledger_of(self.net, ((0.1, 0.0), (0.2, 0.0), (0.4, 0.0)))
        assert float(reward(onward)["trade_memory"]) == 0.0

    def test_every_term_has_a_finite_gradient_even_when_nothing_happens(self) -> None:
        ledger = ledger_of((0.0, 0.0, 0.0), ((0.0, 0.0),) * 3)
        asked = {name: tensor.requires_grad_() for name, tensor in ledger.items()}
        reward = PathReward(DifferentiableMarketConfig(wealth_objective="sharpe", **EVERY_TERM), 252, self.covariance)
        torch.stack(list(reward(asked).values())).sum().backward()
        assert all(torch.all(torch.isfinite(x.grad)) for x in asked.values() if x.grad is not None)
