"""Wrong values and damaged files, made from right ones."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

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
        yield f"a flipped byte at {place}", data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]


def damaged_documents(document: Any) -> Iterator[tuple[str, Any]]:
    """Yield (what was done, a copy) for every leaf and branch of plain values: taken out or replaced."""
    for path in _paths(document):
        name = ".".join(map(str, path)) or "the whole"
        if path:
            yield f"{name} missing", _changed(document, path, delete=True)
        for value in WRONG_VALUES:
            yield f"{name} = {json.dumps(value)}", _changed(document, path, copy.deepcopy(value))


def odd_json(text: str) -> Iterator[tuple[str, str]]:
    """Yield (what was done, the text) for JSON that plain values cannot express."""
    yield "deep", '{"a":' * 100_000 + "1" + "}" * 100_000
    yield "many digits", "[" + "9" * 100_000 + "]"
    yield "NaN first", text.replace("0", "NaN", 1)
    yield "infinite", text.replace("0", "1e999", 1)
    yield "half a surrogate", text.replace('"', '"\\ud800', 1)
    yield "a list around it", f"[{text}]"


def _paths(document: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield above
    if isinstance(document, dict):
        for name, value in document.items():
            yield from _paths(value, (*above, name))
    elif isinstance(document, list):
        for index, value in enumerate(document[:2]):  # all items of a list are read by the same code
            yield from _paths(value, (*above, index))


def _changed(document: Any, path: tuple[Any, ...], value: Any = None, delete: bool = False) -> Any:
    if not path:
        return value
    result = copy.deepcopy(document)
    place = result
    for name in path[:-1]:
        place = place[name]
    if delete:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return result
