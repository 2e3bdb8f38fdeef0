"""The schema of ``module=fixed_mix``; no heavy imports, for every command reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from rlx.ranges import Number, Whole, check_fields


@dataclass
class FixedMixConfig:
    """The one mix of assets and cash that would have grown fastest on the training span, without costs."""

    _target_: str = "rlx_demo.fixed_mix.FixedMixLearner"
    _partial_: bool = True
    window_steps: Annotated[int, Whole(1, 10_000)] = 1
    n_updates: Annotated[int, Whole(1, 1_000_000)] = 200
    learning_rate: Annotated[float, Number(1e-9, 1)] = 0.05

    def __post_init__(self) -> None:
        check_fields(self, "module")
