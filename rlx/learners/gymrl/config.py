"""The schema of ``module=gymrl``; no heavy imports."""

from __future__ import annotations

from dataclasses import dataclass

from rlx.learners.fields import number
from rlx.learners.ppo_config import PpoConfig


@dataclass
class GymrlConfig(PpoConfig):
    """Environment and PPO settings; those that are not here are ``PpoConfig``'s.

    ``window_steps`` bars of features are seen; features already look back over several horizons. ``entropy_start`` is
    annealed linearly to ``entropy_final``. With ``leverage_head`` an action component scales gross exposure up to
    ``env.limits.intraday_gross``, without one gross is at most 1.
    """

    _target_: str = "rlx.learners.gymrl.learner.GymrlLearner"
    _partial_: bool = True
    entropy_start: float = 0.003
    entropy_final: float = 0.0
    target_kl: float | None = None
    leverage_head: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("entropy_start", "entropy_final"):
            number(name, getattr(self, name), low=0.0)
        if self.target_kl is not None:
            number("target_kl", self.target_kl, above=0.0)
