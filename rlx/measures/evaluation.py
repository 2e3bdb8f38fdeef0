"""The evaluator's result: ledgers by window set, and the duration of decisions."""

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

    ledger: NumPy arrays (B, T), weights (B, T, A). starts: (B,) first decision bar. timestamps: (B, T) label of each
    decision's bar; end_timestamps: (B, T) label of the bar on which its step closed.
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
    """One policy played closed-loop over window sets; only timings differ between two runs.

    With ``intraday`` its weights are round trips within a bar, and not positions at a close.
    """

    policy: str
    symbols: tuple[str, ...]
    periods_per_year: float
    rules: Rules
    sets: Mapping[str, WindowLedger]
    latency_seconds: FloatArray  # (calls,) duration of each act() over its batch
    wall_seconds: float
    intraday: bool = False

    @property
    def env_steps(self) -> int:
        """Total number of account steps."""
        return sum(len(windows) * windows.steps for windows in self.sets.values())

    @property
    def env_steps_per_second(self) -> float:
        """Account steps per second of wall clock, decisions included."""
        return self.env_steps / max(self.wall_seconds, 1e-9)

    def latency_ms(self, percentile: float) -> float:
        """Return a percentile of the duration of a batched decision, in milliseconds."""
        return float(np.percentile(self.latency_seconds, percentile) * 1e3)
