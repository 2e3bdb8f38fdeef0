"""How a number that may be undefined is written."""

from __future__ import annotations

UNDEFINED = "n/a"


def written(value: float | None, spec: str = "", undefined: str = UNDEFINED) -> str:
    """Return a number in a format of Python's; ``undefined`` for None."""
    return undefined if value is None else format(value, spec)
