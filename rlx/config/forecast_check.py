"""Everything that ``rlx forecast check`` reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from omegaconf import MISSING

from rlx.config.groups import HardwareConfig
from rlx.errors import ConfigError
from rlx.evaluate.protocols.base import SPLITS
from rlx.ranges import ListOf, Number, OneOf, Whole, check_fields


@dataclass
class ForecastCheckConfig:
    """Everything ``rlx forecast check`` reads.

    ``split`` names the bars that are judged: the test split (``auto`` and ``test``), another one, or ``all``.
    ``levels`` are those of the pinball loss, by default the forecaster's own. ``resamples`` is the number of draws
    behind every interval. ``latency_calls`` is the number of warm calls that are timed, null for none.
    """

    data: Any = MISSING
    forecaster: Any = None
    hardware: HardwareConfig = field(default_factory=HardwareConfig)
    split: Annotated[str, OneOf(SPLITS)] = "auto"
    levels: Annotated[list[float] | None, ListOf(Number(1e-6, 1 - 1e-6), fewest=1, most=100)] = None
    resamples: Annotated[int, Whole(20, 100_000)] = 2000
    latency_calls: Annotated[int | None, Whole(20, 100_000)] = 20
    seed: Annotated[int, Whole(0, 2**32 - 1)] = 0

    def __post_init__(self) -> None:
        check_fields(self, "")
        if self.levels is not None and any(
            low >= high for low, high in zip(self.levels, self.levels[1:], strict=False)
        ):
            raise ConfigError(f"levels={self.levels}: must be ascending numbers without duplicates.")
