"""An oracle: what the best single asset would have earned, had one known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rlx.data.market import Market
from rlx.decisions.observation import Observation
from rlx.errors import RlxError
from rlx.policies.base import PolicyConfig
from rlx.types import FloatArray, IntArray


@dataclass
class HindsightConfig(PolicyConfig):
    """Hold the asset that turns out best: an oracle, no competitor."""

    _target_: str = "rlx.policies.hindsight.Hindsight"


class Hindsight:
    """Hold, from its first decision on, the one asset whose close rises most over each account's window.

    It sees the future. What it earns measures what there was to be earned by holding one asset; it is no competitor,
    and every scorecard of it says so. Costs are paid and do not enter the choice; of equals the first symbol is held.
    """

    name = "hindsight"
    feature_names: tuple[str, ...] = ()
    window_steps = 0
    _close: FloatArray
    _best: IntArray | None = None

    def bind(self, market: Market) -> None:
        """Keep the market's closes, future ones included."""
        self._close = market.panel.close
        self._best = None

    def reset(self, batch: int) -> None:
        """Forget the windows."""
        self._best = None

    def foresee(self, first_bar: IntArray, last_bar: IntArray) -> None:
        """Choose the best asset of each window, given by the bars of its first decision and last close, (B,)."""
        self._best = np.argmax(self._close[last_bar] / self._close[first_bar], axis=1)

    def act(self, observation: Observation) -> FloatArray:
        """Return one in each account's best asset and zero elsewhere, (B, A)."""
        if self._best is None:
            raise RlxError("policy 'hindsight': it has to be told the windows (foresee) before it can act.")
        batch, n_assets = observation.weights.shape
        return np.eye(n_assets)[self._best[:batch]]

    def describe(self) -> dict[str, Any]:
        """Return the policy's kind; the judge says of every policy that foresees that it is an oracle."""
        return {"kind": self.name}
