"""JSON and YAML from files: plain values of limited depth and size."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import yaml

from rlx.errors import FileError
from rlx.untrusted.shown import brief, reason
from rlx.untrusted.text import MAX_FILE_BYTES, read_text

MAX_DEPTH = 50
MAX_YAML_BYTES = 2 * 2**20  # the parser needs a minute for more
MAX_FACTS_BYTES = 16 * 2**20  # of the JSON file that weights belong to
MAX_YAML_VALUES = 20_000  # with every alias expanded; a run's configuration has a few hundred
MAX_DIGITS = 400  # a float has at most 309 before its point

_EVENTS = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C where available
_SURROGATE = re.compile(r"\\u[dD]|[\ud800-\udfff]")

Hook = Callable[[list[tuple[str, Any]]], Any]


def parse_json(text: str, name: str | os.PathLike[str], hook: Hook | None = None) -> Any:
    """Return the value of a JSON text; FileError, with ``name``, when it is invalid or nests too deep.

    NaN, Infinity and numbers beyond a float are refused, because JSON has none, and so are lone surrogates, which
    cannot be written to a file. ``hook`` makes an object from its pairs, like ``object_pairs_hook`` of ``json``; it
    raises ValueError with the reason if it cannot.
    """
    try:
        value = json.loads(
            text,
            object_pairs_hook=hook,
            parse_constant=partial(_no_constant, text),
            parse_int=_whole,
            parse_float=_finite,
        )
    except RecursionError as error:
        raise _too_deep(name) from error
    except ValueError as error:
        raise FileError(f"{os.fspath(name)}: not a JSON document ({reason(error)}).") from error
    _refuse_depth(value, name)
    if _SURROGATE.search(text):  # few texts have one, and checking all values takes longer than parsing
        _refuse_unwritable(value, name, "JSON")
    return value


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object's members, as a ``hook``; ValueError for a repeated name, where the last would win."""
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise ValueError(f"'{brief(name)}' appears twice in one object")
        members[name] = value
    return members


def read_json(path: str | os.PathLike[str], hook: Hook | None = None, limit: int = MAX_FILE_BYTES) -> Any:
    """Return the value of a JSON file; FileError and OSError as ``parse_json`` and ``read_text`` raise them."""
    return parse_json(read_text(path, limit), path, hook)


def parse_yaml(text: str, name: str | os.PathLike[str]) -> Any:
    """Return the plain value of a YAML text; FileError, with ``name``, when it is invalid.

    Also refused: text that is too large with every alias expanded (a few lines of nested aliases make a billion
    values), nests too deep or in itself, has lone surrogates, or tags that would build objects.
    """
    if len(text) > MAX_YAML_BYTES:
        raise FileError(f"{os.fspath(name)}: has more than {MAX_YAML_BYTES / 2**20:g} MiB of YAML, which is not read.")
    try:
        _refuse_bombs(yaml.parse(text, Loader=_EVENTS), name)
        value = yaml.load(text, Loader=_loader())
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise FileError(f"{os.fspath(name)}: not a YAML document ({reason(error)}).") from error
    _refuse_unwritable(value, name, "YAML")
    return value


def read_yaml(path: str | os.PathLike[str]) -> Any:
    """Return the plain value of a YAML file; FileError and OSError as ``parse_yaml`` and ``read_text`` raise them."""
    return parse_yaml(read_text(path, MAX_YAML_BYTES), path)


def _refuse_bombs(events: Iterable[yaml.Event], name: str | os.PathLike[str]) -> None:
    """Check a YAML text without building anything, and raise FileError for content that must not be built."""
    open_nodes: list[tuple[str | None, int]] = []  # anchor, and how many values there were before it
    anchored: dict[str | None, int] = {}  # values in the node of an anchor, aliases written out
    values = 0
    for event in events:
        before, values = values, values + 1
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in anchored:
                raise FileError(
                    f"{os.fspath(name)}: *{event.anchor} refers to itself or to nothing. No such file is read."
                )
            values = before + anchored[event.anchor]
        elif isinstance(event, yaml.ScalarEvent):
            anchored[event.anchor] = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, before))
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, since = open_nodes.pop()
            anchored[anchor] = values - since
        if len(open_nodes) > MAX_DEPTH:
            raise _too_deep(name)
        if values > MAX_YAML_VALUES:
            raise FileError(f"{os.fspath(name)}: has more than {MAX_YAML_VALUES:,} values, which is not read.")


def _loader() -> Any:
    """Return OmegaConf's YAML loader: plain values only, ``1e3`` a number, a repeated key an error."""
    from omegaconf._utils import get_yaml_loader

    return get_yaml_loader()


def _refuse_depth(value: Any, name: str | os.PathLike[str]) -> None:
    level = _inner([value])
    for _ in range(MAX_DEPTH):
        level = _inner(item for one in level for item in (one.values() if isinstance(one, dict) else one))
    if level:
        raise _too_deep(name)


def _inner(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if isinstance(value, (dict, list))]


def _too_deep(name: str | os.PathLike[str]) -> FileError:
    return FileError(f"{os.fspath(name)}: nests more than {MAX_DEPTH} levels deep. No such file is read.")


def _refuse_unwritable(value: Any, name: str | os.PathLike[str], kind: str) -> None:
    """Raise FileError for text that no file can contain, and for whole numbers (YAML's 0xfff...) that JSON cannot."""
    for leaf in _leaves(value):
        if isinstance(leaf, str) and not _writable(leaf):
            raise FileError(f"{os.fspath(name)}: not a {kind} document (half a surrogate pair in {leaf[:40]!a}).")
        if isinstance(leaf, int) and abs(leaf) >= 10**MAX_DIGITS:
            raise FileError(f"{os.fspath(name)}: not a {kind} document (a number of more than {MAX_DIGITS} digits).")


def _no_constant(text: str, name: str) -> Any:
    found = re.search(rf"[\s:,\[]{name}\b", text)
    at = found.end() if found else len(name)
    place = f"line {text.count(chr(10), 0, at) + 1}, after {brief(text[max(0, at - 40) : at - len(name)])}"
    raise ValueError(f"{name} is not a JSON number; write null: {place}")


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number of {len(digits):,} digits")
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{digits[:40]} is beyond any float")
    return value


def _leaves(value: Any) -> Iterator[Any]:
    """Yield every name and every leaf value."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(name)
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _writable(text: str) -> bool:
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False
