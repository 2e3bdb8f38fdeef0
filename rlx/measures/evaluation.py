"""What the evaluator hands back: ledgers by window set, and how long deciding took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rlx.sim.ledger import Ledger
from rlx.sim.rules import Rules
from rlx.types import FloatArray, IntArray, TimeArray


@dataclass(frozen=True)
class WindowLedger:
    """The book of one window set: B windows of T steps.

    ledger: NumPy arrays (B, T), weights (B, T, A). starts: (B,) first decision bar. timestamps: (B, T) label of the
    bar each decision was taken on; end_timestamps: (B, T) label of the bar its step closed on.
    """

    name: str
    starts: IntArray
    timestamps: TimeArray
    end_timestamps: TimeArray
    ledger: Ledger

    @property
    def steps(self) -> int:
        """Decisions in each window."""
        return int(self.timestamps.shape[1])

    def __len__(self) -> int:
        return int(self.starts.size)


@dataclass(frozen=True)
class Evaluation:
    """One policy played closed-loop over window sets; timings are the only part that differs between two runs."""

    policy: str
    symbols: tuple[str, ...]
    periods_per_year: float
    rules: Rules
    sets: Mapping[str, WindowLedger]
    latency_seconds: FloatArray  # (calls,) duration of each act() over its batch
    wall_seconds: float

    @property
    def env_steps(self) -> int:
        """Account steps played in total."""
        return sum(len(windows) * windows.steps for windows in self.sets.values())

    @property
    def env_steps_per_second(self) -> float:
        """Account steps a second of wall clock, deciding included."""
        return self.env_steps / max(self.wall_seconds, 1e-9)

    def latency_ms(self, percentile: float) -> float:
        """Return a percentile of the time one batched decision took, in milliseconds."""
        return float(np.percentile(self.latency_seconds, percentile) * 1e3)
