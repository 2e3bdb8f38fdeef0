"""Thresholds fitted to the train split: percentiles of the right books and of no later or other data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.errors import ConfigError
from rlx.evaluate.fit_guard import fit_guard
from rlx.evaluate.guard_config import FittedGuard
from rlx.sim.rules import Cooldown, Costs, Guard, Rules
from rlx.types import FloatArray
from tests.evaluate.players import make_market, random_market

TRAIN = Span(0, 120)
IDLE_COOLDOWN = Cooldown(steps=1, probe_weight=1.0)  # on, but nothing is above its probe weight


def market() -> Market:
    return random_market(n_bars=200, n_assets=3)


def equal_weight_values(closes: FloatArray, steps: int) -> FloatArray:
    """Return the account before each step, free of costs: rebalanced daily, it earns the mean return."""
    returns = (closes[1:] / closes[:-1] - 1.0).mean(axis=1)[:steps]
    return np.concatenate(([1.0], np.cumprod(1.0 + returns)[:-1]))


def test_drawdown_and_trailing_return_are_percentiles_of_equal_weight() -> None:
    fit = fit_guard(
        FittedGuard(window=10, drawdown_percentile=80.0, negative_return_percentile=25.0), market(), TRAIN, Rules()
    )
    value = equal_weight_values(market().panel.close, len(TRAIN))
    drawdown = 1.0 - value / np.maximum.accumulate(value)
    trailing = [value[t] / value[t - 10] - 1.0 for t in range(10, len(TRAIN))]
    assert fit.guard.drawdown_threshold == pytest.approx(np.percentile(drawdown, 80), abs=1e-6)
    assert fit.guard.negative_return_threshold == pytest.approx(np.percentile(trailing, 25), abs=1e-6)
    assert (fit.first, fit.last) == (market().timestamps[0], market().timestamps[120])


def test_turnover_is_that_of_a_trader_who_holds_the_best_third() -> None:
    six = random_market(n_bars=200, n_assets=6)
    rules = Rules(cooldown=IDLE_COOLDOWN)
    fit = fit_guard(FittedGuard(window=5, turnover_percentile=85.0), six, TRAIN, rules)
    closes, turnover = six.panel.close, []
    for t in range(6, len(TRAIN)):
        held, wanted = (np.isin(np.arange(6), np.argsort(closes[s] / closes[s - 5])[-2:]) / 2.0 for s in (t - 1, t))
        grown = held * closes[t] / closes[t - 1]
        turnover.append(np.abs(wanted - grown / grown.sum()).sum())
    assert fit.guard.turnover_threshold == pytest.approx(np.percentile(turnover, 85), abs=1e-6)
    assert 0.9 < np.percentile(turnover, 85) < 1.1  # one of the two is replaced


def test_costs_and_limits_are_those_of_the_rules() -> None:
    asked = FittedGuard(window=10)
    free = fit_guard(asked, market(), TRAIN, Rules()).guard
    expensive = fit_guard(asked, market(), TRAIN, Rules(costs=Costs(commission_bps=200.0))).guard
    assert expensive.drawdown_threshold > free.drawdown_threshold  # type: ignore[operator]
    assert expensive.negative_return_threshold < free.negative_return_threshold  # type: ignore[operator]


def test_a_guard_in_the_rules_does_not_change_the_fit() -> None:
    asked, guarded = FittedGuard(window=10), Rules(guard=Guard(drawdown_threshold=0.01, leverage_scale=0.1))
    assert fit_guard(asked, market(), TRAIN, guarded) == fit_guard(asked, market(), TRAIN, Rules())


@pytest.mark.parametrize(("bar", "same"), [(199, True), (121, True), (120, True), (119, False), (60, False)])
def test_no_price_after_the_last_training_decision_moves_a_threshold(bar: int, same: bool) -> None:
    rules = Rules(costs=Costs(commission_bps=5.0), cooldown=Cooldown(steps=3))
    asked = FittedGuard(window=10, drawdown_percentile=100.0, negative_return_percentile=0.0, turnover_percentile=90.0)
    closes = market().panel.close.copy()
    closes[bar:] *= np.array([0.2, 0.3, 0.5])
    changed, reference = (fit_guard(asked, prices, TRAIN, rules).guard for prices in (make_market(closes), market()))
    assert None not in (reference.drawdown_threshold, reference.turnover_threshold)
    assert (changed == reference) is same


def test_without_a_cooldown_the_turnover_guard_is_left_off() -> None:
    assert fit_guard(FittedGuard(window=10), market(), TRAIN, Rules()).guard.turnover_threshold is None


def test_null_switches_a_guard_off_or_keeps_a_given_threshold() -> None:
    asked = FittedGuard(
        window=10,
        leverage_scale=0.3,
        drawdown_percentile=None,
        drawdown_threshold=0.07,
        negative_return_percentile=None,
    )
    guard = fit_guard(asked, market(), TRAIN, Rules()).guard
    assert guard == Guard(window=10, leverage_scale=0.3, drawdown_threshold=0.07)
    assert type(guard) is Guard


@pytest.mark.parametrize(
    ("asked", "rules", "expected"),
    [
        ({"window": 119}, Rules(), "guard.window=119: the train split has 120 decisions"),
        ({"window": 10, "drawdown_percentile": 0.0}, Rules(), "guard.drawdown_percentile=0: the fitted threshold is 0"),
        (
            {"window": 118, "turnover_percentile": 0.0},
            Rules(cooldown=IDLE_COOLDOWN),
            "guard.turnover_percentile=0: the fitted threshold is 0",
        ),
    ],
)
def test_a_guard_that_cannot_be_fitted_is_refused_with_the_reason(
    asked: dict[str, Any], rules: Rules, expected: str
) -> None:
    with pytest.raises(ConfigError, match=f"^{expected}"):
        fit_guard(FittedGuard(**asked), market(), TRAIN, rules)


def test_a_trailing_return_above_one_hundred_percent_is_not_allowed() -> None:
    rising = make_market(np.tile(1.5 ** np.arange(40.0)[:, None], (1, 2)))
    asked = FittedGuard(window=10, drawdown_percentile=None)
    with pytest.raises(ConfigError, match=r"^guard.negative_return_percentile=10: .* trailing return of \+5667%"):
        fit_guard(asked, rising, Span(0, 30), Rules())


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"drawdown_percentile": 101.0}, "guard.drawdown_percentile=101.0: must be between 0 and 100, or null"),
        ({"turnover_percentile": -1.0}, "guard.turnover_percentile=-1.0: must be between 0 and 100, or null"),
        ({"turnover_percentile": float("nan")}, "guard.turnover_percentile=nan: must be between"),
        ({"drawdown_threshold": 0.1}, "guard.drawdown_threshold=0.1: this threshold is fitted"),
        ({"window": 0}, "guard.window=0: must be a whole number"),
    ],
)
def test_bad_settings_are_refused(values: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        FittedGuard(**values)
    assert str(refusal.value).startswith(expected)


@pytest.mark.parametrize(("window", "fewest"), [(1, 4), (10, 12)])
def test_the_smallest_span_that_fits_is_fitted(window: int, fewest: int) -> None:
    asked = FittedGuard(window=window, drawdown_percentile=None, turnover_percentile=None)
    assert fit_guard(asked, market(), Span(0, fewest), Rules()).guard.negative_return_threshold is not None
    with pytest.raises(ConfigError, match=f"the train split has {fewest - 1} decisions"):
        fit_guard(asked, market(), Span(0, fewest - 1), Rules())
