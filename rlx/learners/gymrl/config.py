"""The schema of ``module=gymrl``; no heavy imports."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from rlx.errors import ConfigError
from rlx.learners.fields import number, whole


@dataclass
class GymrlConfig:
    """Budget, environment and PPO settings.

    ``total_env_steps`` is the whole budget, rounded up to full rollouts of ``n_accounts`` x ``rollout_steps``.
    ``window_steps`` bars of features are seen; features already look back over several horizons. ``reward_scale``
    multiplies the simulator's reward. ``feature_noise`` is the standard deviation of the noise on normalized
    features while training: without it a few thousand bars are learnt by heart. ``entropy_start`` is annealed
    linearly to ``entropy_final``. With ``leverage_head`` an action component scales gross exposure up to
    ``env.limits.intraday_gross``, without one gross is at most 1. ``logit_scale`` is the sharpness of the long-only
    softmax: actions of +1 against -1 differ by a factor of exp(2 x logit_scale) in weight.
    """

    _target_: str = "rlx.learners.gymrl.learner.GymrlLearner"
    _partial_: bool = True
    total_env_steps: int = 1_048_576
    n_accounts: int = 128
    rollout_steps: int = 64
    minibatch_size: int = 2_048
    n_epochs: int = 4
    learning_rate: float = 3e-4
    gamma: float = 0.9
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    entropy_start: float = 0.003
    entropy_final: float = 0.0
    value_coefficient: float = 0.5
    max_grad_norm: float = 0.5
    target_kl: float | None = None
    hidden_sizes: list[int] = field(default_factory=lambda: [64, 64])
    log_std_init: float = -1.0
    leverage_head: bool = False
    logit_scale: float = 2.0
    episode_steps: int = 252
    window_steps: int = 1
    reward_scale: float = 100.0
    feature_noise: float = 1.0

    def __post_init__(self) -> None:
        for name in ("total_env_steps", "n_accounts", "rollout_steps", "n_epochs", "episode_steps", "window_steps"):
            whole(name, getattr(self, name), 1)
        whole("minibatch_size", self.minibatch_size, 2)
        for name in ("learning_rate", "clip_range", "max_grad_norm", "reward_scale"):
            number(name, getattr(self, name), above=0.0)
        for name in ("entropy_start", "entropy_final", "value_coefficient", "feature_noise"):
            number(name, getattr(self, name), low=0.0)
        for name in ("gamma", "gae_lambda"):
            number(name, getattr(self, name), low=0.0, high=1.0)
        number("log_std_init", self.log_std_init, low=-10.0, high=2.0)
        number("logit_scale", self.logit_scale, above=0.0)
        if self.target_kl is not None:
            number("target_kl", self.target_kl, above=0.0)
        self.hidden_sizes = [int(whole("hidden_sizes", size, 1)) for size in self.hidden_sizes]
        self._check_minibatches()

    def _check_minibatches(self) -> None:
        rollout = self.rollout_size
        if rollout % self.minibatch_size:
            fitting = [size for size in range(2, rollout + 1) if rollout % size == 0]
            nearest = min(fitting, key=lambda size: abs(size - self.minibatch_size), default=rollout)
            raise ConfigError(
                f"module.minibatch_size={self.minibatch_size}: must divide module.n_accounts x module.rollout_steps = "
                f"{rollout}; the nearest that does is {nearest}."
            )

    @property
    def rollout_size(self) -> int:
        """Env steps of one update."""
        return self.n_accounts * self.rollout_steps

    @property
    def updates(self) -> int:
        """Updates of the whole run."""
        return math.ceil(self.total_env_steps / self.rollout_size)
