"""Documents of earlier backtests, read from files: this version's, and those of the original system."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NotRequired, TypedDict

from rlx.backtest.strategy_document import SCHEMA_VERSION
from rlx.errors import FileError
from rlx.untrusted.documents import read_json
from rlx.untrusted.plain_types import Count, Finite, Measure, Words, require

LEGACY = "legacy"
MAX_BYTES = 16 * 2**20
ORIGINAL_NUMBERS = ("return", "sharpe", "final_day", "avg_daily_return", "annual_return", "turnover")


class Interval(TypedDict):
    """An interval of a document."""

    estimate: Measure
    low: Measure
    high: Measure


class Significance(TypedDict):
    """The field of a significance that is read."""

    dsr: Measure


class StrategyPart(TypedDict):
    """One strategy of a document."""

    metrics: dict[str, Measure]
    intervals: dict[str, Interval]
    excess_over_buy_and_hold: Interval | None
    window_excess: list[Finite]
    significance: Significance
    fills: dict[str, Count]
    in_sample_gain: Measure
    pessimistic: NotRequired[dict[str, Measure]]
    optimistic: NotRequired[dict[str, Measure]]


class DataPart(TypedDict):
    """The bars of a document."""

    first: Words
    last: Words
    bars: Count


class ForecasterPart(TypedDict):
    """The facts of a forecaster that are read."""

    name: Words
    test_only: Words | None
    degraded_rows: NotRequired[Count]


class ErrorPart(TypedDict):
    """The error of the forecasts of one price."""

    mae: Finite
    naive_mae: Finite
    pinball: NotRequired[Measure]
    coverage_80: NotRequired[Measure]


class StrategyDocument(TypedDict):
    """What is read of ``strategy_backtest.json``."""

    schema_version: int
    label: Words
    symbol: Words
    data: DataPart
    forecaster: ForecasterPart
    both_touch: Words
    tune: Words
    strategies: dict[str, StrategyPart]
    forecast_error: dict[str, ErrorPart]
    key: Words
    verdict: Words


class LegacyDocument(TypedDict):
    """What is read of a document of the original system; a strategy or number may be missing or null."""

    symbol: Words
    strategies: dict[str, dict[str, Measure] | None]
    runs: NotRequired[Count | None]
    generated_at: NotRequired[Words | None]
    metrics: NotRequired[dict[str, Measure] | None]


def read_document(path: Path) -> dict[str, Any]:
    """Return a document; that of the original system has ``kind: legacy``, and is never ranked.

    FileError, naming the file, for anything else, damaged ones and those of a later version.
    """
    document = read_json(path, limit=MAX_BYTES)
    if not isinstance(document, dict) or "strategies" not in document:
        raise FileError(f"{path}: no document of a backtest, it has no strategies.")
    if "schema_version" not in document:
        return {**require(document, LegacyDocument, str(path)), "kind": LEGACY}
    if document["schema_version"] != SCHEMA_VERSION:
        raise FileError(
            f"{path}: schema_version={document['schema_version']!r:.40}; this version reads {SCHEMA_VERSION}. Use the "
            "version of rlx that wrote it."
        )
    whole: dict[str, Any] = require(document, StrategyDocument, str(path))
    return whole
