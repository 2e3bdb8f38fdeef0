"""What a task and its allocation head may be told, for schemas; no heavy imports."""

from __future__ import annotations

from rlx.ranges import Number, Whole

LOGIT_SCALE = Number(0.001, 50)  # exp() of 50 is far from overflow
WINDOW_STEPS = Whole(1, 10_000)
EPISODE_STEPS = Whole(1, 1_000_000)
REWARD_SCALE = Number(1e-6, 1e6)
FEATURE_NOISE = Number(0, 100)
