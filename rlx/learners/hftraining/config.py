"""The schema of ``module=hftraining``; no heavy imports."""

from __future__ import annotations

from dataclasses import dataclass

from rlx.errors import ConfigError
from rlx.learners.fields import number, whole
from rlx.learners.path_config import PathLearnerConfig


@dataclass
class HftrainingConfig(PathLearnerConfig):
    """Transformer and loss; budget, batch and optimizer are those of ``PathLearnerConfig``.

    The loss is -(annual log growth net of costs and reward penalties + ``risk_penalty`` x annual Sharpe ratio)
    - ``entropy_coefficient`` x entropy of the absolute weights, as a share of its maximum, + ``cvar_weight`` x annual
    CVaR of the worst ``cvar_alpha`` of the steps. ``leverage_head`` and ``logit_scale`` are those of the allocation
    head: without the former gross exposure is at most 1.
    """

    _target_: str = "rlx.learners.hftraining.learner.HftrainingLearner"
    _partial_: bool = True
    d_model: int = 32
    n_heads: int = 2
    n_layers: int = 2
    dropout: float = 0.1
    leverage_head: bool = False
    logit_scale: float = 2.0
    risk_penalty: float = 0.1
    entropy_coefficient: float = 0.01
    cvar_weight: float = 0.0
    cvar_alpha: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("d_model", "n_heads", "n_layers"):
            whole(name, getattr(self, name), 1)
        if self.d_model % self.n_heads:
            raise ConfigError(
                f"module.d_model={self.d_model}: must be a multiple of module.n_heads={self.n_heads}, which share it."
            )
        number("dropout", self.dropout, low=0.0, high=0.9)
        for name in ("risk_penalty", "entropy_coefficient", "cvar_weight"):
            number(name, getattr(self, name), low=0.0)
        number("cvar_alpha", self.cvar_alpha, above=0.0, high=1.0)
        number("logit_scale", self.logit_scale, above=0.0)
