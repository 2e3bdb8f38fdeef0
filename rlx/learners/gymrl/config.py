"""The schema of ``module=gymrl``; no heavy imports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from rlx.fields import Coefficient
from rlx.learners.ppo_config import PpoConfig
from rlx.ranges import Number, Whole


@dataclass
class GymrlConfig(PpoConfig):
    """Members and leverage, in addition to budget, episodes, networks and PPO settings of ``PpoConfig``.

    The policy has ``n_folds`` members, each trained with the whole budget on all but one fold of training and
    validation span and ``purge_steps`` around it; the held-out folds are the validation. One fold means a single member
    that is fitted to the training span and validated on the validation span. ``weight_decay`` is AdamW's. With
    ``leverage_head``, one more action scales gross exposure up to ``env.limits.intraday_gross``; without it, gross
    exposure is at most 1.
    """

    _target_: str = "rlx.learners.gymrl.learner.GymrlLearner"
    _partial_: bool = True
    n_folds: Annotated[int, Whole(1, 100)] = 4
    purge_steps: Annotated[int, Whole(0, 10_000)] = 21
    weight_decay: Coefficient = 0.0
    target_kl: Annotated[float | None, Number(1e-9, 1_000)] = None
    leverage_head: bool = False
