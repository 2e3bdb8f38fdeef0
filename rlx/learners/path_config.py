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

    An update draws ``n_windows`` segments of ``rollout_steps`` decisions from the training span, each traded by a new
    account. A decision sees ``window_steps`` bars. ``learning_rate`` is reached after ``warmup_updates`` and falls
    along a cosine to ``min_learning_rate`` at the last of ``updates``. ``optimizer=muon`` uses Muon for the matrices
    inside the network and AdamW for the rest. Validation and export use an exponential moving average of the weights,
    which decays by ``ema_decay`` per update. ``feature_noise`` is the standard deviation of the noise on normalized
    features in training: without it, a few thousand bars are memorised. ``smooth_epsilon`` > 0 smooths the kink of |x|
    in trading costs. ``warm_start`` is a run or policy folder with the same network, whose weights are the first ones.
    """

    updates: Updates = 400
    n_windows: Batch = 16
    rollout_steps: Bars = 64
    window_steps: Bars = 16
    optimizer: Annotated[str, OneOf(OPTIMIZERS)] = "adamw"
    learning_rate: LearningRate = 1e-3
    min_learning_rate: Annotated[float, Number(0, 10)] = 1e-5
    warmup_updates: Annotated[int, Whole(0, 10_000_000)] = 20
    weight_decay: Coefficient = 0.01
    max_grad_norm: GradNorm = 1.0
    ema_decay: Annotated[float, Number(0, 0.9999)] = 0.98
    feature_noise: Noise = 2.0
    smooth_epsilon: Annotated[float, Number(0, 1)] = 0.0
    warm_start: Annotated[str | None, FilePath()] = None

    def __post_init__(self) -> None:
        check_fields(self, "module")
        if self.min_learning_rate > self.learning_rate:
            raise ConfigError(
                f"module.min_learning_rate={self.min_learning_rate:g}: must be between 0 and module.learning_rate="
                f"{self.learning_rate:g}."
            )
