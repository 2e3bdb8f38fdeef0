"""Whether a strategy may be considered for trading, by rules: those it breaks are listed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlx.backtest.measured import WINDOWS
from rlx.backtest.strategies import BUY_AND_HOLD

Document = Mapping[str, Any]


def broken_rules(document: Document, strategy: str) -> list[str]:
    """Return the rules that a strategy of a document breaks, in words; none for one that is ready."""
    one, forecaster = document["strategies"][strategy], document["forecaster"]
    windows, excess = one.get("window_excess") or [], one.get("excess_over_buy_and_hold") or {}
    worst = one.get("pessimistic", one["metrics"]).get("cumulative_return")
    close = document["forecast_error"].get("close")
    rules = {
        f"it was not compared with buying and holding in {WINDOWS} windows": len(windows) < WINDOWS,
        "it does not beat buying and holding in every window": any(value <= 0.0 for value in windows),
        "the interval of its excess is not above zero": (excess.get("low") or 0.0) <= 0.0,
        "its pessimistic result is not positive": worst is None or worst <= 0.0,
        "the forecast of the close errs more than no move": close is None or close["mae"] > close["naive_mae"],
        "the forecaster is for tests only": forecaster.get("test_only") is not None,
        "some forecasts are from fewer samples than asked for": bool(forecaster.get("degraded_rows")),
    }
    return [rule for rule, broken in rules.items() if broken]


def ready(document: Document) -> list[str]:
    """Return the strategies of a document that break no rule."""
    return [name for name in document["strategies"] if name != BUY_AND_HOLD and not broken_rules(document, name)]
