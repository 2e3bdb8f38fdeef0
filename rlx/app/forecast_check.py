"""``rlx forecast check``: judge a forecaster alone, without any strategy."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np

from rlx.app.construct import construct
from rlx.config import ForecastCheckConfig
from rlx.data.market import Market
from rlx.data.panel import MarketPanel, format_stamp
from rlx.data.splits import Span, make_splits
from rlx.errors import ConfigError, DataError
from rlx.files import to_json
from rlx.forecast.block_bootstrap import BlockBootstrap
from rlx.forecast.check_verdict import write_verdict
from rlx.forecast.chunks import LastRows, forecasts
from rlx.forecast.forecaster import Forecast, Forecaster, ForTests, Placeable
from rlx.forecast.pretrained import OnHardware, Pretrained
from rlx.forecast.scored import last_moves, of_points, outcomes, scored
from rlx.forecast.skill import Compared, Resampling, corrected, rows
from rlx.training.hardware import Hardware
from rlx.types import IntArray

SCHEMA_VERSION = 1
SHOWN_BARS = 40
"""Bars whose forecasts are drawn."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Check:
    """A check: its document, the panel, and the ``last`` forecasts, those at ``bars``, for a picture."""

    document: dict[str, Any]
    panel: MarketPanel
    bars: IntArray
    last: Forecast


def ready(config: ForecastCheckConfig, hardware: Hardware) -> Forecaster:
    """Return the forecaster of a configuration, on its hardware; ConfigError where there is none."""
    if config.forecaster is None:
        raise ConfigError("forecaster=none: there is nothing to check. Choose one, for example filtered_bootstrap.")
    forecaster: Forecaster = construct(config.forecaster)
    if isinstance(forecaster, Placeable):
        forecaster.place(hardware.accelerator, hardware.precision, hardware.compiler)
    return forecaster


def check(config: ForecastCheckConfig, market: Market, forecaster: Forecaster) -> Check:
    """Judge a forecaster on a split of a market; RlxError if nothing can be judged."""
    null = BlockBootstrap(horizon_steps=forecaster.horizon_steps)
    bars, split = _bars(config, market, forecaster, null)
    shown = bars[-SHOWN_BARS:]
    last = LastRows(len(bars) - len(shown))
    compared = _compared(market, bars, last.passing(forecasts(forecaster, market, bars, config.seed)), null, config)
    document = {
        "schema_version": SCHEMA_VERSION,
        "generated_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "forecaster": _facts(forecaster, config.forecaster),
        "null": {"name": null.name, "options": to_json(vars(null.config))},
        "data": {"source": market.panel.source, "fingerprint": market.fingerprint, "symbols": list(market.symbols)},
        "split": split,
        "horizon_steps": forecaster.horizon_steps,
        **_results(config, compared, market.symbols),
    }
    return Check({**document, "verdict": write_verdict(document)}, market.panel, shown, last.joined())


def _results(config: ForecastCheckConfig, compared: Compared, symbols: Sequence[str]) -> dict[str, Any]:
    """Return what was measured, with the settings that it depends on."""
    resampling = Resampling(config.resamples, config.seed)
    by_symbol = corrected({symbol: rows(compared, resampling, number) for number, symbol in enumerate(symbols)})
    return {
        "levels": list(compared.forecaster.levels),
        "resamples": config.resamples,
        "seed": config.seed,
        "counted": _counted(compared),
        "pooled": [row.facts() for row in rows(compared, resampling)],
        "symbols": {symbol: [row.facts() for row in listed] for symbol, listed in by_symbol.items()},
    }


def _compared(
    market: Market,
    bars: IntArray,
    made: Iterator[tuple[slice, Forecast]],
    null: Forecaster,
    config: ForecastCheckConfig,
) -> Compared:
    """Return the losses of forecasts ``made`` part by part, of the null model and of no move."""
    first = next(made)
    prices, levels = first[1].prices, tuple(config.levels or first[1].levels)
    actual = outcomes(market.panel, bars, null.horizon_steps, prices)
    own = scored(chain([first], made), actual, levels)
    other = scored(forecasts(null, market, bars, config.seed), actual, levels)
    still = of_points(last_moves(market.panel, bars, null.horizon_steps, prices), actual, levels, prices)
    return Compared(own, other, still)


def _bars(
    config: ForecastCheckConfig, market: Market, forecaster: Forecaster, null: Forecaster
) -> tuple[IntArray, dict[str, Any]]:
    """Return the bars at which forecasts are judged, each before the last bar, and the facts about them."""
    name = "test" if config.split == "auto" else config.split
    first = max(forecaster.first_bar(market), null.first_bar(market))
    span = Span(first, market.n_bars - 1) if name == "all" else _span(config, market, name)
    bars = np.arange(max(first, span.start), span.stop)
    if not len(bars):
        raise DataError(
            f"split={name}: no forecast can be made in it; the first is made at bar {first} of {market.n_bars}. Use a "
            "longer history, another split, or a forecaster that needs fewer bars."
        )
    if span.start < first:
        log.warning("The first %d bars of the split are left out: no forecast is possible.", first - span.start)
    seen = 0 if forecaster.last_seen is None else int((market.timestamps[bars] <= forecaster.last_seen).sum())
    if seen:
        log.warning("forecaster=%s was fitted on dates up to %s: %d bars.", forecaster.name, forecaster.last_seen, seen)
    ends = {"first": format_stamp(market.timestamps[bars[0]]), "last": format_stamp(market.timestamps[bars[-1]])}
    return bars, {"name": name, **ends, "bars": len(bars), "bars_seen": seen}


def _span(config: ForecastCheckConfig, market: Market, name: str) -> Span:
    span: Span = getattr(make_splits(market, config.data.split, 0), name)
    return span


def _facts(forecaster: Forecaster, options: Any) -> dict[str, Any]:
    """Return plain facts about a forecaster."""
    chosen = {name: value for name, value in vars(options).items() if not name.startswith("_")}
    return {
        "name": forecaster.name,
        "options": to_json(chosen),
        "test_only": forecaster.test_only if isinstance(forecaster, ForTests) else None,
        "last_seen": None if forecaster.last_seen is None else str(forecaster.last_seen),
        "weights": forecaster.weights if isinstance(forecaster, Pretrained) else None,
        "settings": to_json(forecaster.settings()) if isinstance(forecaster, OnHardware) else None,
    }


def _counted(compared: Compared) -> dict[str, int]:
    own = compared.forecaster
    return {
        "forecasts": int(own.invalid.size),
        "missing": int(np.isnan(own.by_level[:, :, 0, 0, 0]).sum()),
        "high_below_low": int(own.invalid.sum()),
        "degraded": int(own.degraded.sum()),
    }


def with_latency(made: Check, latency: Mapping[str, Any] | None) -> Check:
    """Return the check with its measured times in the document."""
    return made if latency is None else replace(made, document={**made.document, "latency": dict(latency)})
