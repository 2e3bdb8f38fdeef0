"""The book of a simulation: one array per quantity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from rlx.sim.rules import GUARDS
from rlx.types import FloatArray

WEIGHTS = ("executed_weights", "closing_weights")
FLAGS = (*(rule.flag for rule in GUARDS), "ruined")
COUNTS = ("cooldown_long", "cooldown_short")


@dataclass(frozen=True)
class Ledger:
    """The outcome of every step, as NumPy arrays or torch tensors of shape (T,) or (B, T).

    ``executed_weights`` and ``closing_weights`` are (..., T, A), or None where they are not kept. Rates, costs and
    exposures are fractions of equity; ``*_guard`` and ``ruined`` are booleans; ``cooldown_long`` and ``cooldown_short``
    count assets in cooldown after the step; ``limit_clipped`` and ``cooldown_clipped`` are absolute weight removed by
    the limits and by the step's last cooldown clip; ``trailing_return`` is before the step, over the guard's window,
    zero without a guard. With exact accounting 1 + net = (1 + gross)(1 - trading cost)(1 - financing cost); with
    additive accounting net = gross - trading cost - financing cost.
    """

    gross_return: Any
    net_return: Any
    value: Any
    drawdown: Any
    turnover: Any
    trading_cost: Any
    financing_cost: Any
    gross_exposure: Any
    closing_gross_exposure: Any
    executed_weights: Any
    closing_weights: Any
    reward: Any
    limit_clipped: Any
    drawdown_guard: Any
    negative_return_guard: Any
    turnover_guard: Any
    leverage_scale: Any
    turnover_penalty: Any
    probe_weight: Any
    cooldown_long: Any
    cooldown_short: Any
    cooldown_clipped: Any
    cooldown_penalty: Any
    trailing_return: Any
    ruined: Any

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of all quantities."""
        return tuple(f.name for f in fields(cls))

    @classmethod
    def of_scalars(
        cls, scalars: FloatArray, executed_weights: FloatArray | None, closing_weights: FloatArray | None
    ) -> Ledger:
        """Build a ledger from ``scalars`` (Q, ...), one row for each of ``SCALARS``, and weights (..., A) or None."""
        arrays: dict[str, Any] = dict(zip(SCALARS, scalars, strict=True))
        arrays.update({name: arrays[name] != 0.0 for name in FLAGS})
        arrays.update({name: arrays[name].astype(np.int64) for name in COUNTS})
        return cls(**arrays, executed_weights=executed_weights, closing_weights=closing_weights)

    def map(self, change: Callable[[Any], Any]) -> Ledger:
        """Return a ledger of ``change(array)`` for every quantity that was kept."""
        arrays = {name: getattr(self, name) for name in self.names()}
        return Ledger(**{name: None if array is None else change(array) for name, array in arrays.items()})

    def select(self, index: Any) -> Ledger:
        """Return the ledger of ``index`` along the leading axis."""
        return self.map(lambda array: array[index])

    def numpy(self) -> Ledger:
        """Return the same ledger as NumPy arrays, detached from any graph."""
        return self.map(_to_numpy)


SCALARS: tuple[str, ...] = tuple(name for name in Ledger.names() if name not in WEIGHTS)
"""Names of the quantities that are one number per step, in the order of the compiled engine's records."""


def _to_numpy(array: Any) -> Any:
    return array if isinstance(array, np.ndarray) else array.detach().cpu().numpy()
