"""The options shared by the learners that train by PPO; no heavy imports."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from rlx.envs.bounds import EPISODE_STEPS, GROUP_SIZE, REWARD_SCALE, WINDOW_STEPS
from rlx.errors import ConfigError
from rlx.fields import Bars, Batch, Coefficient, GradNorm, LearningRate, Width
from rlx.ranges import Number, Whole, check_fields

LARGEST_ROLLOUT = 2**24
"""Most env steps per update, whose observations are in memory together."""


@dataclass
class PpoConfig:
    """Budget, episodes and the settings of PPO.

    ``total_env_steps`` is rounded up to full rollouts of ``n_accounts`` x ``rollout_steps``. Each update collects one
    rollout and makes ``n_epochs`` passes over it in minibatches. ``reward_scale`` multiplies the reward: the
    simulator's less that of equal weights, and less the mean reward of the others in its group of ``group_size``
    accounts, which start at the same bars. Actor and critic are perceptrons with ``hidden_size`` hidden units, shared
    by the assets. Scores are explored with normal noise of standard deviation ``action_std``, which is not trained. An
    account moves ``speed`` of the way to the weights that the scores ask for; ``sharpness`` multiplies the scores of
    the exported policy. A subclass may check its minibatches more strictly.
    """

    total_env_steps: Annotated[int, Whole(1, 100_000_000_000)] = 614_400
    n_accounts: Batch = 512
    group_size: Annotated[int, GROUP_SIZE] = 8
    rollout_steps: Bars = 16
    minibatch_size: Annotated[int, Whole(2, LARGEST_ROLLOUT)] = 2_048
    n_epochs: Annotated[int, Whole(1, 1_000)] = 2
    learning_rate: LearningRate = 3e-3
    gamma: Annotated[float, Number(0, 1)] = 0.7
    gae_lambda: Annotated[float, Number(0, 1)] = 0.95
    clip_range: Annotated[float, Number(1e-9, 100)] = 0.2
    value_coefficient: Coefficient = 0.5
    max_grad_norm: GradNorm = 0.5
    episode_steps: Annotated[int, EPISODE_STEPS] = 64
    window_steps: Annotated[int, WINDOW_STEPS] = 1
    reward_scale: Annotated[float, REWARD_SCALE] = 100.0
    hidden_size: Width = 16
    action_std: Annotated[float, Number(0.001, 10)] = 0.7
    speed: Annotated[float, Number(0.001, 1)] = 0.8
    sharpness: Annotated[float, Number(0.01, 100)] = 1.0

    def __post_init__(self) -> None:
        check_fields(self, "module")
        if self.rollout_size > LARGEST_ROLLOUT:
            raise ConfigError(
                f"module.n_accounts x module.rollout_steps = {self.rollout_size}: must be between 1 and "
                f"{LARGEST_ROLLOUT}: an update keeps them in memory. Lower module.n_accounts={self.n_accounts} or "
                f"module.rollout_steps={self.rollout_steps}."
            )
        if self.n_accounts % self.group_size:
            raise ConfigError(
                f"module.group_size={self.group_size}: must divide module.n_accounts={self.n_accounts}; "
                f"{math.gcd(self.group_size, self.n_accounts)} does."
            )
        self.check_minibatches()

    def check_minibatches(self) -> None:
        """Raise ConfigError unless the minibatch size divides a rollout."""
        rollout = self.rollout_size
        if rollout % self.minibatch_size:
            small = [size for size in range(1, math.isqrt(rollout) + 1) if rollout % size == 0]
            fitting = (size for divisor in small for size in (divisor, rollout // divisor) if size > 1)
            product = f"module.n_accounts x module.rollout_steps = {rollout}"
            raise self.minibatch_error(f"must divide {product}; the nearest that does is", fitting)

    def minibatch_error(self, rule: str, fitting: Iterable[int]) -> ConfigError:
        """Return the error for a minibatch size that breaks ``rule``; it ends with the nearest of ``fitting`` sizes."""
        nearest = min(fitting, key=lambda size: abs(size - self.minibatch_size), default=self.rollout_size)
        return ConfigError(f"module.minibatch_size={self.minibatch_size}: {rule} {nearest}.")

    @property
    def rollout_size(self) -> int:
        """Number of env steps of one update."""
        return self.n_accounts * self.rollout_steps

    @property
    def updates(self) -> int:
        """Number of updates of the whole budget."""
        return math.ceil(self.total_env_steps / self.rollout_size)
