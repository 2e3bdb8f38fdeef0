"""The settings of the PPO stage; no heavy imports."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from rlx.errors import ConfigError
from rlx.learners.fields import number, whole


@dataclass
class PpoConfig:
    """Budget, environment and PPO settings of one basket.

    ``total_env_steps`` is the budget of one basket, rounded up to full rollouts of ``n_accounts`` x
    ``rollout_steps``. An update trains on ``n_epochs`` x rollout / ``minibatch_size`` minibatches of whole stretches of
    ``rollout_steps``, drawn with a probability of their summed absolute advantage to the power of ``priority_alpha``
    (0 draws evenly) and weighted back with ``priority_beta``, which approaches 1. With ``anneal_learning_rate`` it
    falls along a cosine to 0 at the end of the budget. ``value_clip_range`` limits how far a value may move in a
    minibatch; null is no limit. ``reward_scale`` multiplies the simulator's reward, and PufferLib's trainer clamps
    the product to [-1, 1]: at 10, a daily log return of 1% is 0.1, and ``train/clipped_reward_share`` counts what lies
    outside. ``feature_noise`` is the standard deviation of the noise on signals while training. ``logit_scale`` is
    the sharpness of the long-only softmax.
    """

    total_env_steps: int = 262_144
    n_accounts: int = 64
    rollout_steps: int = 64
    minibatch_size: int = 1_024
    n_epochs: int = 4
    learning_rate: float = 1e-3
    anneal_learning_rate: bool = True
    gamma: float = 0.5
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    value_clip_range: float | None = None
    value_coefficient: float = 1.0
    entropy_coefficient: float = 0.001
    max_grad_norm: float = 0.5
    priority_alpha: float = 0.0
    priority_beta: float = 0.2
    hidden_sizes: list[int] = field(default_factory=lambda: [64, 64])
    log_std_init: float = -1.0
    logit_scale: float = 2.0
    episode_steps: int = 252
    reward_scale: float = 10.0
    feature_noise: float = 1.0

    def __post_init__(self) -> None:
        for name in ("total_env_steps", "n_accounts", "n_epochs", "episode_steps"):
            whole(name, getattr(self, name), 1)
        whole("rollout_steps", self.rollout_steps, 2)  # the last step of a stretch has no advantage
        whole("minibatch_size", self.minibatch_size, 2)
        for name in ("learning_rate", "clip_range", "max_grad_norm", "logit_scale", "reward_scale"):
            number(name, getattr(self, name), above=0.0)
        for name in ("value_coefficient", "entropy_coefficient", "feature_noise"):
            number(name, getattr(self, name), low=0.0)
        for name in ("gamma", "gae_lambda", "priority_alpha", "priority_beta"):
            number(name, getattr(self, name), low=0.0, high=1.0)
        number("log_std_init", self.log_std_init, low=-10.0, high=2.0)
        if self.value_clip_range is not None:
            number("value_clip_range", self.value_clip_range, above=0.0)
        self.hidden_sizes = [int(whole("hidden_sizes", size, 1)) for size in self.hidden_sizes]
        self._check_minibatches()

    def _check_minibatches(self) -> None:
        stretches, rest = divmod(self.minibatch_size, self.rollout_steps)
        if rest or self.n_accounts % stretches:
            fitting = [self.rollout_steps * k for k in range(1, self.n_accounts + 1) if self.n_accounts % k == 0]
            nearest = min(fitting, key=lambda size: abs(size - self.minibatch_size))
            raise ConfigError(
                f"module.minibatch_size={self.minibatch_size}: must be a multiple of module.rollout_steps="
                f"{self.rollout_steps} that divides module.n_accounts x module.rollout_steps = {self.rollout_size}; "
                f"the nearest that fits is {nearest}."
            )

    @property
    def rollout_size(self) -> int:
        """Env steps of one update."""
        return self.n_accounts * self.rollout_steps

    @property
    def updates(self) -> int:
        """Updates of one basket."""
        return math.ceil(self.total_env_steps / self.rollout_size)
