"""The schema of ``module=hftraining``; no heavy imports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from rlx.decisions.bounds import LOGIT_SCALE
from rlx.errors import ConfigError
from rlx.fields import Coefficient, Layers, Width
from rlx.learners.path_config import PathLearnerConfig
from rlx.ranges import Number, Whole


@dataclass
class HftrainingConfig(PathLearnerConfig):
    """Transformer and loss, in addition to budget, batch and optimizer of ``PathLearnerConfig``.

    The loss is -(annual log growth net of costs and reward penalties + ``risk_penalty`` x annual Sharpe ratio)
    - ``entropy_coefficient`` x entropy of the absolute weights, as a share of its maximum, + ``cvar_weight`` x annual
    CVaR of the worst ``cvar_alpha`` of the steps. ``leverage_head`` and ``logit_scale`` belong to the allocation head:
    without ``leverage_head``, gross exposure is at most 1.
    """

    _target_: str = "rlx.learners.hftraining.learner.HftrainingLearner"
    _partial_: bool = True
    d_model: Width = 32
    n_heads: Annotated[int, Whole(1, 1_024)] = 2
    n_layers: Layers = 2
    dropout: Annotated[float, Number(0, 0.9)] = 0.1
    leverage_head: bool = False
    logit_scale: Annotated[float, LOGIT_SCALE] = 2.0
    risk_penalty: Coefficient = 0.1
    entropy_coefficient: Coefficient = 0.01
    cvar_weight: Coefficient = 0.0
    cvar_alpha: Annotated[float, Number(1e-6, 1)] = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.d_model % self.n_heads:
            raise ConfigError(f"module.d_model={self.d_model}: must be a multiple of module.n_heads={self.n_heads}.")
