"""Windows that walk over a span: the part of them that the scorecard shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlx.evaluate.config import WalkForward
from rlx.evaluate.purging import FitSpans
from rlx.evaluate.window_rows import SEEN_PREFIX, Row, describe_status, window_rows
from rlx.evaluate.windows import HOLDOUT, WALK_FORWARD
from rlx.measures.distribution import describe_windows
from rlx.measures.evaluation import Evaluation
from rlx.measures.performance import tagged


def measure_walk_forward(
    evaluation: Evaluation,
    baselines: Mapping[str, Evaluation],
    protocol: WalkForward,
    fit_spans: FitSpans | None = None,
) -> tuple[list[Row], dict[str, Any]]:
    """Return a row for each window, and the scorecard's block.

    The block says what the windows are, has their distribution, and of each the measures that a table shows;
    ``left_out`` counts the decisions of the span that no window holds. ``status`` and ``unseen`` tell the windows that
    are a test from others, when it is known what the policy was made on.
    """
    if fit_spans is not None:
        fit_spans = fit_spans._replace(
            purge_steps=0 if protocol.purge_steps is None else protocol.purge_steps,
            embargo_steps=0 if protocol.embargo_steps is None else protocol.embargo_steps,
        )
    rows = window_rows(evaluation, baselines, WALK_FORWARD, fit_spans)
    marks = [name for name in rows[0] if name.startswith(SEEN_PREFIX)]
    returns = [f"{name}_cumulative_return" for name in baselines]
    shown = {"window", "first", "last", *marks, "status", *tagged("windows"), *returns}
    block = {
        **describe_windows(evaluation, baselines, WALK_FORWARD),
        "stride": protocol.stride,
        "left_out": _left_out(evaluation, protocol.stride),
        **describe_status(evaluation, baselines, WALK_FORWARD, rows, fit_spans),
        "rows": [{name: value for name, value in row.items() if name in shown} for row in rows],
    }
    return rows, block


def _left_out(evaluation: Evaluation, stride: int) -> int:
    windows = evaluation.sets[WALK_FORWARD]
    held = (len(windows) - 1) * min(stride, windows.steps) + windows.steps
    return evaluation.sets[HOLDOUT].steps - held
