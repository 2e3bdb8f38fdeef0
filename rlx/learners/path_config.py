"""The options shared by the learners that train through the simulator; no heavy imports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from rlx.errors import ConfigError
from rlx.fields import Bars, Batch, Coefficient, GradNorm, LearningRate, Noise, Updates
from rlx.ranges import FilePath, Number, OneOf, Whole, check_fields

OPTIMIZERS = ("adamw", "muon")


@dataclass
class PathLearnerConfig:
    """Budget, batch and optimizer of a learner whose loss is computed from simulated paths.

    The policy has ``n_folds`` members, each fitted to all but one fold of training and validation span and
    ``purge_steps`` around it; the held-out folds are the validation. One fold means a single member that is fitted to
    the training span and validated on the validation span. An update draws ``n_windows`` segments of ``rollout_steps``
    decisions for each member, each traded by a new account. A decision sees ``window_steps`` bars, of which
    ``smooth_steps`` are scored and averaged; ``sharpness`` multiplies the scores of decisions. ``learning_rate`` is
    reached after ``warmup_updates`` and falls along a cosine to ``min_learning_rate`` at the last of ``updates``.
    ``penalty`` multiplies the sum of the squares of each member's weights in the loss. ``optimizer=muon`` uses Muon for
    the matrices inside the network and AdamW for the rest. Validation and export use an exponential moving average of
    the weights, which decays by ``ema_decay`` per update. ``feature_noise`` is the standard deviation of the noise on
    normalized features in training. ``smooth_epsilon`` > 0 smooths the kink of |x| in trading costs. ``warm_start`` is
    a run or policy folder with the same network, whose weights are the first ones.
    """

    updates: Updates = 200
    n_folds: Annotated[int, Whole(1, 100)] = 6
    purge_steps: Annotated[int, Whole(0, 10_000)] = 21
    n_windows: Batch = 16
    rollout_steps: Bars = 64
    window_steps: Bars = 32
    smooth_steps: Bars = 24
    sharpness: Annotated[float, Number(0.01, 100)] = 1.5
    optimizer: Annotated[str, OneOf(OPTIMIZERS)] = "adamw"
    learning_rate: LearningRate = 1e-2
    min_learning_rate: Annotated[float, Number(0, 10)] = 1e-4
    warmup_updates: Annotated[int, Whole(0, 10_000_000)] = 0
    weight_decay: Coefficient = 0.0
    penalty: Coefficient = 1e-3
    max_grad_norm: GradNorm = 1.0
    ema_decay: Annotated[float, Number(0, 0.9999)] = 0.98
    feature_noise: Noise = 0.0
    smooth_epsilon: Annotated[float, Number(0, 1)] = 0.0
    warm_start: Annotated[str | None, FilePath()] = None

    def __post_init__(self) -> None:
        check_fields(self, "module")
        if self.min_learning_rate > self.learning_rate:
            raise ConfigError(
                f"module.min_learning_rate={self.min_learning_rate:g}: must be between 0 and module.learning_rate="
                f"{self.learning_rate:g}."
            )
        if self.smooth_steps > self.window_steps:
            raise ConfigError(
                f"module.smooth_steps={self.smooth_steps}: must be at most module.window_steps={self.window_steps}, "
                "the bars that a decision sees."
            )
