"""The settings of strategies on forecasts; no heavy imports, configuration schemas read this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from rlx.backtest.plan import BothTouch
from rlx.errors import ConfigError
from rlx.ranges import Number, OneOf, Whole, check_fields

FINER = "finer"
BOTH_TOUCH = (*BothTouch, FINER)
"""Assumptions for a bar that touches entry and target: ``finer`` walks the bars of a finer frequency."""
NO_TUNING, ON_THE_PAST = "none", "past"


@dataclass
class StrategySettings:
    """How strategies trade on forecasts; the fields are keys of ``rlx backtest``.

    ``ci_multiplier`` is the width of the band that ``ci_guard`` ignores, in units of the forecast's ``band``.
    ``pctdiff_target`` is the distance of ``pctdiff``'s target from its entry, a fraction. ``tune=past`` multiplies
    limit prices by 1 + m, where m of highs and m of lows are those that did best in the last ``tune_bars`` finished
    bars; m is 0 before ``tune_min_bars`` of them. Each is one of ``tune_points`` from -``tune_bounds`` to
    ``tune_bounds``. Raises ConfigError.
    """

    both_touch: Annotated[str, OneOf(BOTH_TOUCH)] = BothTouch.pessimistic.value
    ci_multiplier: Annotated[float, Number(0, 1_000)] = 1.0
    pctdiff_target: Annotated[float, Number(0, 1)] = 0.02
    tune: Annotated[str, OneOf((NO_TUNING, ON_THE_PAST))] = NO_TUNING
    tune_bars: Annotated[int, Whole(1, 10_000)] = 60
    tune_min_bars: Annotated[int, Whole(1, 10_000)] = 20
    tune_bounds: Annotated[float, Number(1e-6, 0.5)] = 0.03
    tune_points: Annotated[int, Whole(3, 101)] = 13

    def __post_init__(self) -> None:
        check_fields(self, "")
        if self.tune_points % 2 == 0:
            raise ConfigError(
                f"tune_points={self.tune_points}: must be odd, so that 0 is one of the points. Use "
                f"{self.tune_points + 1}."
            )
        if self.tune_min_bars > self.tune_bars:
            raise ConfigError(
                f"tune_min_bars={self.tune_min_bars} is above tune_bars={self.tune_bars}: it would never be reached. "
                "Lower the first or raise the second."
            )

    @property
    def tunes(self) -> bool:
        """Whether multipliers are tuned."""
        return self.tune == ON_THE_PAST
