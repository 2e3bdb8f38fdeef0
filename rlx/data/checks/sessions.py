"""A symbol's bars as sessions: overnight moves, traded value, and the usual sizes of both."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rlx.data.bars import Bars
from rlx.types import FloatArray, IntArray

_BEFORE = 20  # sessions that define the usual traded value
_SPREAD_BEFORE = 60  # sessions that define the usual move
_ENOUGH = 10
_LEAST_SPREAD = 0.002  # a pegged price moves by less, and then by a tick


@dataclass(frozen=True)
class Sessions:
    """first, last: (D,) rows of each session's bars; a daily bar is its own session, intraday ones share a UTC day."""

    bars: Bars
    first: IntArray
    last: IntArray

    @cached_property
    def moves(self) -> FloatArray:
        """Opening over last close, (D,), 1 for the first; close over close where there are no opens."""
        close = self.bars.fields["close"]
        opening = self.bars.fields["open"][self.first] if self.opened else close[self.last]
        return np.concatenate([[1.0], opening[1:] / close[self.last[:-1]]])

    @cached_property
    def opened(self) -> bool:
        """Whether there are opens to separate the night from the day."""
        opens = self.bars.fields.get("open")
        return opens is not None and bool((opens > 0.0).all())

    @cached_property
    def spans(self) -> FloatArray | None:
        """Logarithm of highest over lowest price, (D,); None without highs and lows."""
        high, low = self.bars.fields.get("high"), self.bars.fields.get("low")
        if high is None or low is None or not (low > 0.0).all():
            return None
        return np.asarray(np.log(np.maximum.reduceat(high, self.first) / np.minimum.reduceat(low, self.first)))

    @cached_property
    def value(self) -> FloatArray | None:
        """Traded value, (D,); None without volumes."""
        volume = self.bars.fields.get("volume")
        return None if volume is None else np.add.reduceat(volume * self.bars.fields["close"], self.first)

    def value_change(self, session: int) -> tuple[float, float] | None:
        """Return the traded value of a session, and the change of its level afterwards, in multiples of the 20 before.

        The change of level is max(after / before, before / after); None without volumes.
        """
        if self.value is None:
            return None
        before = float(np.median(self.value[max(session - _BEFORE, 0) : session]))
        after = float(np.median(self.value[session : session + _BEFORE]))
        if before <= 0.0 or after <= 0.0:
            return None
        return float(self.value[session]) / before, max(after / before, before / after)

    def spread(self, session: int) -> float | None:
        """Return the usual move of a close, as a standard deviation without crashes; None near the start."""
        if session < _ENOUGH:
            return None
        close = self.bars.fields["close"][self.last[max(session - _SPREAD_BEFORE, 0) : session]]
        return max(1.4826 * float(np.median(np.abs(np.diff(np.log(close))))), _LEAST_SPREAD)


def sessions_of(bars: Bars) -> Sessions:
    """Return the sessions of sorted bars."""
    if bars.daily:
        rows = np.arange(len(bars), dtype=np.int64)
        return Sessions(bars, rows, rows)
    first = np.unique(bars.stamps.astype("datetime64[D]"), return_index=True)[1].astype(np.int64)
    return Sessions(bars, first, np.append(first[1:], len(bars)) - 1)
