"""Policies that estimate their weights from a table of returns: past ones, or the sample paths of a forecast."""

from __future__ import annotations

import logging
from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from rlx.data.market import Market
from rlx.errors import ConfigError
from rlx.policies.rebalanced import Rebalanced, RebalancedConfig, returns_of
from rlx.types import FloatArray

FEWEST_PATHS = 3
"""As few as past returns: two are symmetric around their mean, and the shrinkage of their covariance is undefined."""
log = logging.getLogger(__name__)


class FromReturnsConfig(RebalancedConfig):
    """Options of these policies; ``lookback_steps`` has no effect where a forecaster is chosen."""

    reads_forecasts: ClassVar[bool] = True


class FromReturns(Rebalanced):
    """Estimates weights from the last ``lookback_steps`` returns, or from a forecast where the market has one.

    With an outlook each row of the table is a sample path: the moves of all assets until the last step of the forecast,
    which is made at the rebalancing bar. Before the first forecast, and where a forecast is not finite, weights are
    equal.
    """

    reads_forecasts = True
    _market: Market | None = None
    _paths: FloatArray

    @abstractmethod
    def of_returns(self, returns: FloatArray) -> FloatArray:
        """Return weights (A,) from returns (L, A)."""

    def of_forecast(self, paths: FloatArray, bar: int) -> FloatArray:
        """Return weights (A,) from the sample paths (S, A) of the forecast at a bar."""
        return self.of_returns(paths)

    @property
    def steps(self) -> int:
        """The number of bars that a return spans."""
        return 1 if self._market is None or self._market.outlook is None else self._market.outlook.horizon_steps

    def estimate(self, close: FloatArray) -> FloatArray:
        """Return weights (A,) from closes (L+1, A)."""
        return self.of_returns(returns_of(close))

    def bind(self, market: Market) -> None:
        """Keep the market and, where it has an outlook, the forecasts of every rebalancing bar."""
        self._market = market
        self._bars, self._paths = np.zeros(0, dtype=np.int64), np.zeros((0, 0, 0))
        super().bind(market)
        if market.outlook is None:
            return
        first = self.first_estimate(market)
        self._bars = np.arange(-(-first // self.rebalance_steps), 1 + (market.n_bars - 2) // self.rebalance_steps)
        self._bars *= self.rebalance_steps
        self._paths = market.outlook.paths(market, self._bars)
        if (n_paths := self._paths.shape[1]) < FEWEST_PATHS:
            raise ConfigError(
                f"policy={self.name}: estimates from sample paths of a forecast, and {n_paths} are too few. "
                f"Set forecaster.n_samples to {FEWEST_PATHS} at least."
            )
        if unusable := int((~np.isfinite(self._paths)).any(axis=(1, 2)).sum()):
            log.warning("policy=%s: %d of %d forecasts are not finite.", self.name, unusable, len(self._bars))

    def first_estimate(self, market: Market) -> int:
        """Return the first bar at which weights can be estimated."""
        return self.lookback_steps if market.outlook is None else market.outlook.first_bar(market)

    def estimate_at(self, close: FloatArray, bar: int) -> FloatArray:
        """Return the weights (A,) estimated at a rebalancing bar."""
        if self._market is None or self._market.outlook is None:
            return super().estimate_at(close, bar)
        paths = np.asarray(self._paths[np.searchsorted(self._bars, bar)], dtype=np.float64)
        if not np.isfinite(paths).all():
            return np.full(paths.shape[1], 1.0 / paths.shape[1])
        return self.of_forecast(paths, bar)

    def describe(self) -> dict[str, Any]:
        """Return kind and settings, and the forecaster if one is used."""
        outlook = None if self._market is None else self._market.outlook
        return {**super().describe(), **({} if outlook is None else {"forecaster": dict(outlook.facts)})}
