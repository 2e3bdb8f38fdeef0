"""The positions of values on an axis, and which of them are labelled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rlx.types import FloatArray

DECADES_FROM = 5.0
"""Growth beyond this, or a fall below its inverse, is drawn logarithmically: a linear scale would hide the start."""


@dataclass(frozen=True)
class Scale:
    """An axis from ``low`` to ``high``, with ticks between them; logarithmic if ``log``."""

    low: float
    high: float
    ticks: tuple[float, ...]
    log: bool = False

    @classmethod
    def over(cls, values: Sequence[FloatArray] | FloatArray, include: Sequence[float] = (), ticks: int = 4) -> Scale:
        """Return a linear scale over all finite values and those in ``include``, with round ticks."""
        low, high = _range(values, include)
        if high - low < 1e-12 * max(1.0, abs(low)):
            low, high = low - 0.01, high + 0.01
        from matplotlib.ticker import MaxNLocator

        found = MaxNLocator(nbins=ticks, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        inside = tuple(float(tick) for tick in found if low - 1e-9 <= tick <= high + 1e-9)
        return cls(low, high, inside)

    @classmethod
    def growth(cls, values: Sequence[FloatArray]) -> Scale:
        """Return a scale for values that multiply: logarithmic if they are positive and their range is large."""
        linear = cls.over(values, include=(1.0,))
        spans = linear.high > DECADES_FROM or linear.low < 1.0 / DECADES_FROM
        if linear.low <= 0.0 or not spans:
            return linear
        decades = math.log10(linear.high / linear.low)
        steps = (1.0, 2.0, 5.0) if decades < 3 else (1.0,)
        powers = range(math.floor(math.log10(linear.low)), math.ceil(math.log10(linear.high)) + 1)
        every = max(1, round(decades / 5))
        ticks = [step * 10.0**power for power in powers if power % every == 0 for step in steps]
        return cls(linear.low, linear.high, tuple(t for t in ticks if linear.low <= t <= linear.high), log=True)

    def at(self, values: FloatArray | float) -> FloatArray:
        """Return the position of each value between 0 (low) and 1 (high); NaN stays NaN."""
        array = np.asarray(values, dtype=np.float64)
        if self.log:
            return np.asarray(np.log(array / self.low) / math.log(self.high / self.low))
        return np.asarray((array - self.low) / (self.high - self.low))


def _range(values: Sequence[FloatArray] | FloatArray, include: Sequence[float]) -> tuple[float, float]:
    parts = [np.asarray(part, dtype=np.float64).ravel() for part in values]
    everything = np.concatenate([*parts, np.asarray(include, dtype=np.float64)])
    finite = everything[np.isfinite(everything)]
    return (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)


def decimals(span: float) -> int:
    """Return the decimals of percentages that an axis of this span needs."""
    return 0 if span > 0.06 else 1 if span > 0.006 else 2


def percent(value: float, span: float) -> str:
    """Return a share in percent with the decimals that an axis of this span needs."""
    written = f"{value:.{decimals(span)}%}"
    return written.lstrip("-") if float(written.strip("%")) == 0.0 else written


def plain_number(value: float, _span: float) -> str:
    """Return a number without insignificant decimals."""
    return f"{value:,.0f}" if abs(value) >= 1000.0 else f"{value:.4g}"


def multiple(value: float, _span: float) -> str:
    """Return a multiple of the value of the account."""
    return f"{value:g}x"
