"""The allowed range of a configuration value: declared next to its field, checked and described in one place.

A field declares it in its annotation, ``window: Annotated[int, Whole(1, 10_000)] = 42``, and ``check_fields`` in
``__post_init__`` checks all fields of an object. A subclass that only changes the default keeps the range.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any, Protocol, get_args, get_origin, get_type_hints

from rlx.errors import ConfigError, did_you_mean
from rlx.untrusted.shown import as_typed

LONGEST_TEXT = 4_096  # longest path of an operating system


class Allowed(Protocol):
    """The range of a value."""

    def holds(self, value: Any) -> bool:
        """Return whether ``value`` is allowed."""

    def describe(self) -> str:
        """Return the end of "must be ..."."""


@dataclass(frozen=True)
class Whole:
    """A whole number from ``low`` to ``high``, both allowed; true and false are not numbers."""

    low: int
    high: int

    def holds(self, value: Any) -> bool:
        """Return whether ``value`` is such a number."""
        return isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high

    def describe(self) -> str:
        """Return the end of "must be ..."."""
        return f"a whole number between {self.low} and {self.high}"


@dataclass(frozen=True)
class Number:
    """A number from ``low`` to ``high``, both allowed; NaN is in no range."""

    low: float
    high: float

    def holds(self, value: Any) -> bool:
        """Return whether ``value`` is such a number."""
        return isinstance(value, (int, float)) and not isinstance(value, bool) and self.low <= value <= self.high

    def describe(self) -> str:
        """Return the end of "must be ..."."""
        return f"between {_plain(self.low)} and {_plain(self.high)}"


@dataclass(frozen=True)
class OneOf:
    """One of a few texts."""

    options: tuple[str, ...]

    def holds(self, value: Any) -> bool:
        """Return whether ``value`` is one of them."""
        return isinstance(value, str) and value in self.options

    def describe(self) -> str:
        """Return the end of "must be ..."."""
        return f"one of {', '.join(self.options)}"


@dataclass(frozen=True)
class Text:
    """A text of at least one and at most ``longest`` characters, none of ``without`` and no control character."""

    longest: int = LONGEST_TEXT
    without: str = ""
    shortest: int = 1

    def holds(self, value: Any) -> bool:
        """Return whether ``value`` is such a text."""
        right = isinstance(value, str) and self.shortest <= len(value) <= self.longest
        return right and not re.search(r"[\x00-\x1f\x7f]", value) and not set(value) & set(self.without)

    def describe(self) -> str:
        """Return the end of "must be ..."."""
        without = f" and none of {' '.join(self.without)}" if self.without else ""
        return f"a text of {self.shortest} to {self.longest} characters, without line breaks{without}"


@dataclass(frozen=True)
class FilePath(Text):
    """The path of a file or folder; on the command line it may begin with ``~`` and have any character unquoted."""


@dataclass(frozen=True)
class ListOf:
    """A list of ``fewest`` to ``most`` items, each allowed by ``item``."""

    item: Whole | Number | OneOf | Text
    fewest: int = 0
    most: int = 1_000

    def holds(self, value: Any) -> bool:
        """Return whether ``value`` is such a list."""
        right = isinstance(value, Sequence) and not isinstance(value, str) and self.fewest <= len(value) <= self.most
        return right and all(self.item.holds(item) for item in value)

    def describe(self) -> str:
        """Return the end of "must be ..."."""
        return f"a list of {self.fewest} to {self.most}, each {self.item.describe()}"


def check(key: str, value: Any, allowed: Allowed, *, optional: bool = False) -> None:
    """Raise ConfigError unless ``value`` of ``key`` is allowed, or None if ``optional``."""
    if (value is None and optional) or allowed.holds(value):
        return
    near = did_you_mean(as_typed(value), allowed.options) if isinstance(allowed, OneOf) else ""
    end = ", or null" if optional else ""
    raise ConfigError(f"{key}={as_typed(value)}: must be {allowed.describe()}{end}.{near}")


def check_fields(owner: Any, prefix: str) -> None:
    """Check every field of a dataclass object against its declared range; keys are ``prefix.name``."""
    kind: Any = type(owner)
    for name, (allowed, optional) in declared(kind).items():
        check(f"{prefix}.{name}" if prefix else name, getattr(owner, name), allowed, optional=optional)


def check_options(owner: Any) -> None:
    """Check every field of a dataclass object, whose fields are options such as ``--min-steps``, against its range."""
    kind: Any = type(owner)
    for name, (allowed, optional) in declared(kind).items():
        check(f"--{name.replace('_', '-')}", getattr(owner, name), allowed, optional=optional)


@cache
def declared(schema: Any) -> dict[str, tuple[Allowed, bool]]:
    """Return the declared range of every field of a dataclass, and whether None is allowed as well."""
    found = {}
    for field in fields(schema):
        declarations = (_declared_in(klass, field.name) for klass in schema.__mro__)
        if (first := next((one for one in declarations if one is not None), None)) is not None:
            found[field.name] = first
    return found


def _declared_in(klass: type, name: str) -> tuple[Allowed, bool] | None:
    if name not in vars(klass).get("__annotations__", {}):
        return None
    hint = get_type_hints(klass, include_extras=True)[name]
    if get_origin(hint) is not Annotated:
        return None
    kind, allowed = get_args(hint)[:2]
    return allowed, type(None) in get_args(kind)


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() and abs(number) < 1e15 else f"{number:g}"
