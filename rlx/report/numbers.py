"""How a measure is written for people: percentages, ratios and counts by its key's unit."""

from __future__ import annotations

from rlx.evaluate.measures import telemetry_key
from rlx.keys import keys

_FRACTIONS = ("fraction", "share")


def number(name: str, value: float | None) -> str:
    """Return the value of a measure, named without its prefix, as text; ``n/a`` where it does not exist."""
    if value is None:
        return "n/a"
    unit = _unit(name)
    if unit.startswith(_FRACTIONS):
        return f"{value:.2%}"
    return f"{value:.0f}" if unit == "0 or 1" else f"{value:.4g}" if unit.startswith("per ") else f"{value:.2f}"


def _unit(name: str) -> str:
    known = next((key for key in (f"eval/{name}", telemetry_key(name)) if key in keys()), None)
    return "fraction" if known is None else keys()[known].unit
