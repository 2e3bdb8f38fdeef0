"""How a measure is written for people: percentages, ratios and counts by its key's unit."""

from __future__ import annotations

from rlx.keys import KEYS

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
    for key in (f"eval/{name}", f"guard/{name}", f"cooldown/{name.removeprefix('cooldown_')}"):
        if key in KEYS:
            return KEYS[key].unit
    return "fraction"
