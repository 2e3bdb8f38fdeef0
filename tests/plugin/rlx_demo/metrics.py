"""A measure of a finished ledger."""

from __future__ import annotations

import numpy as np

from rlx.measures.metric import Metric, shown

ULCER_INDEX = Metric(
    "ulcer_index",
    "fraction",
    "Root mean square of the drawdown (Martin and McCann 1989)",
    "lower",
    lambda ledger, periods_per_year: np.sqrt(np.mean(np.square(ledger.drawdown), axis=-1)),
    label="ulcer",
    tags=shown("terminal", "board"),
)
