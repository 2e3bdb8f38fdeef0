"""Checks that plain values have the types their reader expects, and the first place where they do not."""

from __future__ import annotations

import dataclasses
import math
import re
import types
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Annotated, Any, NamedTuple, NotRequired, TypeVar, Union, get_args, get_origin, get_type_hints

from rlx.errors import FileError
from rlx.untrusted.shown import LONGEST, shown

LARGEST_WHOLE = 2**63  # larger whole numbers fit into no array
NAME = r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,99}"  # of anything that may become the name of a file
YEARS = range(1678, 2262)  # the complete years that datetime64[ns] can represent

T = TypeVar("T")


class Rule(NamedTuple):
    """An additional condition on a value of the right type; ``what`` is the end of "expected ..."."""

    what: str
    holds: Callable[[Any], object]

    def describe(self) -> str:
        """Return the end of "expected ..."."""
        return self.what


def items(fewest: int = 0, most: int = 100_000) -> Rule:
    """Return the rule for lists with that many items."""
    return Rule(f"a list of {fewest:,} to {most:,} items", lambda value: fewest <= len(value) <= most)


def matching(pattern: str, what: str) -> Rule:
    """Return the rule for text that ``pattern`` matches completely."""
    return Rule(what, re.compile(pattern, re.ASCII).fullmatch)


def dated(pattern: str, example: str) -> Rule:
    """Return the rule for text that ``pattern`` matches completely, and that is a day or time of the calendar.

    A time stamp in nanoseconds outside ``YEARS`` would silently become another one.
    """
    compiled = re.compile(pattern, re.ASCII)

    def holds(text: str) -> bool:
        try:
            return compiled.fullmatch(text) is not None and datetime.fromisoformat(text).year in YEARS
        except ValueError:
            return False

    return Rule(f"a date such as {example}", holds)


