"""The head of tilts: equal scores are equal weights, and what the limits and the leverage head make of others."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from rlx.decisions.tilt import LEAN, TiltHead
from rlx.errors import ConfigError
from rlx.sim.rules import Limits


def of(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


@pytest.mark.parametrize("long_only", [True, False])
@pytest.mark.parametrize("n_assets", [1, 3, 7, 30])
@pytest.mark.parametrize("max_gross", [1.0, 2.0, float(np.float32(1e6))])
def test_equal_scores_are_equal_weights_exactly(long_only: bool, n_assets: int, max_gross: float) -> None:
    head = TiltHead(long_only, max_gross)
    for score in (0.0, 0.5, -8.0):
        weights = head.weights(torch.full((2, n_assets), score, dtype=torch.float64))
        np.testing.assert_allclose(weights.numpy(), 1.0 / n_assets, rtol=1e-15)
        assert torch.all(weights == weights[0, 0])
    np.testing.assert_array_equal(head.weights(torch.zeros(2, 4)).numpy(), 0.25)


def test_long_only_shares_by_hand() -> None:
    head = TiltHead(long_only=True, max_gross=1.5)
    scores = of(np.log(6.0), np.log(3.0), 0.0)  # e^score 6, 3, 1
    torch.testing.assert_close(head.weights(scores), of(0.6, 0.3, 0.1))
    torch.testing.assert_close(head.weights(scores + 5.0), of(0.6, 0.3, 0.1))  # only differences count


def test_long_short_shares_by_hand() -> None:
    head = TiltHead(long_only=False, max_gross=1.5)
    assert LEAN == 1.5
    # Mean 1.5, so sinh(3) and sinh(0): an asset LEAN below the mean is not held.
    torch.testing.assert_close(head.weights(of(3.0, 0.0)), of(1.0, 0.0))
    # Mean 1.5 + ln 2, so sinh(3 + ln 2) and sinh(-ln 2): further below, it is sold short.
    bought, sold = 2.0 * np.exp(3.0) - 0.5 * np.exp(-3.0), 2.0 - 0.5
    expected = of(bought, -sold) / (bought + sold)
    torch.testing.assert_close(head.weights(of(3.0 + 2.0 * np.log(2.0), 0.0)), expected)
    torch.testing.assert_close(head.weights(of(8.0 + 2.0 * np.log(2.0), 5.0)), expected)  # only differences count


def test_large_long_short_scores_do_not_overflow() -> None:
    torch.testing.assert_close(TiltHead(False, 1.0).weights(of(2000.0, 0.0, 0.0)), of(1.0, 0.0, 0.0))
    # One far below the mean is all that counts: it is sold, with everything.
    torch.testing.assert_close(TiltHead(False, 1.0).weights(of(-2000.0, 0.0, 0.0)), of(-1.0, 0.0, 0.0))


@pytest.mark.parametrize("long_only", [True, False])
def test_a_limit_below_one_scales_the_whole_portfolio(long_only: bool) -> None:
    scores = of(0.2, -0.4, 0.1)
    full, capped = TiltHead(long_only, 1.0).weights(scores), TiltHead(long_only, 0.4).weights(scores)
    torch.testing.assert_close(capped, 0.4 * full)
    torch.testing.assert_close(TiltHead(long_only, 0.4).weights(scores, of(0.0)[0]), 0.4 * full)


def test_exposure_scores_only_lower_the_exposure_without_a_leverage_head() -> None:
    head = TiltHead(long_only=True, max_gross=2.0)
    exposure = head.exposure(of(-40.0, -3.0, 0.0, 40.0))
    # sigmoid(0) / sigmoid(3) at a score of -3; full from zero on.
    torch.testing.assert_close(exposure, of(0.0, 0.5 * (1.0 + np.exp(-3.0)), 1.0, 1.0))
    torch.testing.assert_close(
        head.weights(torch.zeros(4, 2).double(), exposure := of(-3.0, 0, 0, 0)).sum(-1), head.exposure(exposure)
    )


def test_leverage_runs_from_nothing_to_the_limit_and_starts_at_one() -> None:
    head = TiltHead(long_only=True, max_gross=1.6, leverage_head=True)
    # max_gross / (1 + 0.6 e^-score): at ln 0.6 the denominator is 2.
    torch.testing.assert_close(head.exposure(of(-40.0, np.log(0.6), 0.0, 40.0)), of(0.0, 0.8, 1.0, 1.6))
    torch.testing.assert_close(head.weights(of(0.0, 0.0)), of(0.5, 0.5))  # without an exposure score, no leverage


def test_a_leverage_head_below_one_cannot_lever() -> None:
    head = TiltHead(long_only=True, max_gross=0.8, leverage_head=True)
    torch.testing.assert_close(head.exposure(of(0.0, 40.0)), of(0.8, 0.8))


@given(
    st.builds(TiltHead, st.booleans(), st.floats(0.1, 4.0), st.booleans()),
    st.lists(st.floats(-20.0, 20.0), min_size=1, max_size=6),
    st.floats(-20.0, 20.0),
)
def test_weights_stay_within_the_limits(head: TiltHead, scores: list[float], exposure: float) -> None:
    weights = head.weights(of(*scores), torch.tensor(exposure, dtype=torch.float64))
    allowed = head.max_gross if head.leverage_head else min(1.0, head.max_gross)
    assert weights.shape == (len(scores),) and torch.isfinite(weights).all()
    assert float(weights.abs().sum()) <= allowed * (1 + 1e-12)
    assert not head.long_only or bool((weights >= 0.0).all())


def test_gradients_reach_every_score_at_the_start() -> None:
    for long_only in (True, False):
        scores, exposure = torch.zeros(3, requires_grad=True), torch.zeros((), requires_grad=True)
        head = TiltHead(long_only, 1.5, leverage_head=True)
        (head.weights(scores, exposure) * torch.tensor([1.0, 2.0, 4.0])).sum().backward()
        assert scores.grad is not None and torch.all(scores.grad != 0.0)
        assert exposure.grad is not None and exposure.grad > 0.0


def test_a_head_comes_from_the_limits_and_is_built_again_from_its_bounds() -> None:
    limits = Limits(long_only=True, intraday_gross=1.5)
    head = TiltHead.under(limits, leverage_head=True)
    assert head == TiltHead(True, 1.5, True) == TiltHead(**head.bounds())
    free = Limits(intraday_gross=None)
    assert TiltHead.under(free) == TiltHead(False, 1.0, False)
    with pytest.raises(ConfigError, match=r"leverage_head=true needs a number in limits\.intraday_gross"):
        TiltHead.under(free, leverage_head=True)


@pytest.mark.parametrize("max_gross", [0.0, -1.0, float("inf"), float("nan")])
def test_nonsense_is_refused(max_gross: float) -> None:
    with pytest.raises(ConfigError, match=rf"limits\.intraday_gross={max_gross}: a head needs a finite positive"):
        TiltHead(True, max_gross)
