"""Which parts of the market are played: sets of windows of equal length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rlx.errors import ConfigError
from rlx.types import IntArray

if TYPE_CHECKING:
    from rlx.data.splits import Span

HOLDOUT = "holdout"
WINDOWS = "windows"


@dataclass(frozen=True)
class WindowSet:
    """B windows of ``steps`` decisions each; window b decides at bars ``starts[b] .. starts[b] + steps - 1``."""

    name: str
    starts: IntArray
    steps: int

    def __post_init__(self) -> None:
        starts = np.asarray(self.starts)
        if starts.ndim != 1 or starts.size == 0 or starts.dtype.kind not in "iu":
            raise ConfigError(f"windows {self.name!r}: starts must be a non-empty list of bar indices.")
        if self.steps < 1:
            raise ConfigError(f"windows {self.name!r}: steps={self.steps}: must be at least 1.")
        object.__setattr__(self, "starts", starts.astype(np.int64))

    def __len__(self) -> int:
        return int(self.starts.size)


def holdout_windows(span: Span) -> WindowSet:
    """Return one window over the whole span; raises ConfigError for a span without decisions."""
    return WindowSet(HOLDOUT, np.array([span.start], dtype=np.int64), decisions(span))


def start_index_windows(span: Span, steps: int = 42) -> WindowSet:
    """Return a window of ``steps`` decisions at every start index of the span after which it fits."""
    return spaced_windows(WINDOWS, span, steps, 1, "protocol.window_steps")


def spaced_windows(name: str, span: Span, steps: int, stride: int, key: str) -> WindowSet:
    """Return windows of ``steps`` decisions that start every ``stride`` decisions of the span and fit completely.

    Raises ConfigError, naming the option ``key`` and what fits, when the span is shorter than one window.
    """
    longest = decisions(span)
    if not 1 <= steps <= longest:
        raise ConfigError(
            f"{key}={steps}: the evaluation span has {longest} decisions; give a value from 1 to {longest}, or judge a "
            "longer span (protocol.split, protocol.start, protocol.end)."
        )
    return WindowSet(name, np.arange(span.start, span.stop - steps + 1, stride, dtype=np.int64), steps)


def decisions(span: Span) -> int:
    """Return how many decisions a span has; raises ConfigError for none."""
    if span.stop <= span.start:
        raise ConfigError(f"The evaluation span has no decision (bars {span.start} to {span.stop}, end excluded).")
    return span.stop - span.start
