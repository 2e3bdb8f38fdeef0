"""Whether plain values have the types that their reader takes for granted, and where they do not."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

from rlx.errors import FileError
from rlx.untrusted.shown import brief

LARGEST_WHOLE = 2**63  # beyond it a whole number fits no array
SHOWN = 80


class Misfit(NamedTuple):
    """The place of a value that does not fit, the value, and what is expected there."""

    key: str
    found: Any
    expected: str


def require(value: Any, hint: Any, name: str, key: str = "") -> Any:
    """Return ``value`` when it is of the type ``hint``; FileError, with the file's ``name`` and the key, otherwise.

    Hints are those of plain values: ``Any``, None, bool, int, float, str, unions of them, lists, tuples, sequences,
    mappings with text keys, and TypedDicts, which may have more keys than they name. A bool is no number, a whole
    number is a float too, and no whole number is beyond 2**63, no float not finite.
    """
    bad = misfit(value, hint, key)
    if bad is not None:
        raise FileError(f"{name}: {bad.key or 'its content'} is {shown(bad.found)}, expected {bad.expected}.")
    return value


def shown(value: Any) -> str:
    """Return a value as a message shows it: on one line, cut where it is long."""
    text = "missing" if value is _ABSENT else ascii(value) if isinstance(value, str) else repr(value)
    return brief(text, SHOWN)


_ABSENT = object()
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", type(None): "null"}


def misfit(value: Any, hint: Any, key: str = "") -> Misfit | None:
    """Return the first place in ``value`` that is not as ``hint`` says, None when there is none."""
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return None
    if origin in (Union, types.UnionType):
        found = [misfit(value, one, key) for one in inner]
        if None in found:
            return None
        deeper = next((one for one in found if one is not None and one.key != key), None)
        return deeper or Misfit(key, value, " or ".join(dict.fromkeys(one.expected for one in found if one)))
    if is_typeddict(hint):
        return _of_fields(value, hint, key)
    if origin in (list, tuple, Sequence):
        return _of_items(value, inner[0], key)
    if origin in (dict, Mapping):
        return _of_mapping(value, inner[1], key)
    return None if _is_plain(value, hint) else Misfit(key, value, _WORDS[hint or type(None)])


def _is_plain(value: Any, hint: Any) -> bool:
    if hint in (None, type(None)):
        return value is None
    if hint is float and type(value) is float:
        return math.isfinite(value)
    if hint in (int, float):
        return type(value) is int and abs(value) < LARGEST_WHOLE
    return type(value) is hint


def _of_items(value: Any, item: Any, key: str) -> Misfit | None:
    if not isinstance(value, (list, tuple)):
        return Misfit(key, value, "a list")
    return next((bad for i, one in enumerate(value) if (bad := misfit(one, item, f"{key}[{i}]"))), None)


def _of_mapping(value: Any, item: Any, key: str) -> Misfit | None:
    """Compare a mapping with the hint for all of its values; ``Any`` leaves its keys."""
    if not isinstance(value, Mapping):
        return Misfit(key, value, "a mapping")
    if odd := [name for name in value if not isinstance(name, str)]:
        return Misfit(key, odd[0], "text for every name in it")
    return next((bad for name, one in value.items() if (bad := misfit(one, item, below(key, name)))), None)


def _of_fields(value: Any, hint: Any, key: str) -> Misfit | None:
    """Compare a mapping with the fields of a TypedDict."""
    if bad := _of_mapping(value, Any, key):
        return bad
    for name, one in get_type_hints(hint, include_extras=True).items():  # annotations may be text, marks and all
        mark: Any = get_origin(one)
        if name not in value and mark is not NotRequired:
            return Misfit(below(key, name), _ABSENT, _expected(one))
        inner = get_args(one)[0] if mark is NotRequired else one
        if name in value and (bad := misfit(value[name], inner, below(key, name))):
            return bad
    return None


def _expected(hint: Any) -> str:
    """Return in words what ``hint`` takes, by what it says of something that nothing takes."""
    bad = misfit(_ABSENT, hint)
    return "something" if bad is None else bad.expected


def below(key: str, name: str) -> str:
    """Return the key of ``name`` in the mapping at ``key``, as a message shows it."""
    safe = name if name.isascii() and name.isprintable() and len(name) <= SHOWN else shown(name)
    return f"{key}.{safe}" if key else safe
