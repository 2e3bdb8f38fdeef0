"""How a measure is written for people, as a percentage, ratio or count by the unit of its key; and dates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlx.keys import known_key
from rlx.measures.metric import UNDEFINED, Metric
from rlx.measures.telemetry import telemetry_key

_FRACTIONS = ("fraction", "share")


def number(name: str, value: float | None) -> str:
    """Return the value of a measure, named without its prefix, as text; ``n/a`` if it is undefined."""
    if value is None:
        return UNDEFINED
    if is_fraction(name):
        return f"{value:.2%}"
    unit = _unit(name)
    return f"{value:.0f}" if unit == "0 or 1" else f"{value:.4g}" if unit.startswith("per ") else f"{value:.2f}"


def is_fraction(name: str) -> bool:
    """Return whether a measure is written in percent; true for one that no installed package declares."""
    return _unit(name).startswith(_FRACTIONS)


def meaning(name: str) -> str:
    """Return what a logged key means, and its unit; '' for a key of a package that is not installed."""
    key = known_key(name)
    return "" if key is None else f"{key.meaning} ({key.unit})"


def spelt_out(metric: Metric) -> str:
    """Return the heading of a metric without its slash: "turnover a step"."""
    return metric.heading.replace("/", " a ")


def dates(span: Mapping[str, Any]) -> str:
    """Return the dates of a span with ``first`` and ``last``: "2024-01-02 to 2024-12-31"."""
    return f"{span['first'][:10]} to {span['last'][:10]}"


def comparison(holdout: Mapping[str, Any], key: str) -> str:
    """Return what distinguishes a comparison: the dates and steps of its hold-out, and the hash of its key."""
    return f"{dates(holdout)}, {holdout['steps']} steps, key {key}"


def capital(words: str) -> str:
    """Return text with a capital first letter."""
    return words[:1].upper() + words[1:]


def in_words(metric: Metric, value: float | None) -> str:
    """Return a metric and its number as part of a sentence: "Sharpe 1.20", "5.00% a year", "turnover 1.00% a step"."""
    text, (what, _, each) = number(metric.name, value), metric.heading.partition("/")
    if what.startswith("a "):
        return f"{text} {what}"
    return f"{what} {text} a {each}" if each else f"{what} {text}"


def _unit(name: str) -> str:
    known = known_key(f"eval/{name}") or known_key(telemetry_key(name))
    return "fraction" if known is None else known.unit
