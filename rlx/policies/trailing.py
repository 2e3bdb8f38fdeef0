"""Baselines from trailing volatility and trailing return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from rlx.data.market import Market
from rlx.errors import ConfigError
from rlx.policies.rebalanced import Rebalanced, RebalancedConfig, returns_of
from rlx.ranges import Whole
from rlx.types import FloatArray

STILL = 1e-12
"""Standard deviation of returns below which prices count as constant: rounding alone gives about 1e-16."""


@dataclass
class InverseVolatilityConfig(RebalancedConfig):
    """Weights proportional to 1/volatility."""

    _target_: str = "rlx.policies.trailing.InverseVolatility"
    lookback_steps: int = 63


class InverseVolatility(Rebalanced):
    """Weights proportional to 1/volatility, the standard deviation of simple returns.

    Assets that have not moved at all share the whole weight equally, the limit as their volatility goes to zero.
    """

    name = "inverse_volatility"
    config_type = InverseVolatilityConfig

    def estimate(self, close: FloatArray) -> FloatArray:
        """Return weights (A,) that add up to one."""
        return inverse_volatilities(returns_of(close))


def inverse_volatilities(returns: FloatArray) -> FloatArray:
    """Return weights (A,) proportional to 1/volatility of returns (L, A), equal ones of what has not moved if any."""
    volatility = returns.std(axis=0, ddof=1)
    still = volatility < STILL
    shares = still.astype(np.float64) if still.any() else 1.0 / volatility
    return np.asarray(shares / shares.sum())


@dataclass
class MomentumConfig(RebalancedConfig):
    """Equal weights in the ``top_k`` assets that rose most."""

    _target_: str = "rlx.policies.trailing.Momentum"
    lookback_steps: int = 126
    top_k: Annotated[int, Whole(1, 10_000)] = 3


class Momentum(Rebalanced):
    """Equal weights in the ``top_k`` assets with the highest return over the lookback.

    Assets tied for the last places share them equally. Raises ConfigError, in ``bind``, for more places than assets.
    """

    name = "momentum"
    config_type = MomentumConfig
    config: MomentumConfig

    def bind(self, market: Market) -> None:
        """Keep the market's closes; ConfigError when it has fewer than ``top_k`` assets."""
        if (top_k := self.config.top_k) > market.n_assets:
            raise ConfigError(
                f"policy.top_k={top_k}: the data have {market.n_assets} symbols ({', '.join(market.symbols)}). "
                f"Choose at most {market.n_assets}."
            )
        super().bind(market)

    def estimate(self, close: FloatArray) -> FloatArray:
        """Return weights (A,) that add up to one."""
        growth = close[-1] / close[0]
        threshold = np.sort(growth)[-self.config.top_k]
        above, tied = growth > threshold, growth == threshold
        places = above + tied * (self.config.top_k - above.sum()) / tied.sum()
        return np.asarray(places / self.config.top_k)

    def describe(self) -> dict[str, Any]:
        """Return kind and settings."""
        return {**super().describe(), "top_k": self.config.top_k}
