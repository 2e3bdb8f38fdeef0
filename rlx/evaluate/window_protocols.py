"""Protocols that tell of their windows one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlx.evaluate.config import Protocol, WalkForward
from rlx.evaluate.every_start import measure_every_start
from rlx.evaluate.every_start_config import EveryStart
from rlx.evaluate.purging import FitSpans
from rlx.evaluate.walk_forward import measure_walk_forward
from rlx.evaluate.window_rows import Row
from rlx.measures.evaluation import Evaluation

WINDOW_BLOCKS = ("walk_forward", "every_start")
"""Fields of the scorecard, and names of the protocols, that have rows."""


def measure_windows(
    evaluation: Evaluation, baselines: Mapping[str, Evaluation], protocol: Protocol, fit_spans: FitSpans | None = None
) -> tuple[list[Row], dict[str, dict[str, Any]]]:
    """Return a row for each window of the protocol and its block by the scorecard's field; both empty for others."""
    if isinstance(protocol, WalkForward):
        rows, block = measure_walk_forward(evaluation, baselines, protocol, fit_spans)
        return rows, {"walk_forward": block}
    if isinstance(protocol, EveryStart):
        rows, block = measure_every_start(evaluation, baselines, protocol, fit_spans)
        return rows, {"every_start": block}
    return [], {}
