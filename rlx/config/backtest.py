"""Everything that ``rlx backtest`` reads."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Annotated, Any

from omegaconf import MISSING

from rlx.backtest.settings import FINER, StrategySettings
from rlx.errors import ConfigError
from rlx.forecast.aggregate import Aggregate
from rlx.ranges import FilePath, ListOf, Number, Text, Whole
from rlx.sim.rules import Costs

FRACTION = Number(0, 1)


@dataclass
class BacktestConfig(StrategySettings):
    """Everything ``rlx backtest`` reads.

    ``strategies`` are names, all for None. ``finer`` is a file or folder of bars of a finer frequency, or
    ``sample_hourly``. ``band`` are the levels of the two quantiles whose distance is a forecast's band, ``aggregate``
    how its samples become one number. ``resamples`` is the number of draws behind every interval. ``label`` names the
    result; ``targets`` is a file with a list of targets, each of which may replace these values.
    """

    data: Any = MISSING
    costs: Costs = field(default_factory=Costs)
    forecaster: Any = None
    strategies: Annotated[list[str] | None, ListOf(Text(100), fewest=1)] = None
    finer: Annotated[str | None, FilePath()] = None
    band: Annotated[list[float], ListOf(FRACTION, fewest=2, most=2)] = field(default_factory=lambda: [0.4, 0.6])
    aggregate: Aggregate = field(default_factory=Aggregate)
    resamples: Annotated[int, Whole(20, 100_000)] = 500
    seed: Annotated[int, Whole(0, 2**32 - 1)] = 0
    label: Annotated[str | None, Text(200)] = None
    targets: Annotated[str | None, FilePath()] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.band[0] >= self.band[1]:
            raise ConfigError(f"band=[{self.band[0]:g},{self.band[1]:g}]: the first level must be below the second.")

        if self.finer is not None and self.both_touch != FINER:
            raise ConfigError(f"finer={self.finer}: has no effect without both_touch=finer. Add that, or leave it out.")
        for one in fields(StrategySettings):
            if one.name.startswith("tune_") and not self.tunes and getattr(self, one.name) != one.default:
                value = getattr(self, one.name)
                raise ConfigError(f"{one.name}={value}: has no effect without tune=past. Add that, or leave it out.")

    def settings(self) -> StrategySettings:
        """Return the settings of the strategies alone."""
        return StrategySettings(**{one.name: getattr(self, one.name) for one in fields(StrategySettings)})
