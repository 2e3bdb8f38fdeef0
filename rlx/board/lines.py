"""What a scoreboard's file says, as text: a line for its schema, one for what a key's entries share, one an entry."""

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
"""The schema of boards that are one JSON document, as all were once; they are read, and written no more."""


class Content(NamedTuple):
    """What a board holds: by hash, what the entries of a key share, and the entries, oldest first."""

    version: int
    keys: dict[str, dict[str, Any]]
    entries: tuple[Entry, ...]


def parse_board(text: str, name: str) -> Content:
    """Return what a board's text holds; FileError, with ``name``, tells the first place that is not as declared."""
    return _of_lines(text, name) if _is_in_lines(text) else _of_document(text, name)


def lines_of(keys: Mapping[str, Any], entries: Sequence[Entry]) -> str:
    """Return the lines of entries, each key's before the first of its own; ValueError for NaN.

    Keys without an entry come first. A file is ``HEAD`` and such lines, and grows by more of them.
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
    """Return whether the first line is a value by itself; that of a document is a part of one, or all there is."""
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
    """Go through the lines one by one, so that of many wrong ones no more than the first is held."""
    content = Content(SCHEMA_VERSION, {}, ())
    entries: list[Entry] = []
    for number, line in enumerate(io.StringIO(text, newline="\n"), 1):
        place = f"{name}: line {number}"
        value = _value(line, place)
        if number == 1:
            _refuse_other_schema(value, SCHEMA_VERSION, name)
            if len(value) > 1:
                raise FileError(f"{place} is {shown(value)}, expected {HEAD.strip()} alone.")
        else:
            _add(value, content.keys, entries, place)
    return content._replace(entries=tuple(entries))


def _value(line: str, place: str) -> Any:
    if not line.strip():
        raise FileError(f"{place} is empty, expected a JSON value on every line.")
    try:
        return parse_json(line, place, unique)
    except FileError as error:
        why = re.sub(r"line \d+,? ", "", str(error).removeprefix(f"{place}: "))  # the parser knows of one line alone
        if line.endswith("\n"):
            raise FileError(f"{place}: {why}") from error
        raise FileError(
            f"{place}, the last, is cut short or damaged: {why.rstrip('.')}. The lines before it are whole, and without"
            " it the board can be read."
        ) from error


def _add(value: Any, keys: dict[str, dict[str, Any]], entries: list[Entry], place: str) -> None:
    """Add what one line says to ``keys`` or ``entries``."""
    match value:
        case {"shared": shared} if len(value) == 1:
            key = check_shared(shared, place, "shared")["key"]["hash"]
            if key in keys:
                raise FileError(f"{place} says a second time what the entries of {key} share.")
            _refuse_more(len(keys), place)
            keys[key] = shared
        case {"entry": fields} if len(value) == 1:
            _refuse_more(len(entries), place)
            entries.append(check_entry(fields, keys, place, "entry"))
        case _:
            raise FileError(f'{place} is {shown(value)}, expected {{"shared": ...}} or {{"entry": ...}}.')


def _refuse_more(there: int, place: str) -> None:
    if there >= MOST_ENTRIES:
        raise FileError(f"{place} is one too many; a board has at most {MOST_ENTRIES:,} keys and as many entries.")


def _refuse_other_schema(value: Any, expected: int, name: str) -> None:
    version = value.get("schema_version") if isinstance(value, dict) else None
    if version != expected or isinstance(version, bool):
        raise FileError(
            f"{name}: schema_version={shown(version)}; this version reads {DOCUMENT_VERSION}, and {SCHEMA_VERSION} with"
            " an entry a line."
        )
