"""What the schemas of the learners that train through the simulator share; no heavy imports."""

from __future__ import annotations

from dataclasses import dataclass

from rlx.learners.fields import number, one_of, whole

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

    updates: int = 400
    n_windows: int = 16
    rollout_steps: int = 64
    window_steps: int = 16
    optimizer: str = "adamw"
    learning_rate: float = 1e-3
    min_learning_rate: float = 1e-5
    warmup_updates: int = 20
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    ema_decay: float = 0.98
    feature_noise: float = 2.0
    smooth_epsilon: float = 0.0
    warm_start: str | None = None

    def __post_init__(self) -> None:
        for name in ("updates", "n_windows", "rollout_steps", "window_steps"):
            whole(name, getattr(self, name), 1)
        whole("warmup_updates", self.warmup_updates, 0)
        for name in ("learning_rate", "max_grad_norm"):
            number(name, getattr(self, name), above=0.0)
        for name in ("weight_decay", "feature_noise", "smooth_epsilon"):
            number(name, getattr(self, name), low=0.0)
        number("min_learning_rate", self.min_learning_rate, low=0.0, high=self.learning_rate)
        number("ema_decay", self.ema_decay, low=0.0, high=0.9999)
        one_of("optimizer", self.optimizer, OPTIMIZERS)
