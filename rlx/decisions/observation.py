"""The input of a decision: the causal feature window and the state of the account."""

from __future__ import annotations

from dataclasses import dataclass, fields

from rlx.types import FloatArray, IntArray, TimeArray


@dataclass(frozen=True)
class Observation:
    """A batch of B accounts, each at the close of the bar of its next decision.

    features: (B, W, A, F) float32, raw (not normalised) features of the last W closed bars, oldest first; F is 0 when
    the policy uses no features. weights: (B, A) float64, weights held, fractions of equity. value: (B,) equity with 1.0
    at the start. drawdown: (B,) fraction below the peak. trailing_return: (B,) compounded over the guard's window.
    cooldown_long, cooldown_short: (B, A) steps left. bar: (B,) index of the closed bar in the market. timestamp: (B,)
    datetime64[ns] label of that bar. step: (B,) steps since the window began.
    """

    features: FloatArray
    weights: FloatArray
    value: FloatArray
    drawdown: FloatArray
    trailing_return: FloatArray
    cooldown_long: IntArray
    cooldown_short: IntArray
    bar: IntArray
    timestamp: TimeArray
    step: IntArray

    def select(self, rows: IntArray) -> Observation:
        """Return the observation of some of the accounts."""
        return Observation(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})
