"""``protocol=every_start``: the windows at every start index one by one, and which of them are outliers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from rlx.evaluate.protocols.base import Measured, Protocol
from rlx.evaluate.purging import FitSpans
from rlx.evaluate.window_rows import EXCESS, describe_status, window_rows
from rlx.evaluate.windows import WINDOWS
from rlx.measures.distribution import describe_windows, window_returns
from rlx.measures.evaluation import Evaluation
from rlx.measures.outliers import describe_outliers, flag_names, outlier_sides, tukey_fence
from rlx.policies.baselines import EqualWeight
from rlx.ranges import Number
from rlx.types import FloatArray

RETURN = "cumulative_return"
FLAGS = {RETURN: "outlier", EXCESS: "excess_outlier"}
"""Measure that is checked for outliers -> column of its flag."""


@dataclass(frozen=True)
class EveryStart(Protocol):
    """The same judgement, with the windows at every start index reported one by one and checked for outliers.

    A window is an outlier when its return, or its excess over equal weight, lies more than ``fence_iqrs``
    interquartile ranges outside the quartiles of all windows (Tukey 1977). It plays the same windows as every protocol.
    """

    fence_iqrs: Annotated[float, Number(0.001, 1_000)] = 1.5
    name: ClassVar[str] = "every_start"

    def measure(
        self, evaluation: Evaluation, baselines: Mapping[str, Evaluation], fit_spans: FitSpans | None
    ) -> Measured:
        """Return a row for each window, and a block with the distribution and the ``outliers`` of each measure.

        Rows have ``excess_over_equal_weight`` if equal weight was judged, and for each measure its flag: ``low``,
        ``high`` or None.
        """
        windows = evaluation.sets[WINDOWS]
        measured = _checked_measures(evaluation, baselines)
        fences = {name: tukey_fence(values, self.fence_iqrs) for name, values in measured.items()}
        flags = {FLAGS[name]: flag_names(outlier_sides(values, fences[name])) for name, values in measured.items()}
        excess = {EXCESS: measured[EXCESS]} if EXCESS in measured else {}
        rows = window_rows(evaluation, baselines, WINDOWS, fit_spans, {**excess, **flags})
        block = {
            **describe_windows(evaluation, baselines, WINDOWS),
            "stride": 1,
            "left_out": 0,
            **describe_status(evaluation, baselines, WINDOWS, rows, fit_spans),
            "fence_iqrs": self.fence_iqrs,
            "outliers": {name: describe_outliers(values, fences[name], windows) for name, values in measured.items()},
        }
        return Measured(rows, block)


def _checked_measures(evaluation: Evaluation, baselines: Mapping[str, Evaluation]) -> dict[str, FloatArray]:
    """Return what is checked for outliers, (B,) each: the return and, if equal weight was judged, the excess."""
    own = window_returns(evaluation, WINDOWS)
    if EqualWeight.name not in baselines:
        return {RETURN: own}
    return {RETURN: own, EXCESS: own - window_returns(baselines[EqualWeight.name], WINDOWS)}
