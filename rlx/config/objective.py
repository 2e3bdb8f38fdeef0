"""Other weights of a learner's objective, under which a trained policy's reward is reported."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

from rlx.fields import COEFFICIENT
from rlx.ranges import check_fields

Weight = Annotated[float | None, COEFFICIENT]


@dataclass(frozen=True)
class ObjectiveConfig:
    """Weights of the reward of ``module=differentiable_market`` to report a policy under; None keeps the trained one.

    Nothing is trained again, and no trade changes. If all are None, nothing is reported.
    """

    risk_aversion: Weight = None
    drawdown_lambda: Weight = None
    trade_penalty: Weight = None

    def __post_init__(self) -> None:
        check_fields(self, "objective")

    def given(self) -> dict[str, float]:
        """Return the weights that are set."""
        return {name: float(weight) for name, weight in asdict(self).items() if weight is not None}
