"""What the schemas of the learners that train through the simulator share; no heavy imports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from rlx.errors import ConfigError
from rlx.fields import Bars, Batch, Coefficient, GradNorm, LearningRate, Noise, Updates
from rlx.ranges import FilePath, Number, OneOf, Whole, check_fields

OPTIMIZERS = ("adamw", "muon")


@dataclass
class PathLearnerConfig:
    """Budget, batch and optimizer of a learner whose loss is made of simulated paths.

    An update draws ``n_windows`` stretches of ``rollout_steps`` decisions from the training span, each played by a
    fresh account. A decision sees ``window_steps`` bars. ``learning_rate`` is reached after ``warmup_updates`` and
    falls along a cosine to ``min_learning_rate`` at the last of ``updates``. ``optimizer=muon`` takes Muon for the
    matrices inside the network and AdamW for the rest. Validation and export use an exponential moving average of the
    weights, ``ema_decay`` an update. ``feature_noise`` is the standard deviation of the noise on normalized features
    while training: without it a few thousand bars are learnt by heart. ``smooth_epsilon`` > 0 rounds the kink of |x|
    in trading costs off. ``warm_start`` is the run or policy folder of the same network to start from.
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
