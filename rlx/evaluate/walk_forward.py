"""Windows that walk over a span, one by one: a table for a file, and the part of it that the scorecard shows."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rlx.evaluate.config import Protocol, WalkForward
from rlx.evaluate.distribution import DISTRIBUTED, describe_windows, window_metrics, window_shares
from rlx.evaluate.evaluation import Evaluation
from rlx.evaluate.seen import Seen, seen_steps
from rlx.evaluate.summary import guard_metrics
from rlx.evaluate.windows import HOLDOUT, WALK_FORWARD
from rlx.plain import atomic_path, plain
from rlx.types import BoolArray

SEEN_PREFIX = "seen_"

Row = dict[str, Any]
"""One window: plain values, None for a number that does not exist."""


def measure_walk_forward(
    evaluation: Evaluation, baselines: Mapping[str, Evaluation], protocol: Protocol, seen: Seen | None = None
) -> tuple[list[Row], dict[str, Any]]:
    """Return a row for each window and the scorecard's block on them; both empty under other protocols."""
    if not isinstance(protocol, WalkForward):
        return [], {}
    rows = window_rows(evaluation, baselines, seen)
    return rows, describe_walk_forward(evaluation, baselines, rows, protocol.stride)


def window_rows(evaluation: Evaluation, baselines: Mapping[str, Evaluation], seen: Seen | None) -> list[Row]:
    """Return one row a window, in time order.

    ``window`` (from 0), ``first`` (label of the first decision's bar) and ``last`` (of the bar the last step closed
    on), ``steps``; ``seen_<name>``, its steps in each span the policy was made on, when ``seen`` is known; every
    measure of ``eval/``, ``guard/`` and ``cooldown/`` by bare name; ``<baseline>_cumulative_return``.
    """
    windows = evaluation.sets[WALK_FORWARD]
    measures = window_metrics(evaluation, WALK_FORWARD) | guard_metrics(windows.ledger)
    for name, other in baselines.items():
        measures[f"{name}_cumulative_return"] = window_metrics(other, WALK_FORWARD)["cumulative_return"]
    columns: dict[str, Any] = {
        "window": np.arange(len(windows)),
        "first": windows.timestamps[:, 0],
        "last": windows.end_timestamps[:, -1],
        "steps": np.full(len(windows), windows.steps),
        **{f"{SEEN_PREFIX}{name}": count for name, count in seen_steps(windows.timestamps, seen or {}).items()},
        **measures,
    }
    return [{name: plain(values[i]) for name, values in columns.items()} for i in range(len(windows))]


def describe_walk_forward(
    evaluation: Evaluation, baselines: Mapping[str, Evaluation], rows: list[Row], stride: int
) -> dict[str, Any]:
    """Return the scorecard's block: what the windows are, their distribution, and the measures that a table shows.

    ``left_out`` counts the decisions of the span that no window holds. ``unseen`` has the shares among the windows
    without a step of those the policy was made on, when these are known.
    """
    marks = [name for name in rows[0] if name.startswith(SEEN_PREFIX)]
    unseen = np.array([seen_in(row) == 0 for row in rows])
    shown = {"window", "first", "last", *marks, *DISTRIBUTED, *(f"{name}_cumulative_return" for name in baselines)}
    return {
        **describe_windows(evaluation, baselines, WALK_FORWARD),
        "stride": stride,
        "left_out": _left_out(evaluation, stride),
        **({"unseen": _unseen(evaluation, baselines, unseen)} if marks else {}),
        "rows": [{name: value for name, value in row.items() if name in shown} for row in rows],
    }


def seen_in(row: Row) -> int:
    """Return how many steps of a window the policy was made on, as far as that is known."""
    return sum(value for name, value in row.items() if name.startswith(SEEN_PREFIX))


def write_windows(path: str | Path, rows: list[Row]) -> None:
    """Write rows as CSV, atomically; a number that does not exist is an empty cell."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _left_out(evaluation: Evaluation, stride: int) -> int:
    windows = evaluation.sets[WALK_FORWARD]
    held = (len(windows) - 1) * min(stride, windows.steps) + windows.steps
    return evaluation.sets[HOLDOUT].steps - held


def _unseen(evaluation: Evaluation, baselines: Mapping[str, Evaluation], unseen: BoolArray) -> dict[str, Any]:
    return {"n": int(unseen.sum()), **window_shares(evaluation, baselines, WALK_FORWARD, unseen)}
