"""Ridge regression of one outcome, pooled over all assets."""

from __future__ import annotations

import numpy as np

from rlx.types import FloatArray


def solve_ridge(inputs: FloatArray, outcome: FloatArray, penalty: float) -> FloatArray:
    """Return the coefficients (F,) of inputs (..., F) for an outcome (...).

    They minimise squared errors plus ``penalty`` x observations x their squares.
    """
    rows, wanted = inputs.reshape(-1, inputs.shape[-1]), outcome.reshape(-1)
    gram = rows.T @ rows + penalty * len(rows) * np.eye(rows.shape[1])
    return np.asarray(np.linalg.solve(gram, rows.T @ wanted))
