"""``rlx backtest``: trade every strategy on the forecasts for some symbols, and write a document for each."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rlx.app.construct import construct
from rlx.backtest.finer import finer_bars
from rlx.backtest.forecast_error import Observed, forecast_error
from rlx.backtest.joined import join
from rlx.backtest.measured import PORTFOLIO, Resampling, accounts, measured, uplifts, with_average
from rlx.backtest.outcome import Outcome, Trading, played, require_finer
from rlx.backtest.strategies import chosen
from rlx.backtest.strategy_document import Circumstances, strategy_document
from rlx.backtest.verdict import write_verdict
from rlx.config import BacktestConfig
from rlx.console import late_progress
from rlx.data.config import FolderData, SampleData
from rlx.data.market import Market
from rlx.data.panel import MarketPanel
from rlx.errors import ConfigError
from rlx.files import to_json
from rlx.forecast.forecaster import Forecaster
from rlx.forecast.rows import ForecastRows, forecast_rows
from rlx.types import IntArray

SAMPLE_HOURLY = "sample_hourly"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Backtest:
    """The strategies of one configuration: their trading, what came of each, and a document for each account."""

    run: Circumstances
    outcomes: Mapping[str, Outcome]
    documents: Mapping[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Prepared:
    """A market with its forecasts joined, ready to trade."""

    market: Market
    forecaster: Observed
    rows: ForecastRows
    trading: Trading
    finer: MarketPanel | None


def prepare(config: BacktestConfig) -> Prepared:
    """Load the market and make the forecasts of a configuration; RlxError for anything that cannot be forecast."""
    if config.forecaster is None:
        raise ConfigError("forecaster=none: strategies trade on forecasts. Choose one, for example block_bootstrap.")
    require_finer(config, config.finer)
    market = Market(config.data.load())
    observed = Observed(construct(config.forecaster))
    rows = _rows(observed, market, config)
    joined = join(rows, market.panel)
    finer = None if config.finer is None else _finer(config.finer)
    found = None if finer is None else finer_bars(joined, finer, market.panel.frequency)
    trading = Trading(joined, config.settings(), config.costs, market.periods_per_year, found)
    return Prepared(market, observed, rows, trading, finer)


def backtest(config: BacktestConfig, name: str = "") -> Backtest:
    """Trade the strategies of a configuration; RlxError for anything that cannot be traded or forecast.

    ``name`` is the label without one in the configuration.
    """
    strategies = chosen(config.strategies)
    ready = prepare(config)
    run = Circumstances(
        label=config.label or name or ready.forecaster.name,
        generated_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        panel=ready.market.panel,
        trading=ready.trading,
        forecaster=_facts(ready.forecaster, ready.rows, config),
        finer=ready.finer,
    )
    with late_progress() as show:
        outcomes = {name: with_average(one) for name, one in played(strategies, ready.trading, show).items()}
    return _documented(Backtest(run, outcomes), ready.forecaster, Resampling(config.resamples, config.seed))


def _rows(forecaster: Observed, market: Market, config: BacktestConfig) -> ForecastRows:
    bars = _unseen(forecaster, market)
    low, high = config.band
    return forecast_rows(forecaster, market, bars, config.aggregate, config.seed, (low, high))


def _unseen(forecaster: Forecaster, market: Market) -> IntArray:
    """Return the bars from the forecaster's first one on, without those that it was fitted on."""
    first = forecaster.first_bar(market)
    if forecaster.last_seen is not None:
        seen = int(np.searchsorted(market.timestamps, forecaster.last_seen, side="right"))
        if seen > first:
            log.warning("The first %d bars are left out: the forecaster was fitted on them.", seen)
        first = max(first, seen)
    if first > market.n_bars - 2:
        raise ConfigError(
            f"forecaster={forecaster.name}: {market.panel.source or 'the market'} has {market.n_bars} bars, and the "
            f"first forecast is made at bar {first + 1}: at least {first + 2} bars are needed. Use a longer history."
        )
    return np.arange(first, market.n_bars, dtype=np.int64)


def _finer(name: str) -> MarketPanel:
    return SampleData(dataset="hourly5").load() if name == SAMPLE_HOURLY else FolderData(path=name).load()


def _facts(forecaster: Observed, rows: ForecastRows, config: BacktestConfig) -> dict[str, Any]:
    """Return plain facts about a forecaster and its rows."""
    options = {name: value for name, value in vars(config.forecaster).items() if not name.startswith("_")}
    return {
        "name": forecaster.name,
        "options": to_json(options),
        "aggregate": to_json(config.aggregate),
        "band": list(config.band),
        "seed": config.seed,
        "rows": int(rows.close.size),
        "missing_rows": int(rows.missing.sum()),
        "invalid_rows": int(rows.invalid.sum()),
        "degraded_rows": forecaster.degraded_rows,
        "test_only": forecaster.test_only,
    }


def _documented(made: Backtest, observed: Observed, resampling: Resampling) -> Backtest:
    trading = made.run.trading
    year, joined = trading.periods_per_year, trading.joined
    documents = {}
    every = list(accounts(joined.symbols))
    with late_progress() as show:
        for account, symbol in every:
            show(f"Measuring {symbol}", account, len(every))
            found = measured(made.outcomes, account, year, resampling)
            at = slice(None) if symbol == PORTFOLIO else slice(account, account + 1)
            error = forecast_error(joined, at)
            if "close" in error:
                error["close"] |= observed.scores(at)
            uplift = uplifts(found, year, resampling)
            verdict = write_verdict(found, error, made.run.forecaster["test_only"])
            documents[symbol] = strategy_document(made.run, symbol, found, error, uplift, verdict)
    return Backtest(made.run, made.outcomes, documents)
