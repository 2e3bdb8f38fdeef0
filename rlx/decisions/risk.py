"""The forecasts of risk that rewards penalise."""

from __future__ import annotations

from rlx.data.market import Market
from rlx.sim.rules import Reward
from rlx.types import FloatArray


def priced_risk(market: Market, reward: Reward) -> tuple[FloatArray | None, FloatArray | None]:
    """Return forecast CVaR and uncertainty (N-1, A) of each step of the market, None where a reward needs neither.

    Without an outlook there is none. DataError for a forecaster without sample paths, which has no CVaR.
    """
    if not (reward.cvar_penalty or reward.uncertainty_penalty) or market.forecast_risk is None:
        return None, None
    return market.forecast_risk
