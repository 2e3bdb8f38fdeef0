"""The forecasts of a command: built from its configuration, with warnings about those that prove nothing."""

from __future__ import annotations

import logging

from rlx.config.commands import TradedConfig
from rlx.data.market import Market
from rlx.data.panel import format_stamp
from rlx.data.splits import Span
from rlx.forecast.features import ForecastOutlook

log = logging.getLogger(__name__)


def outlook_of(config: TradedConfig) -> ForecastOutlook | None:
    """Return the outlook of ``config.forecaster``, None without one; one for tests only is reported."""
    if config.forecaster is None:
        return None
    outlook = ForecastOutlook.of(config.forecaster)
    if outlook.test_only is not None:
        log.warning(
            "forecaster=%s is for tests only: %s. The result is no evidence.",
            outlook.forecaster.name,
            outlook.test_only,
        )
    return outlook


def market_of(config: TradedConfig) -> Market:
    """Return the market of a command with its outlook."""
    outlook = outlook_of(config)  # first: a wrong path ends the command before the data are read
    return Market(config.data.load(), outlook)


def warn_of_seen(market: Market, span: Span) -> None:
    """Warn if the forecaster was trained on dates that are judged."""
    outlook = market.outlook
    if not isinstance(outlook, ForecastOutlook) or outlook.forecaster.last_seen is None:
        return
    first = market.timestamps[span.start]
    if outlook.forecaster.last_seen > first:
        log.warning(
            "forecaster=%s was trained on prices up to %s, and the first judged decision is at %s: until then its "
            "forecasts repeat what it has seen.",
            outlook.forecaster.name,
            format_stamp(outlook.forecaster.last_seen),
            format_stamp(first),
        )
