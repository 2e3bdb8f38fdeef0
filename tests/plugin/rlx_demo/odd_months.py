"""A protocol: windows that begin with every second month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np

from rlx.evaluate.protocols.base import Measured, Protocol
from rlx.evaluate.window_rows import window_rows
from rlx.evaluate.windows import WindowSet
from rlx.measures.distribution import describe_windows
from rlx.ranges import Whole

if TYPE_CHECKING:
    from rlx.data.splits import Span
    from rlx.evaluate.purging import FitSpans
    from rlx.measures.evaluation import Evaluation
    from rlx.types import TimeArray


@dataclass(frozen=True)
class OddMonths(Protocol):
    """The same judgement, and windows of ``month_steps`` decisions from the first in the span of January, March, ..."""

    month_steps: Annotated[int, Whole(1, 10_000)] = 15
    name: ClassVar[str] = "odd_months"

    def windows(self, span: Span, stamps: TimeArray) -> tuple[WindowSet, ...]:
        """Return the set ``odd_months``."""
        months = stamps[span.start : span.stop].astype("datetime64[M]").astype(int)  # January 1970 is 0
        first = np.flatnonzero(np.diff(months, prepend=-1))
        starts = span.start + first[months[first] % 2 == 0]
        return (WindowSet(self.name, starts[starts + self.month_steps <= span.stop], self.month_steps),)

    def measure(
        self, evaluation: Evaluation, baselines: Mapping[str, Evaluation], fit_spans: FitSpans | None
    ) -> Measured:
        """Return a row for each window, and their distribution."""
        rows = window_rows(evaluation, baselines, self.name, fit_spans)
        return Measured(rows, describe_windows(evaluation, baselines, self.name))
