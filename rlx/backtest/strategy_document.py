"""``strategy_backtest.json``: all strategies on the forecasts for one symbol, or for the average of all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rlx.backtest.measured import PORTFOLIO, Measured
from rlx.backtest.outcome import Trading
from rlx.data.panel import MarketPanel
from rlx.files import to_json
from rlx.measures.statistics import Interval

SCHEMA_VERSION = 1
FILE = "strategy_backtest"


@dataclass(frozen=True)
class Circumstances:
    """What the documents of one run have in common, besides the trading itself.

    ``forecaster`` are plain facts about it, among them ``test_only``, the reason why it is no evidence, or None.
    """

    label: str
    generated_at: str
    panel: MarketPanel
    trading: Trading
    forecaster: Mapping[str, Any]
    finer: MarketPanel | None = None


def strategy_document(
    run: Circumstances,
    symbol: str,
    found: Mapping[str, Measured],
    error: Mapping[str, Any],
    uplift: Mapping[str, Interval],
    verdict: str,
) -> dict[str, Any]:
    """Return the document of one account; ``found`` by strategy."""
    joined, settings = run.trading.joined, run.trading.settings
    data = {
        "source": run.panel.source,
        "fingerprint": run.panel.fingerprint,
        "frequency": run.panel.frequency,
        "first": str(joined.stamps[0])[:10],
        "last": str(joined.stamps[-1])[:10],
        "bars": len(joined.bars),
        "symbols": list(joined.symbols) if symbol == PORTFOLIO else [symbol],
        "finer": None if run.finer is None else run.finer.source,
        "finer_fingerprint": None if run.finer is None else run.finer.fingerprint,
    }
    costs = run.trading.costs
    tuning = {name: value for name, value in asdict(settings).items() if name.startswith("tune_")}
    document = {
        "schema_version": SCHEMA_VERSION,
        "label": run.label,
        "symbol": symbol,
        "generated_at": run.generated_at,
        "data": data,
        "forecaster": {**run.forecaster, "oracle": run.forecaster["test_only"] is not None},
        "costs": costs,
        "both_touch": settings.both_touch,
        "tune": settings.tune,
        "settings": {
            "ci_multiplier": settings.ci_multiplier,
            "pctdiff_target": settings.pctdiff_target,
            **(tuning if settings.tunes else {}),
        },
        "strategies": {name: _strategy(one) for name, one in found.items()},
        "forecast_error": error,
        "uplift": {name: _interval(one) for name, one in uplift.items()},
        "key": comparability_key(data, costs, settings.both_touch),
        "verdict": verdict,
    }
    plain: dict[str, Any] = to_json(document)
    return plain


def comparability_key(data: Mapping[str, Any], costs: Any, both_touch: str) -> str:
    """Return a digest of what two results must have in common to be compared: bars, costs and the rule of fills."""
    shared = {name: data[name] for name in ("fingerprint", "first", "last", "bars", "symbols", "finer_fingerprint")}
    text = json.dumps(to_json([shared, costs, both_touch]), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _strategy(one: Measured) -> dict[str, Any]:
    return {
        "metrics": dict(one.metrics),
        "intervals": {name: _interval(interval) for name, interval in one.intervals.items()},
        "excess_over_buy_and_hold": None if one.excess is None else _interval(one.excess),
        "window_excess": list(one.window_excess),
        "significance": one.significance.to_dict(),
        "fills": dict(one.counts),
        **{name: dict(bound) for name, bound in one.bounds.items()},
        "in_sample_gain": one.in_sample_gain,
    }


def _interval(interval: Interval) -> dict[str, Any]:
    named = ("estimate", "low", "high", "confidence", "covers_zero", "p_value", "reason")
    whole = interval.to_dict()
    return {name: whole[name] for name in named}
