"""What the schemas of the learners that train by PPO share; no heavy imports."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from rlx.errors import ConfigError
from rlx.learners.fields import number, whole


@dataclass
class PpoConfig:
    """Budget, episodes and the settings of PPO.

    ``total_env_steps`` is rounded up to full rollouts of ``n_accounts`` x ``rollout_steps``, one an update, which is
    gone through ``n_epochs`` times in minibatches. ``reward_scale`` multiplies the simulator's reward.
    ``feature_noise`` is the standard deviation of the noise on what is seen while training: without it a few thousand
    bars are learnt by heart. ``logit_scale`` is the sharpness of the long-only softmax: actions of +1 against -1
    differ by a factor of exp(2 x logit_scale) in weight. A subclass may check its minibatches more strictly.
    """

    total_env_steps: int = 1_048_576
    n_accounts: int = 128
    rollout_steps: int = 64
    minibatch_size: int = 2_048
    n_epochs: int = 4
    learning_rate: float = 3e-4
    gamma: float = 0.9
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    value_coefficient: float = 0.5
    max_grad_norm: float = 0.5
    hidden_sizes: list[int] = field(default_factory=lambda: [64, 64])
    log_std_init: float = -1.0
    logit_scale: float = 2.0
    episode_steps: int = 252
    window_steps: int = 1
    reward_scale: float = 100.0
    feature_noise: float = 1.0

    def __post_init__(self) -> None:
        for name in ("total_env_steps", "n_accounts", "rollout_steps", "n_epochs", "episode_steps", "window_steps"):
            whole(name, getattr(self, name), 1)
        whole("minibatch_size", self.minibatch_size, 2)
        for name in ("learning_rate", "clip_range", "max_grad_norm", "reward_scale", "logit_scale"):
            number(name, getattr(self, name), above=0.0)
        for name in ("value_coefficient", "feature_noise"):
            number(name, getattr(self, name), low=0.0)
        for name in ("gamma", "gae_lambda"):
            number(name, getattr(self, name), low=0.0, high=1.0)
        number("log_std_init", self.log_std_init, low=-10.0, high=2.0)
        self.hidden_sizes = [int(whole("hidden_sizes", size, 1)) for size in self.hidden_sizes]
        self.check_minibatches()

    def check_minibatches(self) -> None:
        """Raise ConfigError unless minibatches divide a rollout."""
        rollout = self.rollout_size
        if rollout % self.minibatch_size:
            fitting = (size for size in range(2, rollout + 1) if rollout % size == 0)
            product = f"module.n_accounts x module.rollout_steps = {rollout}"
            raise self.minibatch_error(f"must divide {product}; the nearest that does is", fitting)

    def minibatch_error(self, rule: str, fitting: Iterable[int]) -> ConfigError:
        """Return the error of a minibatch that breaks ``rule``, ending in the nearest size that does not."""
        nearest = min(fitting, key=lambda size: abs(size - self.minibatch_size), default=self.rollout_size)
        return ConfigError(f"module.minibatch_size={self.minibatch_size}: {rule} {nearest}.")

    @property
    def rollout_size(self) -> int:
        """Env steps of one update."""
        return self.n_accounts * self.rollout_steps

    @property
    def updates(self) -> int:
        """Updates of the whole budget."""
        return math.ceil(self.total_env_steps / self.rollout_size)
