"""The single trades behind a ledger: the weights before and after each, and its cost.

A ledger has the executed and carried weights. The weights before a trade follow from those of the previous step by
drift, and the trade from both, by the torch engine's own rules.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from rlx.sim import torch_engine as engine
from rlx.sim.ledger import Ledger
from rlx.sim.rule_numbers import RuleNumbers
from rlx.sim.torch_state import Step, TorchRules
from rlx.types import FloatArray

NO_TRADE = 1e-12
"""Traded fractions of equity up to this are rounding of the drifted weights."""


class Trades(NamedTuple):
    """The trades of each account at one moment of each step, (B, T, A), as fractions of equity just before the trade.

    ``traded`` is signed, purchases positive; ``weights_after`` are fractions of the equity left after the cost.
    """

    weights_before: FloatArray
    weights_after: FloatArray
    traded: FloatArray
    cost: FloatArray


def trades_of(
    ledger: Ledger, returns: FloatArray, settings: RuleNumbers, overnight_returns: FloatArray | None = None
) -> tuple[Trades, Trades]:
    """Return the trades into the executed weights, and those that bring the gross down to the closing cap.

    ``ledger`` (B, T) starts with fresh accounts and has weights; ``returns`` and ``overnight_returns`` (B, T, A) are
    those of its steps. The absolute fractions traded in both add up to the ledger's turnover.
    """
    shape = ledger.executed_weights.shape

    def flat(array: FloatArray) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(array, dtype=np.float64)).reshape(-1, shape[-1])

    def shaped(*tensors: Tensor) -> Trades:
        return Trades(*(tensor.reshape(shape).numpy() for tensor in tensors))

    executed, carried = flat(ledger.executed_weights), flat(ledger.closing_weights)
    step = Step(flat(returns), None if overnight_returns is None else flat(overnight_returns), None, None)
    drifted = engine.drift_weights(settings, carried, engine.intraday_returns(settings, step)).reshape(shape).numpy()
    _, held = engine.to_the_open(settings, flat(_at_the_start(drifted, ledger.ruined)), step)
    rules = TorchRules(settings, executed)
    keep, cost, _ = engine.trade(rules, executed, held)
    closing, closing_keep, closing_cost, _ = engine.close(rules, executed)
    return (
        shaped(held, executed, executed * keep[:, None] - held, cost),
        shaped(executed, closing, closing * closing_keep[:, None] - executed, closing_cost),
    )


def _at_the_start(drifted: FloatArray, ruined: Any) -> FloatArray:
    """Return the weights each step starts with: nothing at first, and nothing once ruined."""
    left = np.where(ruined[..., None], 0.0, drifted)
    return np.concatenate((np.zeros_like(left[:, :1]), left[:, :-1]), axis=1)
