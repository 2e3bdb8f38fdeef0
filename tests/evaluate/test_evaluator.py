"""The evaluator against hand-worked accounts, the simulator's own replay, and laws that hold for any policy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlx.data.market import Market
from rlx.data.splits import Span
from rlx.decisions.observation import Observation
from rlx.errors import ConfigError, RlxError
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.windows import WindowSet, holdout_windows, start_index_windows
from rlx.measures.evaluation import Evaluation
from rlx.policies.baselines import BuyAndHold, Cash, EqualWeight
from rlx.sim import Costs, Ledger, Limits, Rules, simulate
from rlx.types import Accounting
from tests.evaluate.players import FREE, GUARDED, OPEN, Player, make_market, random_market, state_dependent


def starting(name: str, starts: list[int], steps: int) -> WindowSet:
    return WindowSet(name, np.array(starts), steps)


def book(evaluation: Evaluation, name: str = "holdout") -> Ledger:
    return evaluation.sets[name].ledger


def assert_same(left: Ledger, right: Ledger) -> None:
    for name in Ledger.names():
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name), err_msg=name)


def test_cash_earns_and_costs_nothing() -> None:
    ledger = book(evaluate(Cash(), random_market(), [holdout_windows(Span(0, 59))], GUARDED))
    for quantity in ("net_return", "trading_cost", "financing_cost", "turnover", "gross_exposure", "drawdown"):
        assert not getattr(ledger, quantity).any(), quantity
    assert (ledger.value == 1.0).all()


def test_equal_weight_with_cost_and_drift_by_hand() -> None:
    # +10% and -10% on half each: nothing earned, weights drift to 0.55 and 0.45, so 0.1 is traded back; then +20%
    market = make_market([[100, 100], [110, 90], [132, 90]])
    rules = Rules(costs=Costs(commission_bps=100), limits=OPEN, accounting=Accounting.additive)
    ledger = book(evaluate(EqualWeight(), market, [holdout_windows(Span(0, 2))], rules))
    np.testing.assert_allclose(ledger.turnover[0], [1.0, 0.1], atol=1e-12)
    np.testing.assert_allclose(ledger.net_return[0], [-0.01, 0.1 - 0.001], atol=1e-12)
    np.testing.assert_allclose(ledger.value[0], [0.99, 0.99 * 1.099], atol=1e-12)


def test_free_equal_weight_earns_the_mean_return_and_buy_and_hold_the_mean_growth() -> None:
    market = random_market()
    windows = [holdout_windows(Span(5, 59))]
    equal = book(evaluate(EqualWeight(), market, windows, FREE))
    np.testing.assert_allclose(equal.net_return[0], market.returns[5:59].mean(axis=1), atol=1e-14)
    held = book(evaluate(BuyAndHold(), market, windows, FREE))
    growth = market.panel.close[59] / market.panel.close[5]
    assert held.value[0, -1] == pytest.approx(growth.mean(), rel=1e-12)
    assert held.turnover[0, 1:].max() < 1e-12


def test_time_stamps_say_when_decided_and_when_closed() -> None:
    market = random_market()
    windows = evaluate(Cash(), market, [starting("pair", [3, 7], 2)], FREE).sets["pair"]
    assert windows.starts.tolist() == [3, 7]
    np.testing.assert_array_equal(windows.timestamps, market.timestamps[[[3, 4], [7, 8]]])
    np.testing.assert_array_equal(windows.end_timestamps, market.timestamps[[[4, 5], [8, 9]]])


def test_the_last_step_closes_on_the_last_bar() -> None:
    market = random_market(60)
    ledger = book(evaluate(EqualWeight(), market, [holdout_windows(Span(58, 59))], FREE))
    assert ledger.net_return.shape == (1, 1)
    assert ledger.net_return[0, 0] == pytest.approx(market.returns[58].mean(), abs=1e-14)


def test_closed_loop_equals_a_replay_of_the_same_targets() -> None:
    market = random_market(n_bars=80)
    targets = np.random.default_rng(1).normal(0.0, 0.6, (80, 3))
    player = Player(lambda o: targets[o.bar])
    ledger = book(evaluate(player, market, [holdout_windows(Span(10, 70))], GUARDED))
    replay = simulate(
        market.returns[10:70],
        targets[10:70],
        costs=GUARDED.costs,
        limits=GUARDED.limits,
        guard=GUARDED.guard,
        cooldown=GUARDED.cooldown,
        reward=GUARDED.reward,
        periods_per_year=market.periods_per_year,
        engine="numba",
    )
    for name in Ledger.names():
        np.testing.assert_allclose(getattr(ledger, name)[0], getattr(replay, name), atol=1e-12, err_msg=name)
    assert ledger.drawdown_guard.any() and ledger.turnover_guard.any() and ledger.cooldown_long.any()


def test_the_same_evaluation_twice_is_bit_identical() -> None:
    market, sets = random_market(), [holdout_windows(Span(10, 59)), start_index_windows(Span(10, 59), 7)]
    first, again = (evaluate(state_dependent(), market, sets, GUARDED) for _ in range(2))
    for name in ("holdout", "windows"):
        assert_same(book(first, name), book(again, name))


def test_a_window_is_the_same_alone_or_in_any_batch() -> None:
    market = random_market()
    mixed = [starting("a", [20, 10, 30], 9), starting("b", [12, 40], 15), starting("c", [11], 9)]
    together = evaluate(state_dependent(), market, mixed, GUARDED)
    reversed_order = evaluate(state_dependent(), market, mixed[::-1], GUARDED)
    for windows in mixed:
        assert_same(book(together, windows.name), book(reversed_order, windows.name))
        for row, start in enumerate(windows.starts.tolist()):
            alone = evaluate(state_dependent(), market, [starting("alone", [start], windows.steps)], GUARDED)
            assert_same(book(together, windows.name).select(row), book(alone, "alone").select(0))


def test_holdout_is_the_concatenation_of_its_parts_where_nothing_is_remembered() -> None:
    """A free, memoryless policy with drift ignored has no state that a new account would not have."""
    market, sets = random_market(), [holdout_windows(Span(10, 50)), starting("parts", [10, 20, 30, 40], 10)]
    evaluation = evaluate(EqualWeight(), market, sets, FREE)
    parts = book(evaluation, "parts").net_return.reshape(-1)
    np.testing.assert_allclose(book(evaluation).net_return[0], parts, atol=1e-15)


def test_finished_accounts_are_no_longer_played() -> None:
    player = Player(lambda o: np.zeros(o.weights.shape))
    sets = [starting("short", [0, 1, 2], 2), starting("long", [5], 4)]
    evaluation = evaluate(player, random_market(), sets, FREE)
    assert [len(o.bar) for o in player.seen] == [4, 4, 1, 1]
    assert player.calls == ["bind", "reset 4"]
    assert evaluation.env_steps == 3 * 2 + 4
    assert len(evaluation.latency_seconds) == 4
    assert 0 < evaluation.latency_ms(50) <= evaluation.latency_ms(99)


def test_the_policy_sees_closed_bars_and_its_own_account() -> None:
    market, player = random_market(), state_dependent()
    evaluation = evaluate(player, market, [starting("w", [30, 10], 5)], GUARDED)
    features, ledger = market.features(player.feature_names), book(evaluation, "w")
    for step, seen in enumerate(player.seen):
        assert seen.bar.tolist() == [30 + step, 10 + step]
        assert seen.step.tolist() == [step, step]
        np.testing.assert_array_equal(seen.timestamp, market.timestamps[seen.bar])
        assert seen.features.shape == (2, 3, 3, 2) and seen.features.dtype == np.float32
        np.testing.assert_array_equal(seen.features[0], features[28 + step : 31 + step])
        if step:
            np.testing.assert_array_equal(seen.value, ledger.value[:, step - 1])
            np.testing.assert_array_equal(seen.drawdown, ledger.drawdown[:, step - 1])


def test_a_policy_without_features_sees_an_empty_last_axis() -> None:
    player = Player(lambda o: np.zeros(o.weights.shape), window_steps=4)
    evaluate(player, random_market(), [starting("w", [0], 2)], FREE)
    assert player.seen[0].features.shape == (1, 4, 3, 0)


def test_prices_after_a_bar_change_nothing_up_to_it() -> None:
    close = random_market().panel.close.copy()
    changed = close.copy()
    changed[41:] *= np.random.default_rng(9).uniform(0.5, 2.0, changed[41:].shape)
    windows = [holdout_windows(Span(10, 59))]
    one, other = (book(evaluate(state_dependent(), make_market(c), windows, GUARDED)) for c in (close, changed))
    known = 40 - 10  # steps that closed by bar 40
    np.testing.assert_array_equal(one.executed_weights[:, : known + 1], other.executed_weights[:, : known + 1])
    np.testing.assert_array_equal(one.value[:, :known], other.value[:, :known])
    assert (one.value[:, known + 1 :] != other.value[:, known + 1 :]).any()


def test_a_policy_cannot_change_the_books() -> None:
    def vandal(o: Observation) -> Any:
        targets = np.full(o.weights.shape, 1 / 3)
        for array in (o.weights, o.value, o.drawdown, o.bar, o.step, o.cooldown_long):
            array[...] = 7
        return targets

    windows = [holdout_windows(Span(10, 40))]
    market = random_market()
    assert_same(
        book(evaluate(Player(vandal), market, windows, GUARDED)),
        book(evaluate(Player(lambda o: np.full(o.weights.shape, 1 / 3)), market, windows, GUARDED)),
    )


def test_an_account_can_be_ruined_while_the_others_continue() -> None:
    market = make_market([[100.0], [100.0], [40.0], [80.0], [88.0], [88.0]])
    player = Player(lambda o: np.full(o.weights.shape, 2.0))  # leverage of two into a loss of 60%
    ledger = book(evaluate(player, market, [starting("w", [0, 2], 3)], FREE), "w")
    assert ledger.ruined.tolist() == [[False, True, True], [False, False, False]]
    assert ledger.value[0, -1] <= 1e-8
    assert ledger.executed_weights[0, 2, 0] == 0.0
    assert ledger.value[1, -1] == pytest.approx(3.0 * 1.2)  # +100% then +10%, then nothing, doubled
    assert np.isfinite(ledger.net_return).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_weight_that_is_not_a_number_is_refused_by_name_time_and_symbol(value: float) -> None:
    def decide(o: Observation) -> Any:
        weights = np.zeros(o.weights.shape)
        weights[1, 2] = value if o.step[1] == 2 else 0.0
        return weights

    with pytest.raises(RlxError, match=r"policy 'player' asked for weight -?(nan|inf) in S2 at 2020-01-15"):
        evaluate(Player(decide), random_market(), [starting("w", [0, 5], 4)], FREE)


@pytest.mark.parametrize("shape", [(2, 2), (1, 3), (3,), ()])
def test_weights_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(RlxError, match=r"returned weights of shape .* at 2020-01-06.*expected \(2, 3\).*S0, S1, S2"):
        evaluate(Player(lambda o: np.zeros(shape)), random_market(), [starting("w", [0, 5], 4)], FREE)


def test_windows_off_the_market_or_before_the_features_are_refused() -> None:
    market = random_market(60)
    with pytest.raises(ConfigError, match=r"windows 'w': they cover bars 55 to 60, but .* from bar 0 to bar 59 only"):
        evaluate(Cash(), market, [starting("w", [55], 5)], FREE)
    first = market.first_bar(("return_1", "return_5"), 3)
    with pytest.raises(ConfigError, match=rf"policy 'player' can be judged on this market from bar {first}"):
        evaluate(state_dependent(), market, [starting("w", [first - 1], 5)], FREE)
    with pytest.raises(ConfigError, match="a different name"):
        evaluate(Cash(), market, [starting("w", [1], 5), starting("w", [2], 5)], FREE)
    with pytest.raises(ConfigError, match="at least one"):
        evaluate(Cash(), market, [], FREE)


def test_progress_counts_steps() -> None:
    steps: list[tuple[int, int]] = []
    evaluate(Cash(), random_market(), [starting("w", [1], 3)], FREE, progress=lambda *at: steps.append(at))
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_limits_are_counted_and_the_book_says_so() -> None:
    player = Player(lambda o: np.full(o.weights.shape, 1.0))
    rules = Rules(limits=Limits(intraday_gross=1.5, closing_gross=1.0))
    ledger = book(evaluate(player, Market(random_market().panel), [starting("w", [1], 3)], rules), "w")
    np.testing.assert_allclose(ledger.gross_exposure, 1.5)
    np.testing.assert_allclose(ledger.closing_gross_exposure, 1.0)
    np.testing.assert_allclose(ledger.limit_clipped, 1.5)


def test_a_policy_that_reads_only_bars_is_asked_once_per_bar_and_plays_the_same() -> None:
    def decide(o: Observation) -> Any:
        return 0.5 * np.tanh(40.0 * o.features[:, :, :, 0].astype(float).mean(axis=1))

    market, span = random_market(), Span(10, 50)
    sets = [holdout_windows(span), start_index_windows(span, 8)]
    often, once = (Player(decide, ("return_1",), window_steps=3) for _ in range(2))
    once.reads_account = False  # type: ignore[attr-defined]
    evaluations = [evaluate(policy, market, sets, GUARDED) for policy in (often, once)]
    for name in ("holdout", "windows"):
        assert_same(*(book(evaluation, name) for evaluation in evaluations))
    asked = [bar for observation in once.seen for bar in observation.bar.tolist()]
    assert sorted(asked) == list(range(10, 50))
    assert sum(len(observation.bar) for observation in often.seen) == 40 + 33 * 8
    assert len(evaluations[1].latency_seconds) == len(once.seen)
