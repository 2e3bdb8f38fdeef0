from __future__ import annotations

import numpy as np

from rlx.decisions.encoding import encode, observation_size


def test_layout_by_hand() -> None:
    observation = encode(
        window=np.array([[0.1, 0.2, 0.3, 0.4]], dtype=np.float32),
        weights=np.array([[0.25, -0.5]]),
        drawdown=np.array([0.05]),
        trailing_return=np.array([-0.02]),
        cooldown_long=np.array([[3, 0]]),
        cooldown_short=np.array([[0, 1]]),
    )
    expected = [0.1, 0.2, 0.3, 0.4, 0.25, -0.5, 1.0, 0.0, 0.0, 1.0, 0.5, -0.2]
    np.testing.assert_allclose(observation, [expected], rtol=1e-6)
    assert observation.dtype == np.float32
    assert observation.shape[1] == observation_size(n_assets=2, n_features=2, window_steps=1)


def test_account_numbers_are_bounded() -> None:
    observation = encode(
        window=np.zeros((1, 0), dtype=np.float32),
        weights=np.array([[1e6]]),
        drawdown=np.array([1.0]),
        trailing_return=np.array([50.0]),
        cooldown_long=np.array([[0]]),
        cooldown_short=np.array([[0]]),
    )
    np.testing.assert_array_equal(observation, [[10.0, 0.0, 0.0, 10.0, 10.0]])
