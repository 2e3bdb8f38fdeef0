"""An oracle: the return of the best single asset in hindsight."""

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
    """Hold the asset that turns out best: an oracle, not a competitor."""

    _target_: str = "rlx.policies.hindsight.Hindsight"


class Hindsight:
    """Hold, from its first decision on, the one asset whose close rises most over each account's window.

    It sees the future. Its return measures what holding one asset could have earned; it is not a competitor, and each
    of its scorecards says so. Costs are paid but do not affect the choice; of equal assets the first symbol is held.
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
            raise RlxError("policy 'hindsight': it needs the windows (foresee) before it can act.")
        batch, n_assets = observation.weights.shape
        return np.eye(n_assets)[self._best[:batch]]

    def describe(self) -> dict[str, Any]:
        """Return the policy's kind; the judge marks every policy that foresees as an oracle."""
        return {"kind": self.name}
