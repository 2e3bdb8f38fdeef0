"""Policies that periodically estimate their weights from past closes, and let them drift in between."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from rlx.data.market import Market
from rlx.decisions.observation import Observation
from rlx.errors import ConfigError, RlxError
from rlx.policies.base import PolicyConfig
from rlx.policies.drift import drifted
from rlx.ranges import Whole, check_fields
from rlx.types import FloatArray, IntArray


@dataclass
class RebalancedConfig(PolicyConfig):
    """Options of every policy that estimates its weights from past closes.

    Every ``rebalance_steps`` bars it estimates them again from the last ``lookback_steps`` returns.
    """

    lookback_steps: Annotated[int, Whole(2, 100_000)] = 252
    rebalance_steps: Annotated[int, Whole(1, 100_000)] = 21

    def __post_init__(self) -> None:
        check_fields(self, "policy")


class Rebalanced(ABC):
    """Estimates weights every ``rebalance_steps`` bars of the market, from the last ``lookback_steps`` returns.

    Between these bars the target drifts with prices, so that nothing is traded. Rebalancing bars are counted from the
    market's first bar and not from a window's, which makes the target a function of the bar alone: an account opened
    between two of them buys the weights that older accounts hold by then. At rebalancing bars with fewer than
    ``lookback_steps`` returns before them the weights are equal.

    A subclass sets ``config_type``, whose fields are the ``options``.

    Raises ConfigError, in ``bind``, for a lookback the market is too short for.
    """

    name: str
    config_type: type[Any]
    feature_names: tuple[str, ...] = ()
    window_steps = 0
    reads_account = False
    _close: FloatArray | None = None

    def __init__(self, **options: Any) -> None:
        self.config = self.config_type(**options)
        self.lookback_steps, self.rebalance_steps = self.config.lookback_steps, self.config.rebalance_steps
        self._estimates: dict[int, FloatArray] = {}

    @abstractmethod
    def estimate(self, close: FloatArray) -> FloatArray:
        """Return weights (A,) from ``lookback_steps`` + 1 closes (L+1, A), the last one that of the decision's bar."""

    def bind(self, market: Market) -> None:
        """Keep the market's closes; ConfigError when none of its rebalancing bars has enough returns before it."""
        self._first, last = self.first_estimate(market), self._rebalanced_at(market.n_bars - 2)  # that earns something
        if last < self._first:
            cause = f"policy.lookback_steps={self._first}" if market.outlook is None else "forecaster"
            raise ConfigError(
                f"{cause}: no weights would ever be estimated, because the data have {market.n_bars} bars and the last "
                f"rebalancing (policy.rebalance_steps={self.rebalance_steps}) is at bar {last}. Use at most {last} "
                f"steps{'' if market.outlook is None else ' before the first forecast'}, or a longer history."
            )
        self._close, self._timestamps = market.panel.close, market.timestamps
        self._estimates.clear()

    def first_estimate(self, market: Market) -> int:
        """Return the first bar at which weights can be estimated."""
        return int(self.lookback_steps)

    def estimate_at(self, close: FloatArray, bar: int) -> FloatArray:
        """Return the weights (A,) estimated at a rebalancing bar from closes (N, A)."""
        return self.estimate(close[bar - self.lookback_steps : bar + 1])

    def reset(self, batch: int) -> None:  # noqa: B027 - there is no state
        """There is no state: the target follows from the bar."""

    def act(self, observation: Observation) -> FloatArray:
        """Return the weights of the last rebalancing, drifted to each account's bar, (B, A)."""
        if self._close is None:
            raise RlxError(f"policy {self.name!r}: bind it to a market before acting.")
        bars: IntArray = observation.bar
        rebalanced = self._rebalanced_at(bars)
        weights = np.stack([self._weights(self._close, bar) for bar in rebalanced.tolist()])
        return drifted(weights, self._close[bars] / self._close[rebalanced])

    def _rebalanced_at(self, bars: Any) -> Any:
        return bars - bars % self.rebalance_steps

    def _weights(self, close: FloatArray, bar: int) -> FloatArray:
        """Return the weights decided at a rebalancing bar, (A,)."""
        if bar < self._first:
            return np.full(close.shape[1], 1.0 / close.shape[1])
        if bar not in self._estimates:
            self._estimates[bar] = self.estimate_at(close, bar)
        return self._estimates[bar]

    def describe(self) -> dict[str, Any]:
        """Return kind and settings and, once bound, the first bar with an estimate; before it weights are equal."""
        facts = {"kind": self.name, "lookback_steps": self.lookback_steps, "rebalance_steps": self.rebalance_steps}
        if self._close is None:
            return facts
        first = -(-self._first // self.rebalance_steps) * self.rebalance_steps  # rounded up
        return {**facts, "estimated_from": str(self._timestamps[first])}


def returns_of(close: FloatArray) -> FloatArray:
    """Return simple returns (L, A) of closes (L+1, A)."""
    return np.asarray(close[1:] / close[:-1] - 1.0)
