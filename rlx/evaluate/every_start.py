"""Windows at every start index, one by one: which are outliers, and what the scorecard says of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlx.evaluate.every_start_config import EveryStart
from rlx.evaluate.purging import FitSpans
from rlx.evaluate.window_rows import Row, describe_status, window_rows
from rlx.evaluate.windows import WINDOWS
from rlx.measures.distribution import describe_windows, window_metrics
from rlx.measures.evaluation import Evaluation
from rlx.measures.outliers import describe_outliers, flag_names, outlier_sides, tukey_fence
from rlx.types import FloatArray

RETURN = "cumulative_return"
EXCESS = "excess_over_equal_weight"
FLAGS = {RETURN: "outlier", EXCESS: "excess_outlier"}
"""Measure that is searched for outliers -> column of its flag."""

EQUAL_WEIGHT = "equal_weight"


def measure_every_start(
    evaluation: Evaluation, baselines: Mapping[str, Evaluation], protocol: EveryStart, fit_spans: FitSpans | None = None
) -> tuple[list[Row], dict[str, Any]]:
    """Return a row for each window, and the scorecard's block.

    Rows have ``excess_over_equal_weight`` when that was judged, and for either measure its flag, ``low``, ``high`` or
    None. The block has the distribution and the ``outliers`` of each measure, but no rows: there are too many.
    """
    windows = evaluation.sets[WINDOWS]
    measured = _searched(evaluation, baselines)
    fences = {name: tukey_fence(values, protocol.fence_iqrs) for name, values in measured.items()}
    flags = {FLAGS[name]: flag_names(outlier_sides(values, fences[name])) for name, values in measured.items()}
    excess = {EXCESS: measured[EXCESS]} if EXCESS in measured else {}
    rows = window_rows(evaluation, baselines, WINDOWS, fit_spans, {**excess, **flags})
    block = {
        **describe_windows(evaluation, baselines, WINDOWS),
        "stride": 1,
        "left_out": 0,
        **describe_status(evaluation, baselines, WINDOWS, rows, fit_spans),
        "fence_iqrs": protocol.fence_iqrs,
        "outliers": {name: describe_outliers(values, fences[name], windows) for name, values in measured.items()},
    }
    return rows, block


def _searched(evaluation: Evaluation, baselines: Mapping[str, Evaluation]) -> dict[str, FloatArray]:
    """Return what is searched for outliers, (B,) each: the return and, where there is equal weight, the excess."""
    own = window_metrics(evaluation, WINDOWS)[RETURN]
    if EQUAL_WEIGHT not in baselines:
        return {RETURN: own}
    return {RETURN: own, EXCESS: own - window_metrics(baselines[EQUAL_WEIGHT], WINDOWS)[RETURN]}
