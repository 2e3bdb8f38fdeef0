"""The three policies with which every result is compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rlx.data.market import Market
from rlx.decisions.observation import Observation
from rlx.policies.base import PolicyConfig
from rlx.policies.drift import drifted
from rlx.types import FloatArray


@dataclass
class CashConfig(PolicyConfig):
    """Hold nothing."""

    _target_: str = "rlx.policies.baselines.Cash"


class Cash:
    """Hold nothing."""

    name = "cash"
    feature_names: tuple[str, ...] = ()
    window_steps = 0

    def bind(self, market: Market) -> None:
        """Accept any market."""

    def reset(self, batch: int) -> None:
        """There is no state."""

    def act(self, observation: Observation) -> FloatArray:
        """Return zeros (B, A)."""
        return np.zeros(observation.weights.shape)

    def describe(self) -> dict[str, Any]:
        """Return the policy's kind."""
        return {"kind": self.name}


@dataclass
class EqualWeightConfig(PolicyConfig):
    """Rebalance to equal weights at every step."""

    _target_: str = "rlx.policies.baselines.EqualWeight"


class EqualWeight(Cash):
    """Rebalance to 1/A in every asset at every step."""

    name = "equal_weight"

    def act(self, observation: Observation) -> FloatArray:
        """Return 1/A everywhere, (B, A)."""
        shape = observation.weights.shape
        return np.full(shape, 1.0 / shape[1])


@dataclass
class BuyAndHoldConfig(PolicyConfig):
    """Buy equal weights once and let them drift."""

    _target_: str = "rlx.policies.baselines.BuyAndHold"


class BuyAndHold(Cash):
    """Buy 1/A of every asset at the window's first decision and let the weights drift with prices.

    The target is the drifted weight rather than the weight held: exposure cut by a guard is restored when the guard
    releases, and without guards nothing is ever traded again.
    """

    name = "buy_and_hold"
    _close: FloatArray

    def bind(self, market: Market) -> None:
        """Keep the market's closes."""
        self._close = market.panel.close

    def act(self, observation: Observation) -> FloatArray:
        """Return equal weights drifted since each window's first bar, (B, A)."""
        shape = observation.weights.shape
        growth = self._close[observation.bar] / self._close[observation.bar - observation.step]
        return drifted(np.full(shape, 1.0 / shape[1]), growth)


def standard_baselines() -> tuple[Cash, ...]:
    """Return the baselines of every scorecard: equal weight, buy and hold, cash."""
    return (EqualWeight(), BuyAndHold(), Cash())
