"""Multipliers are tuned on finished bars only."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from rlx.backtest.outcome import play
from rlx.backtest.settings import StrategySettings
from rlx.backtest.strategies import STRATEGIES
from rlx.backtest.tuning import best_on_itself, best_on_past, returns_of_pairs, tilt_pairs
from rlx.errors import ConfigError
from tests.backtest.worked_example import outcome, trading

THREE = {"tune": "past", "tune_bounds": 0.01, "tune_points": 3, "tune_min_bars": 1}
SUMS = {
    (0, -0.01): 0.040153,
    (0, 0): 0.019986,
    (-0.01, -0.01): 0.019922,
    (0.01, -0.01): 0.016771,
    (-0.01, 0): -0.000142,
    (0.01, 0): -0.003397,
    (0, 0.01): -0.009435,
    (0.01, 0.01): -0.023071,
    (-0.01, 0.01): -0.029559,
}


def test_the_sums_of_all_pairs_by_hand() -> None:
    one = trading(**THREE)
    returns = returns_of_pairs(
        STRATEGIES["maxdiff"],
        one.joined,
        one.settings,
        one.fill("pessimistic"),
        one.rates,  # type: ignore[arg-type]
    )
    found = dict(zip(map(tuple, tilt_pairs(one.settings).tolist()), returns[:, :4].sum(axis=1), strict=True))
    assert found == {pair: pytest.approx(total, abs=5e-7) for pair, total in SUMS.items()}


def test_the_pair_of_each_bar_and_its_return_by_hand() -> None:
    found = outcome("maxdiff", **THREE)
    assert found.tilt is not None
    assert np.ravel(found.tilt.high).tolist() == [0, 0, 0, 0, 0]
    assert np.ravel(found.tilt.low).tolist() == [0, -0.01, -0.01, -0.01, -0.01]
    np.testing.assert_allclose(found.ledger.net_return[0, 1:], [-0.021860, 0.023383, 0, 0], atol=5e-7)
    assert found.rules_tried == 9


def test_pairs_in_the_order_of_preference() -> None:
    pairs = tilt_pairs(StrategySettings())
    assert pairs.shape == (169, 2) and pairs[0].tolist() == [0, 0]
    sizes = np.round(np.abs(pairs).sum(axis=1), 12)
    assert (np.diff(sizes) >= 0).all()
    assert all(abs(one[0]) <= abs(other[0]) for one, other in pairwise(pairs[1:5]))
    assert len({tuple(pair) for pair in np.round(pairs, 9).tolist()}) == 169


def test_the_choice_for_a_bar_ignores_that_bar_and_all_later_ones() -> None:
    rng = np.random.default_rng(0)
    settings = StrategySettings(tune_bars=5, tune_min_bars=2)
    returns = rng.normal(size=(4, 40))
    chosen = best_on_past(returns, settings)
    for bar in range(40):
        changed = returns.copy()
        changed[:, bar:] = rng.normal(size=changed[:, bar:].shape)
        assert best_on_past(changed, settings)[bar] == chosen[bar]
    assert chosen[:2].tolist() == [0, 0] and len(set(chosen[2:].tolist())) > 1
    sums = returns[:, 20:25].sum(axis=1)
    assert chosen[25] == sums.argmax()


def test_tuning_on_the_bars_themselves_takes_the_best_of_each_block() -> None:
    returns = np.random.default_rng(1).normal(size=(6, 23))
    chosen = best_on_itself(returns, StrategySettings(tune_bars=10, tune_min_bars=1))
    blocks = [slice(0, 10), slice(10, 20), slice(20, 23)]
    assert [chosen[block].tolist() for block in blocks] == [
        [returns[:, block].sum(axis=1).argmax()] * len(chosen[block]) for block in blocks
    ]


def test_what_tuning_on_the_judged_bars_adds_is_reported_and_not_earned() -> None:
    tuned, plain = outcome("maxdiff", **THREE), outcome("maxdiff")
    assert plain.in_sample_gain is None and tuned.in_sample_gain is not None
    # In hindsight (0, -0.01) or (0, 0) is best in all five bars together: its sum less that of the bars above.
    one = trading(**THREE)
    returns = returns_of_pairs(
        STRATEGIES["maxdiff"],
        one.joined,
        one.settings,
        one.fill("pessimistic"),
        one.rates,  # type: ignore[arg-type]
    )
    best = returns.sum(axis=1).max() - tuned.ledger.net_return[0].sum()
    assert tuned.in_sample_gain[0] == pytest.approx(best / 5 * 252)


def test_before_the_minimum_of_bars_nothing_is_multiplied() -> None:
    same = outcome("maxdiff", tune="past")
    np.testing.assert_array_equal(same.ledger.net_return, outcome("maxdiff").ledger.net_return)


def test_only_strategies_with_two_limits_are_tuned() -> None:
    one = trading(**THREE)
    for name in ("simple", "entry_takeprofit", "high_low"):
        assert play(STRATEGIES[name], one).in_sample_gain is None


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"tune": "future"}, "tune=future: must be one of none, past"),
        ({"tune_points": 12}, "tune_points=12: must be odd"),
        ({"tune_min_bars": 61}, "tune_min_bars=61 is above tune_bars=60"),
        ({"both_touch": "hopeful"}, "both_touch=hopeful: must be one of pessimistic, optimistic, finer"),
    ],
)
def test_bad_settings(bad: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        StrategySettings(**bad)  # type: ignore[arg-type]
