"""What differs between two configurations, as one would type it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlx.untrusted.shown import as_typed

SHOWN = 4


def changes(before: Mapping[str, Any], now: Mapping[str, Any], of: str) -> str:
    """Return every key with another value ``now`` as ``KEY=NOW (OF: BEFORE)``, the first few of many; '' for none.

    A key that is missing is as good as one that is null.
    """
    changed = [key for key in dict.fromkeys([*now, *before]) if now.get(key) != before.get(key)]
    listed = ", ".join(f"{key}={_said(now, key)} ({of}: {_said(before, key)})" for key in changed[:SHOWN])
    return listed + (f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else "")


def _said(values: Mapping[str, Any], key: str) -> str:
    return as_typed(values[key]) if key in values else "none"