Finite = Annotated[float, Rule("a number below 1e100", lambda value: abs(value) <= 1e100)]
"""A number within a bound that no measure comes near, so that its square is still a float."""
Measure = Finite | None
Count = Annotated[int, Rule("a whole number from 0 to 2**53", lambda value: 0 <= value <= 2**53)]
Words = Annotated[str, Rule("text of at most 20,000 characters", lambda value: len(value) <= 20_000)]
Nothing = Annotated[dict[str, Any], Rule("nothing", lambda value: not value)]
Stamp = Annotated[str, dated(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?", "2026-01-31T12:00:00")]


class Mismatch(NamedTuple):
    """The place of a value that does not fit, the value, and the expected type."""

    key: str
    found: Any
    expected: str


def require(value: Any, hint: Any, name: str, key: str = "") -> Any:
    """Return ``value`` when it is of the type ``hint``; FileError, with the file's ``name`` and the key, otherwise.

    Hints are those of plain values: ``Any``, None, bool, int, float, str, unions of them, lists, sequences, tuples,
    mappings with text keys, TypedDicts, and dataclasses as converted by ``asdict``; a mapping may have further fields.
    In ``Annotated`` the type comes first, followed by objects with ``holds``, such as a ``Rule`` or a range of the
    configuration, and further types. A bool is not a number, a whole number is also a float, whole numbers are below
    2**63, and floats are finite.
    """
    bad = find_mismatch(value, hint, key)
    if bad is not None:
        found = "missing" if bad.found is _ABSENT else shown(bad.found)
        raise FileError(f"{name}: {bad.key or 'its content'} is {found}, expected {bad.expected}.")
    return value


def require_fields(kind: Callable[..., T], data: Any, name: str, key: str = "", *, closed: bool = True) -> T:
    """Return the dataclass object with the fields of a mapping; FileError as ``require`` raises it.

    Fields with a default may be missing. FileError too for an unknown field where the mapping is ``closed``.
    """
    require(data, dict[str, Any], name, key)
    hints = _fields(kind)
    if closed and (unknown := sorted(data.keys() - hints.keys())):
        raise FileError(f"{name}: {member(key, unknown[0])} is {shown(data[unknown[0]])}, which is an unknown field.")
    given = require({**_defaults(kind), **data}, kind, name, key)
    tuples = {field: tuple(given[field]) for field, (hint, _) in hints.items() if _is_tuple(hint)}
    return kind(**{field: given[field] for field in hints} | tuples)


def _is_tuple(hint: Any) -> bool:
    return get_origin(get_args(hint)[0] if get_origin(hint) is Annotated else hint) is tuple


def _defaults(kind: Any) -> dict[str, Any]:
    own = dataclasses.fields(kind)
    made = {field.name: field.default_factory() for field in own if callable(field.default_factory)}
    return made | {field.name: field.default for field in own if field.default is not dataclasses.MISSING}


_ABSENT = object()
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", type(None): "null"}


def find_mismatch(value: Any, hint: Any, key: str = "") -> Mismatch | None:
    """Return the first place in ``value`` that does not match ``hint``; None when there is none."""
    if hint is None or (type(hint) is type and hint in _WORDS):  # the common case: the others take longer
        return None if _is_plain(value, hint) else Mismatch(key, value, _WORDS[hint or type(None)])
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return None
    if origin is Annotated:
        return next((bad for one in inner if (bad := _of_part(value, one, key))), None)
    if origin in (Union, types.UnionType):
        return _of_union(value, inner, key)
    if origin in (list, tuple, Sequence):
        return _of_items(value, inner, key)
    if origin in (dict, Mapping):
        return _of_mapping(value, inner[1], key)
    return _of_fields(value, hint, key)


def _is_plain(value: Any, hint: Any) -> bool:
    if hint in (None, type(None)):
        return value is None
    if hint is float and type(value) is float:
        return math.isfinite(value)
    if hint in (int, float):
        return type(value) is int and abs(value) < LARGEST_WHOLE
    return type(value) is hint


def _of_part(value: Any, part: Any, key: str) -> Mismatch | None:
    """Compare a value with one part of ``Annotated``: a type or a condition."""
    if not hasattr(part, "holds"):
        return find_mismatch(value, part, key)
    return None if part.holds(value) else Mismatch(key, value, part.describe())


def _of_union(value: Any, hints: Sequence[Any], key: str) -> Mismatch | None:
    """Compare a value with each hint; where it fits none, a mismatch inside it is more informative than its type."""
    found = [bad for one in hints if (bad := find_mismatch(value, one, key))]
    if len(found) < len(hints):
        return None
    deeper = next((bad for bad in found if bad.key != key), None)
    return deeper or Mismatch(key, value, " or ".join(dict.fromkeys(bad.expected for bad in found)))


def _of_items(value: Any, hints: Sequence[Any], key: str) -> Mismatch | None:
    """Compare a list with the hint for all of its items, or with one for each."""
    if not isinstance(value, (list, tuple)):
        return Mismatch(key, value, "a list")
    each = hints if len(hints) > 1 and hints[-1] is not ... else [hints[0]] * len(value)
    if len(each) != len(value):
        return Mismatch(key, value, f"a list of {len(each)}")
    pairs = enumerate(zip(value, each, strict=True))
    return next((bad for i, (one, hint) in pairs if (bad := find_mismatch(one, hint, f"{key}[{i}]"))), None)


def _of_mapping(value: Any, item: Any, key: str) -> Mismatch | None:
    """Compare a mapping with the hint for all of its values; ``Any`` leaves its keys."""
    if not isinstance(value, Mapping):
        return Mismatch(key, value, "a mapping")
    if odd := [name for name in value if not isinstance(name, str)]:
        return Mismatch(key, odd[0], "text for every name in it")
    if item is Any:
        return None
    return next((bad for name, one in value.items() if (bad := find_mismatch(one, item, member(key, name)))), None)


def _of_fields(value: Any, hint: Any, key: str) -> Mismatch | None:
    """Compare a mapping with the fields of a TypedDict or of a dataclass."""
    if bad := _of_mapping(value, Any, key):
        return bad
    for name, (inner, needed) in _fields(hint).items():
        if name not in value and needed:
            bad = find_mismatch(_ABSENT, inner)
            return Mismatch(member(key, name), _ABSENT, "something" if bad is None else bad.expected)
        if name in value and (bad := find_mismatch(value[name], inner, member(key, name))):
            return bad
    return None


@cache
def _fields(hint: Any) -> dict[str, tuple[Any, bool]]:
    """Return the hint of every field of a TypedDict or a dataclass, and whether it must be there."""
    hints = get_type_hints(hint, include_extras=True)  # annotations may be text
    needed = getattr(hint, "__required_keys__", hints.keys())
    marked = {name for name, one in hints.items() if get_origin(one) is NotRequired}
    return {n: (get_args(one)[0] if n in marked else one, n in needed and n not in marked) for n, one in hints.items()}


def member(key: str, name: str) -> str:
    """Return the key of ``name`` in the mapping at ``key``, as a message shows it."""
    safe = name if name.isascii() and name.isprintable() and len(name) <= LONGEST else shown(name)
    return f"{key}.{safe}" if key else safe
