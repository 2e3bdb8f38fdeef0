"""Entries of a record with chosen numbers: valid, equal and faster unless a test says otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rlx.compile_check.entry import CheckEntry, Identity, Latency, Numeric, Outcome

IDENTITY = Identity(
    subject="module=hftraining",
    settings="0123456789ab",
    data="fingerprint",
    first="2020-01-01T00:00:00",
    last="2020-12-31T00:00:00",
    steps=250,
    torch="2.15.0",
    device="cpu",
    precision="32",
    threads=1,
    compile_asked="default",
    compile_used="default",
    fallback=None,
    graph_breaks={},
)
NUMERIC = Numeric(1e-9, 1e-10, 1e-8, 0.0, 1000, 0)
LATENCY = Latency(20, 100.0, 120.0, 80.0, 90.0, 10.0, 500)
SAME = Outcome(1.0, 1.0, 1.0, -1e-9, 1e-9, 0.5)
WORSE = Outcome(1.0, 1.0, 0.5, -0.8, -0.2, 0.0005)
DIFFERENT = Numeric(1e-2, 1e-3, 1e-1, 0.0, 1000, 7)


def entry(year: int = 2020, **changes: Any) -> CheckEntry:
    """Return an entry whose window is a year; further arguments replace fields of the entry or of its identity."""
    of_identity = {name: changes.pop(name) for name in list(changes) if hasattr(IDENTITY, name)}
    window = {"first": f"{year}-01-01T00:00:00", "last": f"{year}-12-31T00:00:00"}
    base = CheckEntry(
        replace(IDENTITY, **(window | of_identity)), NUMERIC, LATENCY, {"eval/sharpe": SAME}, f"{year}-12-31"
    )
    return replace(base, **changes)


def taking(compiled_ms: float, eager_ms: float = 100.0) -> Latency:
    """Return latencies with these medians."""
    return replace(LATENCY, eager_p50_ms=eager_ms, compiled_p50_ms=compiled_ms)
