"""The best trade of a step: by hand, and against a general solver."""

from __future__ import annotations

import cvxpy
import numpy as np
import pytest

from rlx.decisions.trade_off import best_trades, follow
from rlx.errors import DataError
from rlx.types import FloatArray


def best(
    mean: list[float], variance: list[float], held: list[float], cost: float, *, long_only: bool, invested: bool
) -> FloatArray:
    """Return the best weights of uncorrelated assets."""
    arrays = (np.array([mean]), np.diag(variance)[None], np.array([held]))
    return best_trades(*arrays, np.full(len(mean), cost), long_only=long_only, invested=invested)[0]


def test_one_asset_without_costs_by_hand() -> None:
    # w m - w^2 s / 2 is highest at m / s = 0.002 / 0.004
    np.testing.assert_allclose(best([0.002], [0.004], [0.0], 0.0, long_only=True, invested=False), [0.5])
    np.testing.assert_allclose(best([-0.002], [0.004], [0.0], 0.0, long_only=False, invested=False), [-0.5])
    np.testing.assert_allclose(best([-0.002], [0.004], [0.3], 0.0, long_only=True, invested=False), [0.0])


def test_costs_make_a_zone_without_trades_by_hand() -> None:
    # between (m - c) / s = 0.25 and (m + c) / s = 0.75 nothing is traded
    for held, wanted in ((0.1, 0.25), (0.3, 0.3), (0.7, 0.7), (0.9, 0.75)):
        weights = best([0.002], [0.004], [held], 0.001, long_only=True, invested=False)
        np.testing.assert_allclose(weights, [wanted])


def test_all_invested_by_hand() -> None:
    # equal means: a minimum of 0.004 a^2 + 0.001 (1 - a)^2, at a = 0.2
    np.testing.assert_allclose(
        best([0.0, 0.0], [0.004, 0.001], [0.5, 0.5], 0.0, long_only=True, invested=True), [0.2, 0.8]
    )


@pytest.mark.parametrize(("long_only", "invested"), [(True, False), (True, True), (False, False)])
def test_a_general_solver_finds_nothing_better(long_only: bool, invested: bool) -> None:
    random = np.random.default_rng(0)
    for _ in range(40):
        n = int(random.integers(1, 8))
        sample = random.normal(size=(60, n)) * random.uniform(0.002, 0.02, n)
        covariance = np.cov(sample.T).reshape(n, n)
        mean, cost = random.normal(size=n) * 1e-3, random.uniform(0.0, 1e-3, n)
        held = random.dirichlet(np.ones(n)) * random.random() * (1.0 if long_only else random.choice([-1.0, 1.0], n))
        found = best_trades(mean[None], covariance[None], held[None], cost, long_only=long_only, invested=invested)[0]
        assert np.abs(found).sum() <= 1.0 + 1e-12 and (not long_only or found.min() >= 0.0)
        assert not invested or abs(found.sum() - 1.0) < 1e-12
        weights = cvxpy.Variable(n)
        within = [cvxpy.norm1(weights) <= 1.0] if not long_only else [weights >= 0.0, cvxpy.sum(weights) <= 1.0]
        if invested:
            within.append(cvxpy.sum(weights) == 1.0)
        risk = cvxpy.quad_form(weights, cvxpy.psd_wrap(covariance))
        gain = weights @ mean - 0.5 * risk - cost @ cvxpy.abs(weights - held)
        problem = cvxpy.Problem(cvxpy.Maximize(gain), within)
        problem.solve(solver=cvxpy.CLARABEL)
        reached = found @ mean - 0.5 * found @ covariance @ found - cost @ np.abs(found - held)
        assert reached >= problem.value - 1e-9


def test_what_is_held_drifts_between_the_steps() -> None:
    """A trade this expensive is never made: the weights drift with prices."""
    returns = np.array([[0.1, -0.1], [0.05, 0.0], [0.0, 0.2]])
    nothing = np.zeros((3, 2))
    start = np.array([0.5, 0.3])
    covariance = np.eye(2) * 1e-6
    weights = follow(nothing, covariance, returns, start, np.full(2, 1.0), long_only=True, invested=False)
    holdings = start * np.vstack([np.ones(2), np.cumprod(1.0 + returns, axis=0)[:-1]])
    np.testing.assert_allclose(weights, holdings / (0.2 + holdings.sum(axis=1, keepdims=True)), rtol=1e-12)


def test_an_account_that_loses_everything_holds_nothing_afterwards() -> None:
    returns = np.array([[1.5, 0.0], [0.1, 0.0]])
    kept = np.full(2, 1.0)  # too expensive to trade
    weights = follow(
        np.zeros((2, 2)), np.eye(2) * 1e-6, returns, np.array([-1.0, 0.0]), kept, long_only=False, invested=False
    )
    np.testing.assert_array_equal(weights, [[-1.0, 0.0], [0.0, 0.0]])


def test_one_covariance_for_all_is_that_of_each() -> None:
    random = np.random.default_rng(3)
    mean, held, cost = random.normal(size=(5, 3)) * 1e-3, random.dirichlet(np.ones(3), 5), np.full(3, 1e-4)
    covariance = np.diag([1e-3, 2e-3, 3e-3])
    shared = best_trades(mean, covariance, held, cost, long_only=True, invested=True)
    each = best_trades(mean, np.stack([covariance] * 5), held, cost, long_only=True, invested=True)
    np.testing.assert_array_equal(shared, each)


def test_what_makes_no_program_is_refused() -> None:
    given = (np.zeros((1, 2)), np.eye(2), np.zeros((1, 2)), np.zeros(2))
    with pytest.raises(DataError, match="mean: some of its values are not finite"):
        best_trades(given[0] * np.nan, *given[1:], long_only=True, invested=False)
    with pytest.raises(DataError, match="invested=True: only long-only"):
        best_trades(*given, long_only=False, invested=True)
