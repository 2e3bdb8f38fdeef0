"""Lines of a scoreboard, made by hand."""

from __future__ import annotations

from typing import Any

from rlx.board.entry import Entry
from rlx.board.standing import EXCESS


def entry(target: str, score: float | None, *, benchmark: str = "first", p: float | None = None, **more: Any) -> Entry:
    """Return a line of key ``k`` with a score, and a p-value of not beating equal weight."""
    fields: dict[str, Any] = {
        "system": target,
        "kind": target,
        "key": "k",
        "recorded_at": "2026-01-02T03:04:05Z",
        "days": 100,
        "metrics": {"cumulative_return": score, "sharpe": None if score is None else 10 * score},
        "intervals": {} if p is None else {EXCESS: {"p_value": p}},
    }
    return Entry(target=target, benchmark=benchmark, **{**fields, **more})


def failed(target: str, **more: Any) -> Entry:
    """Return the line of a target that could not be judged."""
    return entry(target, None, metrics={}, days=None, failure="nothing there", **more)
