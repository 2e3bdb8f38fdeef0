"""The schema of ``module=hftraining``; no heavy imports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from rlx.errors import ConfigError
from rlx.fields import Coefficient, Width
from rlx.learners.path_config import PathLearnerConfig
from rlx.ranges import Number, OneOf, Whole

OBJECTIVES = ("growth", "utility")


@dataclass
class HftrainingConfig(PathLearnerConfig):
    """Transformer and loss, in addition to budget, batch and optimizer of ``PathLearnerConfig``.

    The loss is - annual log growth over that of equal weights, net of costs and reward penalties, with
    ``objective=utility`` + ``risk_aversion`` / 2 x annual variance of that excess, + ``cvar_weight`` x annual CVaR of
    the worst ``cvar_alpha`` of the steps. ``n_layers`` of 0 leaves a perceptron without attention. ``times_market``
    adds an exposure to the market between 0 and 1, learnt from the assets' mean features, and ``leverage_head`` one up
    to ``env.limits.intraday_gross``.
    """

    _target_: str = "rlx.learners.hftraining.learner.HftrainingLearner"
    _partial_: bool = True
    d_model: Width = 16
    n_heads: Annotated[int, Whole(1, 1_024)] = 2
    n_layers: Annotated[int, Whole(0, 64)] = 0
    dropout: Annotated[float, Number(0, 0.9)] = 0.0
    times_market: bool = False
    leverage_head: bool = False
    objective: Annotated[str, OneOf(OBJECTIVES)] = "growth"
    risk_aversion: Coefficient = 1.0
    cvar_weight: Coefficient = 0.0
    cvar_alpha: Annotated[float, Number(1e-6, 1)] = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.d_model % self.n_heads:
            raise ConfigError(f"module.d_model={self.d_model}: must be a multiple of module.n_heads={self.n_heads}.")
