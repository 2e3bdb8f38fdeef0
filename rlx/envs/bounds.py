"""Bounds of a task's settings, for schemas; no heavy imports."""

from __future__ import annotations

from rlx.ranges import Number, Whole

WINDOW_STEPS = Whole(1, 10_000)
EPISODE_STEPS = Whole(1, 1_000_000)
REWARD_SCALE = Number(1e-6, 1e6)
GROUP_SIZE = Whole(1, 10_000)
