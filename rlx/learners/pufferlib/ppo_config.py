"""The settings of PufferLib's PPO; no heavy imports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from rlx.learners.ppo_config import PpoConfig
from rlx.ranges import Number, Whole


@dataclass
class PufferPpoConfig(PpoConfig):
    """Budget, environment and PPO settings of one basket, in addition to those of ``PpoConfig``.

    Minibatches are whole segments of ``rollout_steps``. They are drawn with probabilities proportional to their summed
    absolute advantage to the power of ``priority_alpha`` (0 draws evenly), and importance weights with
    ``priority_beta``, which approaches 1, correct for that. With ``anneal_learning_rate``, the learning rate falls
    along a cosine to 0 at the end of the budget. ``value_clip_range`` limits how far a value may move in a minibatch;
    null is no limit. PufferLib's trainer clamps rewards to [-1, 1]: at ``reward_scale`` 50, an excess of 1% a
    day is 0.5, and ``train/clipped_reward_share`` is the share of rewards outside.
    """

    total_env_steps: int = 262_144
    n_accounts: int = 64
    rollout_steps: Annotated[int, Whole(2, 10_000)] = 64  # the last step of a segment has no advantage
    minibatch_size: int = 1_024
    anneal_learning_rate: bool = True
    value_coefficient: float = 1.0
    value_clip_range: Annotated[float | None, Number(1e-9, 1e6)] = None
    priority_alpha: Annotated[float, Number(0, 1)] = 0.0
    priority_beta: Annotated[float, Number(0, 1)] = 0.2
    reward_scale: float = 50.0

    def check_minibatches(self) -> None:
        """Raise ConfigError unless minibatches are whole segments and their size divides a rollout."""
        segments, rest = divmod(self.minibatch_size, self.rollout_steps)
        if rest or self.n_accounts % segments:
            fitting = (self.rollout_steps * k for k in range(1, self.n_accounts + 1) if self.n_accounts % k == 0)
            raise self.minibatch_error(
                f"must be a multiple of module.rollout_steps={self.rollout_steps} that divides module.n_accounts x "
                f"module.rollout_steps = {self.rollout_size}; the nearest that fits is",
                fitting,
            )
