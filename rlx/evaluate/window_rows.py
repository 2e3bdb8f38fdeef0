"""The windows of a protocol one by one: a row for each, and how many of them are a test of the policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from rlx.evaluate.purging import EMBARGOED, PURGED, SEEN, UNSEEN, FitSpans, window_status
from rlx.evaluate.seen import seen_steps
from rlx.files import to_json
from rlx.measures.distribution import window_metrics, window_returns, window_shares
from rlx.measures.evaluation import Evaluation
from rlx.measures.telemetry import guard_metrics

SEEN_PREFIX = "seen_"
EXCESS = "excess_over_equal_weight"

Row = dict[str, Any]
"""One window: plain values, None for a number that is undefined."""


def window_rows(
    evaluation: Evaluation,
    baselines: Mapping[str, Evaluation],
    name: str,
    fit_spans: FitSpans | None = None,
    extra: Mapping[str, Any] | None = None,
) -> list[Row]:
    """Return one row per window of the set ``name``, in time order.

    ``window`` (from 0), ``first`` (label of the first decision's bar) and ``last`` (of the bar the last step closed
    on), ``steps``; if it is known what the policy was fitted on, ``seen_<name>``, its steps in each of those spans,
    and ``status``; the columns (B,) of ``extra``; every measure of ``eval/``, ``guard/`` and ``cooldown/`` by bare
    name; ``<baseline>_cumulative_return``.
    """
    windows = evaluation.sets[name]
    counts = {} if fit_spans is None else seen_steps(windows.timestamps, fit_spans.spans)
    measures = window_metrics(evaluation, name) | guard_metrics(windows.ledger)
    for baseline, other in baselines.items():
        measures[f"{baseline}_cumulative_return"] = window_returns(other, name)
    columns: dict[str, Any] = {
        "window": np.arange(len(windows)),
        "first": windows.timestamps[:, 0],
        "last": windows.end_timestamps[:, -1],
        "steps": np.full(len(windows), windows.steps),
        **{f"{SEEN_PREFIX}{span}": count for span, count in counts.items()},
        **({} if fit_spans is None else {"status": window_status(windows, fit_spans)}),
        **(extra or {}),
        **measures,
    }
    return [{column: to_json(values[i]) for column, values in columns.items()} for i in range(len(windows))]


def describe_status(
    evaluation: Evaluation, baselines: Mapping[str, Evaluation], name: str, rows: list[Row], fit_spans: FitSpans | None
) -> dict[str, Any]:
    """Return how many windows have each status, the required distances, and the shares among the unseen windows.

    Empty when it is not known what the policy was fitted on.
    """
    if fit_spans is None:
        return {}
    status = np.array([row["status"] for row in rows])
    return {
        "status": {one: int((status == one).sum()) for one in (UNSEEN, SEEN, PURGED, EMBARGOED)},
        "purge_steps": fit_spans.purge_steps,
        "embargo_steps": fit_spans.embargo_steps,
        "lookback_steps": fit_spans.lookback_steps,
        "unseen": {
            "n": int((status == UNSEEN).sum()),
            **window_shares(evaluation, baselines, name, status == UNSEEN),
        },
    }


def seen_in(row: Row) -> int:
    """Return how many steps of a window the policy was fitted on, as far as known."""
    return sum(value for name, value in row.items() if name.startswith(SEEN_PREFIX))
