"""Wrong values and damaged files, made from right ones."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

import pytest

EXHAUSTIVE = (pytest.mark.exhaustive, pytest.mark.slow)
"""Marks a test that tries each damage in each place where a test of the default run tries a covering sample."""
WRONG_VALUES: tuple[Any, ...] = (
    None,
    True,
    "",
    "text",
    "[/b]\n<script>",
    "../../outside",
    -1,
    10**30,
    1e300,
    [],
    [None],
    {},
    {"_target_": "os.system"},
)
"""One of every kind that a JSON or YAML file can hold in a place where something else is expected."""


def kind_of(value: Any) -> str:
    """Return what a wrong value is, in a word."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "huge" if value > 0 else "negative"
    return {type(None): "null", bool: "flag", str: "text", list: "list", dict: "object"}[type(value)]


STRING_OR_NUMBER = r'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*'


def damaged_bytes(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield (what was done, the bytes) for a file of any kind: cut, flipped, emptied, replaced."""
    yield "empty", b""
    yield "one byte", data[:1]
    yield "half", data[: len(data) // 2]
    yield "without its end", data[:-1]
    yield "zeros", bytes(len(data))
    yield "twice", data + data
    yield "line breaks", b"\n" * 50
    yield "not text", b"\xff\xfe\x00\xd8" + data
    for share in (0.1, 0.5, 0.9):
        place = int(share * len(data))
        yield f"a byte flipped at {share:.0%}", data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]


REMOVED = object()


class Change(NamedTuple):
    """One damage to a document: its description, the place, and the wrong value or REMOVED."""

    what: str
    path: tuple[Any, ...]
    value: Any


def changes(document: Any) -> Iterator[Change]:
    """Yield every damage to plain values: each leaf and branch removed, or replaced by each wrong value."""
    for path in _paths(document):
        name = ".".join(map(str, path)) or "the whole"
        if path:
            yield Change(f"{name} missing", path, REMOVED)
        for value in WRONG_VALUES:
            yield Change(f"{name} = {json.dumps(value)}", path, value)


def damaged_documents(document: Any, sampled: bool = False) -> Iterator[tuple[str, Any]]:
    """Yield (what was done, a copy) for every leaf and branch of plain values: taken out or replaced.

    The copies share what was not changed: they are for writing down, not for changing. A sample has every place
    missing and with every fourth wrong value, which are others in the next place: each value is in a fourth of them.
    """
    kept = _sampled(changes(document)) if sampled else changes(document)
    for what, path, value in kept:
        yield what, _changed(document, path, value)


STRIDE = 4


def _sampled(damage: Iterable[Change]) -> Iterator[Change]:
    for place, (_, group) in enumerate(groupby(damage, key=attrgetter("path"))):
        missing, values = [], []
        for change in group:
            (missing if change.value is REMOVED else values).append(change)
        yield from (*missing, *values[place % STRIDE :: STRIDE])


def damaged_together(document: Any, damage: Iterable[Change]) -> Iterator[Any]:
    """Yield few copies that have all of ``damage`` between them, each as many changes as do not touch one another."""
    left = list(damage)
    while left:
        result, touched, later = document, _Touched(), []
        for change in left:
            if touched.add(change, document):
                result = _changed(result, change.path, change.value)
            else:
                later.append(change)
        yield result
        left = later


class _Touched:
    """The places of a document that were changed."""

    def __init__(self) -> None:
        self._changed: set[tuple[Any, ...]] = set()
        self._above: set[tuple[Any, ...]] = set()

    def add(self, change: Change, document: Any) -> bool:
        """Note a change, and return whether it is independent of all before; an item removed moves those behind it."""
        path = change.path
        for name in path[:-1]:
            document = document[name]
        if change.value is REMOVED and isinstance(document, list):
            path = path[:-1]
        above = {path[:length] for length in range(len(path))}
        if path in self._changed | self._above or above & self._changed:
            return False
        self._changed.add(path)
        self._above |= above
        return True


def odd_json(text: str) -> Iterator[tuple[str, str]]:
    """Yield (what was done, the text) for JSON that plain values cannot express; the text must hold a number."""
    yield "deep", '{"a":' * 100_000 + "1" + "}" * 100_000
    yield "many digits", "[" + "9" * 100_000 + "]"
    for odd in ("NaN", "Infinity", "-Infinity", "1e999"):
        yield f"{odd} for a number", _number_replaced(text, odd)
    yield "half a surrogate", text.replace('"', '"\\ud800', 1)
    yield "a list around it", f"[{text}]"


def damaged_json(document: Any, sampled: bool = False) -> Iterator[tuple[str, bytes]]:
    """Yield (what was done, the file) for a JSON file: its leaves and branches, what no plain values are, its bytes.

    A sample has fewer values in each leaf and branch, as ``damaged_documents``.
    """
    text = json.dumps(document)
    for what, changed in damaged_documents(document, sampled):
        yield what, json.dumps(changed).encode()
    for what, odd in odd_json(text):
        yield what, odd.encode()
    yield from damaged_bytes(text.encode())


def _number_replaced(text: str, odd: str) -> str:
    numbers = (match for match in re.finditer(STRING_OR_NUMBER, text) if not match[0].startswith('"'))
    first, end = next(numbers).span()
    return text[:first] + odd + text[end:]


def _paths(document: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield above
    if isinstance(document, dict):
        for name, value in document.items():
            yield from _paths(value, (*above, name))
    elif isinstance(document, list):
        for index, value in enumerate(document[:2]):  # all items of a list are read by the same code
            yield from _paths(value, (*above, index))


def _changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return a copy of what lies on the path; all the rest is shared, which is what keeps a thousand copies cheap."""
    if not path:
        return value
    name, *rest = path
    result = copy.copy(document)
    if rest:
        result[name] = _changed(document[name], tuple(rest), value)
    elif value is REMOVED:
        del result[name]
    else:
        result[name] = value
    return result
