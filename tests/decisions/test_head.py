from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rlx.decisions.head import AllocationHead
from rlx.errors import ConfigError
from rlx.sim.rules import Limits


@st.composite
def heads_and_actions(draw: st.DrawFn) -> tuple[AllocationHead, np.ndarray]:
    head = AllocationHead(
        n_assets=draw(st.integers(1, 6)),
        long_only=draw(st.booleans()),
        max_gross=draw(st.floats(0.1, 4.0)),
        leverage_head=draw(st.booleans()),
        logit_scale=draw(st.floats(0.1, 50.0)),
    )
    return head, draw(arrays(np.float32, (4, head.n_actions), elements=st.floats(-3.0, 3.0, width=32)))


@given(heads_and_actions())
def test_weights_stay_within_the_gross_limit_and_long_only_ones_are_not_negative(
    case: tuple[AllocationHead, np.ndarray],
) -> None:
    head, actions = case
    weights = head.weights(actions)
    allowed = head.max_gross if head.leverage_head else min(1.0, head.max_gross)
    assert weights.shape == (4, head.n_assets)
    assert weights.dtype == np.float64
    assert np.isfinite(weights).all()
    assert (np.abs(weights).sum(axis=1) <= allowed * (1 + 1e-12)).all()
    if head.long_only:
        assert (weights >= 0.0).all()


@given(heads_and_actions())
def test_an_account_does_not_depend_on_the_others_and_actions_count_up_to_one(
    case: tuple[AllocationHead, np.ndarray],
) -> None:
    head, actions = case
    weights = head.weights(actions)
    np.testing.assert_array_equal(head.weights(actions[2:3]), weights[2:3])
    np.testing.assert_array_equal(head.weights(np.clip(actions, -1.0, 1.0)), weights)


def test_long_only_shares_by_hand() -> None:
    head = AllocationHead(n_assets=2, long_only=True, max_gross=1.0, logit_scale=np.log(2.0))
    # scores 2^1, 2^0, cash 2^-1: sum 3.5
    np.testing.assert_allclose(head.weights(np.array([[1.0, 0.0, -1.0]])), [[2.0 / 3.5, 1.0 / 3.5]])


def test_leverage_component_runs_from_nothing_to_the_limit() -> None:
    head = AllocationHead(n_assets=1, long_only=True, max_gross=1.6, leverage_head=True, logit_scale=50.0)
    assert head.n_actions == 3
    gross = head.weights(np.array([[1.0, -1.0, lever] for lever in (-1.0, 0.0, 1.0)])).sum(axis=1)
    np.testing.assert_allclose(gross, [0.0, 0.8, 1.6], atol=1e-12)


def test_long_short_by_hand() -> None:
    head = AllocationHead(n_assets=3, long_only=False, max_gross=2.0)
    actions = np.array([[0.2, -0.3, 0.0], [1.0, -1.0, 0.5]])
    np.testing.assert_allclose(head.weights(actions), [[0.2, -0.3, 0.0], [0.4, -0.4, 0.2]])


def test_without_a_gross_limit_a_leverage_head_has_no_scale() -> None:
    free = Limits(intraday_gross=None)
    assert AllocationHead.under(free, 2, leverage_head=False, logit_scale=1.0).max_gross == 1.0
    with pytest.raises(ConfigError, match=r"leverage_head=true needs a number in limits\.intraday_gross"):
        AllocationHead.under(free, 2, leverage_head=True, logit_scale=1.0)


def test_a_head_over_other_assets_is_bounded_alike() -> None:
    head = AllocationHead(5, long_only=False, max_gross=1.5, leverage_head=True, logit_scale=3.0)
    assert head.over(2) == AllocationHead(2, **head.bounds())
    assert head.bounds() == {"long_only": False, "max_gross": 1.5, "leverage_head": True, "logit_scale": 3.0}


@pytest.mark.parametrize(("field", "value"), [("n_assets", 0), ("max_gross", 0.0), ("logit_scale", 51.0)])
def test_nonsense_is_refused(field: str, value: float) -> None:
    good = {"n_assets": 2, "long_only": True, "max_gross": 1.0, "logit_scale": 1.0}
    with pytest.raises(ConfigError, match=str(value)):
        AllocationHead(**{**good, field: value})
