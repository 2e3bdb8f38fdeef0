"""The differences between two configurations, as they would be typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlx.untrusted.shown import as_typed

SHOWN = 4


def changes(before: Mapping[str, Any], now: Mapping[str, Any], of: str) -> str:
    """Return every changed key as ``KEY=NOW (OF: BEFORE)``, at most the first few; '' for none.

    A missing key equals a null one.
    """
    changed = [key for key in dict.fromkeys([*now, *before]) if now.get(key) != before.get(key)]
    listed = ", ".join(f"{key}={_said(now, key)} ({of}: {_said(before, key)})" for key in changed[:SHOWN])
    return listed + (f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else "")


def _said(values: Mapping[str, Any], key: str) -> str:
    return as_typed(values[key]) if key in values else "none"
