"""Laws that would have caught the illusion: noise earns nothing, and only the oracle does."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from rlx.backtest.finer import finer_bars
from rlx.backtest.joined import join
from rlx.backtest.measured import Resampling, measured
from rlx.backtest.outcome import Outcome, Trading, played
from rlx.backtest.random_walk import noise_rows, random_walk, random_walk_within
from rlx.backtest.settings import StrategySettings
from rlx.backtest.strategies import BUY_AND_HOLD, STRATEGIES, Limit
from rlx.backtest.strategy_document import Circumstances, strategy_document
from rlx.backtest.verdict import write_verdict
from rlx.data.market import Market
from rlx.forecast.forecaster import make_forecaster
from rlx.forecast.rows import ForecastRows, forecast_rows
from rlx.sim.rules import Costs
from rlx.types import FloatArray

BARS, STEPS, PARTS = 1500, 1560, 78
PANEL = random_walk(BARS, 7, steps=STEPS)
ON_FORECASTS = [name for name in STRATEGIES if name != BUY_AND_HOLD]
TUNED = [name for name, one in STRATEGIES.items() if isinstance(one, Limit) and one.tuned]


@cache
def noise(forecaster: str = "noise") -> dict[str, Outcome]:
    return outcomes(noise_rows(PANEL, 8) if forecaster == "last" else rows_of("noise"))


def outcomes(rows: ForecastRows) -> dict[str, Outcome]:
    return played(STRATEGIES, Trading(join(rows, PANEL), StrategySettings(), Costs(), 252))


def rows_of(forecaster: str) -> ForecastRows:
    return forecast_rows(make_forecaster(forecaster), Market(PANEL), np.arange(len(PANEL)))


@cache
def by_true_order(tune: str) -> dict[str, Outcome]:
    joined = join(noise_rows(PANEL, 8), PANEL)
    finer = finer_bars(joined, random_walk_within(BARS, 7, PARTS, steps=STEPS), "1D")
    assert finer.covered.all()
    settings = StrategySettings(both_touch="finer", tune=tune, tune_points=3, tune_bounds=0.01)
    return played({name: STRATEGIES[name] for name in TUNED}, Trading(joined, settings, Costs(), 252, finer))


def t_of(net: FloatArray) -> float:
    return float(net.mean() / (net.std(ddof=1) / np.sqrt(net.size)))


@pytest.mark.parametrize("name", ON_FORECASTS)
def test_noise_earns_nothing_pessimistically_and_loses_nothing_optimistically(name: str) -> None:
    for one in (noise()[name], noise("last")[name]):
        net = one.ledger.net_return[0]
        assert t_of(one.bounds.get("pessimistic", net[None])[0]) < 3.0
        assert t_of(one.bounds.get("optimistic", net[None])[0]) > -3.0


@pytest.mark.parametrize("name", TUNED)
def test_tuning_on_the_past_gains_nothing_on_noise_and_tuning_on_the_judged_bars_seems_to(name: str) -> None:
    plain, past = by_true_order("none")[name], by_true_order("past")[name]
    assert t_of(past.ledger.net_return[0]) < 3.0
    assert t_of(past.ledger.net_return[0] - plain.ledger.net_return[0]) < 3.0
    assert past.in_sample_gain is not None and past.in_sample_gain[0] > 0.1


def test_the_oracle_earns_more_than_any_other() -> None:
    best = outcomes(rows_of("oracle"))
    for name in ON_FORECASTS:
        assert best[name].ledger.value[0, -1] > 10 * noise()[name].ledger.value[0, -1], name


def test_the_oracle_is_marked() -> None:
    trading = Trading(join(rows_of("oracle"), PANEL), StrategySettings(), Costs(), 252)
    found = measured(played({"simple": STRATEGIES["simple"]}, trading), 0, 252, Resampling(20))
    facts = {"name": "oracle", "test_only": make_forecaster("oracle").test_only}  # type: ignore[attr-defined]
    verdict = write_verdict(found, {}, facts["test_only"])
    assert verdict.startswith("No evidence of skill: it knows the next bar.")
    run = Circumstances("label", "2025-01-01T00:00:00Z", PANEL, trading, facts)
    assert strategy_document(run, "WALK", found, {}, {}, verdict)["forecaster"]["oracle"] is True


def test_other_days_of_the_oracles_forecasts_earn_nothing() -> None:
    rows = rows_of("oracle")
    order = np.random.default_rng(3).permutation(len(rows.bars) - 1)
    moved = {}
    for name in ("close", "high", "low", "band"):
        moved[name] = getattr(rows, name).copy()
        moved[name][:-1] = moved[name][order]
    shuffled = outcomes(replace(rows, **moved))
    for name in ON_FORECASTS:
        net = shuffled[name].ledger.net_return[0]
        assert t_of(shuffled[name].bounds.get("pessimistic", net[None])[0]) < 3.0, name


def test_the_true_order_lies_between_both_bounds_and_nearer_to_the_pessimistic() -> None:
    # Buy at -0.8%, leave at +0.8%, 20,000 days without costs: the order within the day is known here.
    rng = np.random.default_rng(0)
    path = np.cumprod(1.0 + rng.normal(0.0, 0.016 / np.sqrt(78), (20_000, 78)), axis=1)
    low, high, close = path.min(axis=1), path.max(axis=1), path[:, -1]
    entered = low <= 0.992
    first = (path <= 0.992).argmax(axis=1)
    later = np.where(np.arange(78) > first[:, None], path, -np.inf).max(axis=1)
    touched, after = entered & (high >= 1.008), entered & (later >= 1.008)
    true = np.where(entered, np.where(after, 1.008, close) / 0.992 - 1.0, 0.0)
    pessimistic = np.where(entered, np.where(close >= 1.008, 1.008, close) / 0.992 - 1.0, 0.0)
    optimistic = np.where(entered, np.where(touched, 1.008, close) / 0.992 - 1.0, 0.0)
    assert pessimistic.mean() <= true.mean() <= optimistic.mean()
    assert true.mean() - pessimistic.mean() < optimistic.mean() - true.mean()
    assert entered.mean() == pytest.approx(0.59, abs=0.02)
    assert after.mean() == pytest.approx(0.11, abs=0.02)
