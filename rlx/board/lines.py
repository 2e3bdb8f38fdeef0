"""The text of a scoreboard's file: a line for its schema, one per key with its shared values, one per entry."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rlx.board.entry import Entry
from rlx.board.shape import MOST_ENTRIES, check_document, check_entry, check_shared
from rlx.errors import FileError
from rlx.untrusted.documents import parse_json, unique
from rlx.untrusted.shown import shown

SCHEMA_VERSION = 2
DOCUMENT_VERSION = 1
"""The older schema of boards, one JSON document; such boards are read and no longer written."""


class Content(NamedTuple):
    """The content of a board: the shared values of each key by hash, and the entries, oldest first."""

    version: int
    keys: dict[str, dict[str, Any]]
    entries: tuple[Entry, ...]


def parse_board(text: str, name: str) -> Content:
    """Return the content of a board's text; FileError, with ``name``, gives the first place that is not as declared."""
    return _of_lines(text, name) if _is_in_lines(text) else _of_document(text, name)


def lines_of(keys: Mapping[str, Any], entries: Sequence[Entry]) -> str:
    """Return the lines of entries, each key's before the first of its own; ValueError for NaN.

    Keys without an entry come first. A file consists of ``HEAD`` and such lines.
    """
    pending = dict(keys)
    used = {entry.key for entry in entries}
    values = [{"shared": pending.pop(key)} for key in keys if key not in used]
    for entry in entries:
        if entry.key in pending:
            values.append({"shared": pending.pop(entry.key)})
        values.append({"entry": entry.to_dict()})
    return "".join(map(_line, values))


def _line(value: Any) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":")) + "\n"


HEAD = _line({"schema_version": SCHEMA_VERSION})


def _is_in_lines(text: str) -> bool:
    """Return whether the first line is a complete value; in a document it is part of one, or the only line."""
    try:
        head = parse_json(text.partition("\n")[0], "")
    except FileError:
        return False
    return not (isinstance(head, dict) and head.get("schema_version") == DOCUMENT_VERSION)


def _of_document(text: str, name: str) -> Content:
    document = parse_json(text, name)
    _refuse_other_schema(document, DOCUMENT_VERSION, name)
    entries = check_document(document, name)
    return Content(DOCUMENT_VERSION, document["keys"], entries)


def _of_lines(text: str, name: str) -> Content:
    """Read line by line, so that only the first of many wrong lines is kept in memory."""
    content = Content(SCHEMA_VERSION, {}, ())
    entries: list[Entry] = []
    for number, line in enumerate(io.StringIO(text, newline="\n"), 1):
        place = f"{name}: line {number}"
        value = _value(line, place)
        if number == 1:
            _refuse_other_schema(value, SCHEMA_VERSION, name)
            if len(value) > 1:
                raise FileError(f"{place} is {shown(value)}, expected only {HEAD.strip()}.")
        else:
            _add(value, content.keys, entries, place)
    return content._replace(entries=tuple(entries))


def _value(line: str, place: str) -> Any:
    if not line.strip():
        raise FileError(f"{place} is empty, expected a JSON value on every line.")
    try:
        return parse_json(line, place, unique)
    except FileError as error:
        why = re.sub(r"line \d+,? ", "", str(error).removeprefix(f"{place}: "))  # the parser sees one line only
        if line.endswith("\n"):
            raise FileError(f"{place}: {why}") from error
        raise FileError(
            f"{place}, the last, is truncated or damaged: {why.rstrip('.')}. The lines before it are complete; without "
            "it the board can be read."
        ) from error


def _add(value: Any, keys: dict[str, dict[str, Any]], entries: list[Entry], place: str) -> None:
    """Add the content of one line to ``keys`` or ``entries``."""
    match value:
        case {"shared": shared} if len(value) == 1:
            key = check_shared(shared, place, "shared")["key"]["hash"]
            if key in keys:
                raise FileError(f"{place} repeats the shared values of {key}.")
            _refuse_more(len(keys), place)
            keys[key] = shared
        case {"entry": fields} if len(value) == 1:
            _refuse_more(len(entries), place)
            entries.append(check_entry(fields, keys, place, "entry"))
        case _:
            raise FileError(f'{place} is {shown(value)}, expected {{"shared": ...}} or {{"entry": ...}}.')


def _refuse_more(there: int, place: str) -> None:
    if there >= MOST_ENTRIES:
        raise FileError(f"{place} exceeds the limit of {MOST_ENTRIES:,} keys and as many entries.")


def _refuse_other_schema(value: Any, expected: int, name: str) -> None:
    version = value.get("schema_version") if isinstance(value, dict) else None
    if version != expected or isinstance(version, bool):
        raise FileError(
            f"{name}: schema_version={shown(version)}; this version reads {DOCUMENT_VERSION}, and {SCHEMA_VERSION} "
            "with one entry per line."
        )
