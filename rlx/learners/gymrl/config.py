"""The schema of ``module=gymrl``; no heavy imports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from rlx.fields import Coefficient
from rlx.learners.ppo_config import PpoConfig
from rlx.ranges import Number


@dataclass
class GymrlConfig(PpoConfig):
    """Environment and PPO settings, in addition to those of ``PpoConfig``.

    An observation has ``window_steps`` bars of features, which already look back over several horizons.
    ``entropy_start`` is annealed linearly to ``entropy_final``. With ``leverage_head``, an action component scales
    gross exposure up to ``env.limits.intraday_gross``; without it, gross exposure is at most 1.
    """

    _target_: str = "rlx.learners.gymrl.learner.GymrlLearner"
    _partial_: bool = True
    entropy_start: Coefficient = 0.003
    entropy_final: Coefficient = 0.0
    target_kl: Annotated[float | None, Number(1e-9, 1_000)] = None
    leverage_head: bool = False
