"""Text of the page: how to read it, what the measures mean, and what rows have in common."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

from rlx.board.standing import Group
from rlx.keys import RETIRED, keys
from rlx.measures.performance import METRICS
from rlx.report.numbers import dates

PROPER = {"psr": "PSR", "dsr": "DSR", "pnl": "PnL"}
WINDOWS = {"holdout": "hold-out", "windows": "every start index"}
BARS = {"1D": "daily", "1h": "hourly"}
GLOSSARY = ("eval/", "guard/", "cooldown/")

EXAMPLES = (
    (
        {"low": -0.6, "estimate": 0.5, "high": 1.5, "covers_zero": True},
        "covers zero (the vertical line): it may be chance",
    ),
    ({"low": 0.4, "estimate": 1.0, "high": 1.7, "covers_zero": False}, "clear of zero"),
)
"""Intervals that explain how to read their bars."""


def glossary(shown: Collection[str]) -> list[tuple[str, str]]:
    """Return name and meaning of every measure of a report; those of older entries only if they are ``shown``."""
    older = [key for name, key in RETIRED.items() if name.startswith(GLOSSARY) and _bare(name) in shown]
    logged = [*older, *(key for name, key in keys().items() if name.startswith(GLOSSARY))]
    return [(said(_bare(key.name)), f"{key.meaning} ({key.unit})") for key in logged]


def _bare(name: str) -> str:
    group, bare = name.split("/")
    return f"cooldown_{bare}" if group == "cooldown" else bare


def said(name: str) -> str:
    """Return the name of a measure in words."""
    words = re.sub(r"\b(c?)var 95\b", lambda found: f"{found[1].upper()}VaR 95%", name.replace("_", " "))
    return re.sub(r"\b[a-z]+\b", lambda found: _proper().get(found[0], found[0]), words)


@cache
def _proper() -> dict[str, str]:
    """Return the spelling of words in names: those of ``PROPER``, and metrics named after people."""
    named = {name: metric.label for name, metric in METRICS.items() if metric.label.lower() == name}
    return PROPER | {name: label for name, label in named.items() if label != name}


def heading(group: Group) -> tuple[str, str]:
    """Return the data of a group as its title, and dates, size and rules as the line below."""
    data, holdout = group.shared["data"], group.shared["key"]["windows"]["holdout"]
    parts = [
        f"{len(data['symbols'])} symbols",
        f"{BARS.get(data['frequency'], data['frequency'])} bars",
        f"{dates(holdout)} ({holdout['steps']} steps)",
        *_rules(group.shared["key"]),
    ]
    return str(data["source"] or "a panel"), ", ".join(parts)


def _rules(key: Mapping[str, Any]) -> list[str]:
    """Return a few words that distinguish comparisons on the same data."""
    costs, limits, guard = key["costs"], key["limits"], key["guard"]
    bps = sum(costs[name] for name in ("commission_bps", "half_spread_bps", "slippage_bps"))
    guards = [name for name in guard if name.endswith("_threshold") and guard[name] is not None]
    cap = limits["closing_gross"]
    return [
        f"costs {bps:g} bps" if costs["per_asset_bps"] is None else "costs by asset",
        "long only" if limits["long_only"] else "long and short",
        "gross uncapped" if cap is None else f"gross up to {cap:g}x",
        "guards on" if guards else "no guards",
    ]


def shared_by(group: Group) -> list[tuple[str, str]]:
    """Return name and text of everything that the rows of a group have in common."""
    key, data = group.shared["key"], group.shared["data"]
    lines = {
        "symbols": " ".join(data["symbols"]),
        "data": f"{data['bars']} bars, {dates(data)}, fingerprint {data['fingerprint']}",
        "steps a year": f"{key['periods_per_year']:g}",
    }
    lines |= {WINDOWS.get(name, name): _windows(part) for name, part in key["windows"].items()}
    rest = ("asset_classes", "costs", "limits", "guard", "cooldown", "accounting", "execution", "drift")
    lines |= {name: inline(key[name]) for name in rest if name in key}
    return list(lines.items())


def _windows(part: Mapping[str, Any]) -> str:
    many = "" if part["n"] == 1 else f"{part['n']} windows of "
    return f"{dates(part)}, {many}{part['steps']} steps"


def inline(value: Any) -> str:
    """Return a plain value on one line; None is written as off."""
    if isinstance(value, Mapping):
        return ", ".join(f"{said(str(name))} {inline(item)}" for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return " ".join(inline(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return "off" if value is None else str(value)
