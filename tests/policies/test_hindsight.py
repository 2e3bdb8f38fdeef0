"""The oracle: the best single asset of each window."""

from __future__ import annotations

import numpy as np
import pytest

from rlx.data.splits import Span
from rlx.errors import RlxError
from rlx.evaluate.evaluator import evaluate
from rlx.evaluate.windows import holdout_windows, start_index_windows
from rlx.policies.hindsight import Hindsight
from tests.evaluate.players import FREE, make_market, random_market
from tests.policies.acting import observe


def test_hindsight_by_hand() -> None:
    # Over all three steps the first wins, over the last two the second, over the last one the third.
    market = make_market([[100, 100, 100], [180, 100, 100], [190, 130, 90], [200, 140, 110]])
    sets = [holdout_windows(Span(0, 3)), start_index_windows(Span(1, 3), 2)]
    evaluation = evaluate(Hindsight(), market, sets, FREE)
    np.testing.assert_allclose(evaluation.sets["holdout"].ledger.value[0], [1.8, 1.9, 2.0])
    np.testing.assert_allclose(evaluation.sets["windows"].ledger.value[:, -1], [1.4])
    policy = Hindsight()
    policy.bind(market)
    policy.reset(3)
    policy.foresee(np.array([0, 1, 2]), np.array([3, 3, 3]))
    np.testing.assert_array_equal(policy.act(observe(market, [0, 1, 2])), np.eye(3))
    np.testing.assert_array_equal(policy.act(observe(market, [1, 2])), np.eye(3)[:2])  # shorter windows have ended


def test_hindsight_does_see_the_future() -> None:
    close = random_market(40, 3).panel.close
    changed = close.copy()
    loser = int(np.argmin(close[-1] / close[0]))
    changed[-1, loser] *= 100.0  # the last close only
    decisions = []
    for prices in (close, changed):
        policy = Hindsight()
        policy.bind(make_market(prices))
        policy.foresee(np.array([0]), np.array([39]))
        decisions.append(policy.act(observe(make_market(prices), [0])))
    assert decisions[0][0, loser] == 0.0 and decisions[1][0, loser] == 1.0


def test_an_oracle_that_was_told_no_windows_is_refused() -> None:
    policy, market = Hindsight(), random_market()
    policy.bind(market)
    policy.reset(1)
    with pytest.raises(RlxError, match="needs the windows"):
        policy.act(observe(market, [30]))
