"""A baseline: equal weights in the assets that fell most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from rlx.policies.rebalanced import Rebalanced, RebalancedConfig
from rlx.ranges import Whole
from rlx.types import FloatArray


@dataclass
class ContrarianConfig(RebalancedConfig):
    """Equal weights in the ``bottom_k`` assets that rose least."""

    _target_: str = "rlx_demo.contrarian.Contrarian"
    lookback_steps: int = 63
    bottom_k: Annotated[int, Whole(1, 10_000)] = 2


class Contrarian(Rebalanced):
    """Estimates its weights again every ``rebalance_steps`` bars, only from the closes until then."""

    name = "contrarian"
    config_type = ContrarianConfig
    config: ContrarianConfig

    def estimate(self, close: FloatArray) -> FloatArray:
        """Return weights (A,) that add up to one."""
        chosen = np.argsort(close[-1] / close[0], kind="stable")[: self.config.bottom_k]
        weights = np.zeros(close.shape[1])
        weights[chosen] = 1.0 / len(chosen)
        return weights
