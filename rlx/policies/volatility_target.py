"""Plain weights, scaled so that the portfolio is expected to be as volatile as wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from rlx.data.market import Market
from rlx.policies.from_returns import FromReturns, FromReturnsConfig
from rlx.policies.trailing import STILL, inverse_volatilities
from rlx.ranges import Number, OneOf
from rlx.types import FloatArray

BASES = ("equal", "inverse_volatility")


@dataclass
class VolatilityTargetConfig(FromReturnsConfig):
    """Weights by ``base``, scaled to a volatility of ``target_annual``, to a gross weight of ``max_gross`` at most."""

    _target_: str = "rlx.policies.volatility_target.VolatilityTarget"
    lookback_steps: int = 63
    rebalance_steps: int = 5
    target_annual: Annotated[float, Number(1e-4, 10)] = 0.10
    base: Annotated[str, OneOf(BASES)] = "equal"
    max_gross: Annotated[float, Number(1e-3, 100)] = 1.0


class VolatilityTarget(FromReturns):
    """Holds fewer assets and more cash when the portfolio is expected to be volatile (Moreira and Muir 2017).

    The expected volatility is the standard deviation of the portfolio's returns in the table, annualised by the
    market's own calendar. A portfolio that has not moved is held at ``max_gross``.
    """

    name = "volatility_target"
    config_type = VolatilityTargetConfig
    config: VolatilityTargetConfig
    _per_year = 1.0

    def bind(self, market: Market) -> None:
        """Keep the market and its number of bars in a year."""
        self._per_year = market.periods_per_year
        super().bind(market)

    def of_returns(self, returns: FloatArray) -> FloatArray:
        """Return weights (A,) that add up to ``max_gross`` at most."""
        n_assets = returns.shape[1]
        equal = np.full(n_assets, 1.0 / n_assets)
        weights = equal if self.config.base == "equal" else inverse_volatilities(returns)
        volatility = float((returns @ weights).std()) * np.sqrt(self._per_year / self.steps)
        gross = self.config.target_annual / volatility if volatility > STILL else np.inf
        return np.asarray(weights * min(gross, self.config.max_gross))

    def describe(self) -> dict[str, Any]:
        """Return kind and settings."""
        own = {name: getattr(self.config, name) for name in ("target_annual", "base", "max_gross")}
        return {**super().describe(), **own}
