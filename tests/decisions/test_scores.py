from __future__ import annotations

import numpy as np
import pytest
import torch

from rlx.decisions.scores import ScoreHead
from rlx.decisions.tilt import TiltHead
from rlx.errors import ConfigError

HEADS = [TiltHead(True, 1.0), TiltHead(False, 1.0), TiltHead(True, 0.5), TiltHead(False, 1.5, True)]


@pytest.mark.parametrize("tilt", HEADS)
def test_arrays_are_read_as_tensors_are(tilt: TiltHead) -> None:
    scores = np.random.default_rng(0).uniform(-9.0, 9.0, (50, 5))
    np.testing.assert_allclose(tilt.numpy_shares(scores), tilt.shares(torch.from_numpy(scores)).numpy(), atol=1e-14)
    head = ScoreHead(5, tilt)  # at full speed, what is held has no effect
    exposures = np.zeros((50, head.n_actions - 5))
    expected = tilt.weights(torch.from_numpy(scores), torch.zeros(50) if tilt.leverage_head else None)
    held = np.random.default_rng(1).dirichlet(np.ones(5), 50)
    np.testing.assert_allclose(head.targets(np.hstack([scores, exposures]), held), expected.numpy(), atol=1e-7)


@pytest.mark.parametrize("tilt", HEADS)
def test_without_scores_an_account_that_holds_nothing_buys_equal_weights(tilt: TiltHead) -> None:
    head = ScoreHead(4, tilt, 0.3)
    targets = head.targets(np.zeros((1, head.n_actions)), np.zeros((1, 4)))
    np.testing.assert_allclose(
        targets, [[min(1.0, tilt.max_gross) / 4] * 4], rtol=1e-15 if not tilt.leverage_head else 1e-6
    )


def test_an_account_moves_a_part_of_the_way() -> None:
    head = ScoreHead(2, TiltHead(True, 1.0), 0.25)
    actions = np.array([[np.log(4.0), 0.0]])  # shares 0.8 and 0.2
    np.testing.assert_allclose(head.targets(actions, np.array([[0.4, 0.6]])), [[0.5, 0.5]])
    np.testing.assert_allclose(head.targets(actions, np.array([[0.2, 0.3]])), [[0.5, 0.5]])  # a guard has sold half
    short = ScoreHead(2, TiltHead(False, 1.0), 0.5)
    asked = np.array([[3.0, 0.0]])  # LEAN below the mean: shares 1 and 0
    np.testing.assert_allclose(short.targets(asked, np.array([[-0.5, 0.5]])), [[0.25, 0.25]])


def test_scores_are_clipped_to_the_bound() -> None:
    head = ScoreHead(2, TiltHead(True, 1.0))
    nothing = np.zeros((1, 2))
    np.testing.assert_array_equal(
        head.targets(np.array([[1e9, -1e9]]), nothing), head.targets(np.array([[10.0, -10.0]]), nothing)
    )


@pytest.mark.parametrize("speed", [0.0, 1.5, float("nan")])
def test_an_impossible_speed_is_refused(speed: float) -> None:
    with pytest.raises(ConfigError, match=r"module\.speed="):
        ScoreHead(2, TiltHead(True, 1.0), speed)
