"""Lines of a scoreboard, made by hand."""

from __future__ import annotations

from typing import Any

from rlx.board.entry import Entry
from rlx.board.store import Scoreboard
from rlx.measures.statistics import EXCESS

KEY, OTHER = "0123456789ab", "ba9876543210"


def shared(key: str = KEY) -> dict[str, Any]:
    """Return what a board says once of a key."""
    span = {"first": "2020-01-02T00:00:00", "last": "2020-12-31T00:00:00", "steps": 250, "n": 1}
    costs = {"commission_bps": 0.0, "half_spread_bps": 0.0, "slippage_bps": 5.0, "per_asset_bps": None}
    data = {"source": "prices", "symbols": ["A", "B"], "frequency": "1D", "calendar": "equity", "fingerprint": "ff"}
    return {
        "key": {
            "hash": key,
            "windows": {"holdout": span},
            "periods_per_year": 252.0,
            "costs": costs,
            "limits": {"long_only": True, "closing_gross": 1.0},
            "guard": {},
            "cooldown": {},
            "execution": "close",
        },
        "data": {**data, "bars": 900, "first": "2017-01-03", "last": "2020-12-31"},
    }


def entry(target: str, score: float | None, *, benchmark: str = "first", p: float | None = None, **more: Any) -> Entry:
    """Return a line of key ``KEY`` with a score, and a p-value of not beating equal weight."""
    fields: dict[str, Any] = {
        "system": target,
        "kind": target,
        "key": KEY,
        "recorded_at": "2026-01-02T03:04:05Z",
        "days": 100,
        "metrics": {"cumulative_return": score, "sharpe": None if score is None else 10 * score},
        "intervals": {} if p is None else {EXCESS: {"p_value": p}},
    }
    return Entry(target=target, benchmark=benchmark, **{**fields, **more})


def failed(target: str, **more: Any) -> Entry:
    """Return the line of a target that could not be judged."""
    return entry(target, None, metrics={}, days=None, failure="nothing there", **more)


def document_of(board: Scoreboard) -> dict[str, Any]:
    """Return a board as files of schema 1 have it, one JSON document."""
    entries = [entry.to_dict() for entry in board.entries]
    return {"schema_version": 1, "keys": board.keys, "entries": entries}
