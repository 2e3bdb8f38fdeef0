"""Plain values of a file held to a declared shape: the first of another one is named, with what is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from rlx.errors import FileError
from rlx.untrusted.escape import one_line
from rlx.untrusted.shown import brief

Shape = Callable[[Any, str], None]
"""Takes a value and where it stands (``entries[3].metrics.sharpe``); raises FileError when it is something else."""

LARGEST = 1e100  # no measure comes near it, and its square is still a float
LONGEST_TEXT = 20_000
MOST_ITEMS = 100_000


def number(low: float = -LARGEST, high: float = LARGEST) -> Shape:
    """Return the shape of a number from ``low`` to ``high``."""
    bounds = "" if (low, high) == (-LARGEST, LARGEST) else f" from {low:g} to {high:g}"

    def check(value: Any, place: str) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise misfit(value, place, f"a number{bounds or ' below 1e100'}")

    return check


def whole(low: int = 0, high: int = 2**53) -> Shape:
    """Return the shape of a whole number from ``low`` to ``high``."""

    def check(value: Any, place: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise misfit(value, place, f"a whole number from {low} to {high}")

    return check


def text(pattern: str = "", what: str = "text") -> Shape:
    """Return the shape of text, ``what`` in words, that ``pattern`` matches as a whole if there is one."""
    compiled = re.compile(pattern) if pattern else None

    def check(value: Any, place: str) -> None:
        if not isinstance(value, str) or len(value) > LONGEST_TEXT or not (not compiled or compiled.fullmatch(value)):
            raise misfit(value, place, what)

    return check


def flag(value: Any, place: str) -> None:
    """Hold a value to true or false."""
    if not isinstance(value, bool):
        raise misfit(value, place, "true or false")


def anything(value: Any, place: str) -> None:
    """Let every plain value pass."""


def one_of(*options: str) -> Shape:
    """Return the shape of one of a few texts."""

    def check(value: Any, place: str) -> None:
        if value not in options or not isinstance(value, str):
            raise misfit(value, place, f"one of {', '.join(options)}")

    return check


def or_null(shape: Shape) -> Shape:
    """Return a shape that null has too."""

    def check(value: Any, place: str) -> None:
        if value is not None:
            shape(value, place)

    return check


def listed(shape: Shape, least: int = 0, most: int = MOST_ITEMS) -> Shape:
    """Return the shape of a list of ``least`` to ``most`` items."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise misfit(value, place, f"a list of {least:,} to {most:,} items")
        for index, item in enumerate(value):
            shape(item, f"{place}[{index}]")

    return check


def mapped(shape: Shape) -> Shape:
    """Return the shape of an object whose every value has ``shape``, whatever its name."""

    def check(value: Any, place: str) -> None:
        for name, item in _object(value, place).items():
            shape(item, _at(place, name))

    return check


def record(needed: Mapping[str, Shape], known: Mapping[str, Shape] | None = None, *, closed: bool = False) -> Shape:
    """Return the shape of an object that has every ``needed`` field, and nothing unknown when it is ``closed``."""
    shapes = {**needed, **(known or {})}

    def check(value: Any, place: str) -> None:
        there = _object(value, place)
        if missing := [name for name in needed if name not in there]:
            raise FileError(f"{_at(place, missing[0])}: missing")
        if closed and (unknown := [name for name in there if name not in shapes]):
            raise FileError(f"{_at(place, unknown[0])}: no such field is known")
        for name, shape in shapes.items():
            if name in there:
                shape(there[name], _at(place, name))

    return check


def misfit(value: Any, place: str, allowed: str) -> FileError:
    """Return the error of a value that is not what is allowed."""
    return FileError(f"{place or 'the document'}={brief(repr(value))}: must be {allowed}")


def _object(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise misfit(value, place, "an object")
    return value


def _at(place: str, name: str) -> str:
    return f"{place}.{one_line(name)}" if place else one_line(name)
