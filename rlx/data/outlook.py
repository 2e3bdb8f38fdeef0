"""Features that come from forecasts: their names, and what a market needs of its forecaster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from rlx.types import FloatArray, IntArray

if TYPE_CHECKING:
    from rlx.data.market import Market

PREFIX = "forecast_"
OUTLOOK_FEATURES = tuple(
    f"{PREFIX}{name}" for name in ("mean", "q10", "q50", "q90", "volatility", "p_up", "cvar", "skew", "uncertainty")
)
"""The features of a forecast; docs/forecasts.md defines them."""


class Outlook(Protocol):
    """The forecasts of any market, as features of its bars."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """Plain values that name the forecaster and its options."""

    @property
    def name(self) -> str:
        """The forecaster's name."""

    @property
    def test_only(self) -> str | None:
        """Why the forecaster's results are no evidence of skill, None for any other."""

    @property
    def horizon_steps(self) -> int:
        """The number of bars until the last step of a forecast."""

    def paths(self, market: Market, bars: IntArray) -> FloatArray:
        """Return the moves (B, S, A) of the close until the last step, in S sample paths, from each of ``bars``.

        RlxError for a forecaster without sample paths.
        """

    def first_bar(self, market: Market) -> int:
        """Return the first bar with features; RlxError for a market that cannot be forecast."""

    def features(self, market: Market) -> Mapping[str, FloatArray]:
        """Return those of ``OUTLOOK_FEATURES`` that can be computed, (N, A) each, NaN before the first bar.

        Those at a bar are known at its close.
        """

    def unsaved(self) -> Outlook:
        """Return the same outlook without a cache on disk, for markets that never were."""


def is_outlook(name: str) -> bool:
    """Return whether a feature's name is that of a forecast, correct or misspelt."""
    return name.startswith(PREFIX)
