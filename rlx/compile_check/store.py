"""The record of comparisons: a JSON Lines file that grows by whole lines, one writer at a time."""

from __future__ import annotations

import json
from pathlib import Path

from rlx.compile_check.entry import CheckEntry, entry_of
from rlx.errors import FileError, RlxError
from rlx.files import why_not_writable, write_text
from rlx.locks import file_lock
from rlx.untrusted.documents import parse_json, unique
from rlx.untrusted.text import MAX_FILE_BYTES, read_text

RECORD = "compile_checks.jsonl"
"""The record in the current folder, unless another one is named."""
WHAT = "compile record"
SCHEMA_VERSION = 1
_HEAD = json.dumps({"schema_version": SCHEMA_VERSION}, separators=(",", ":")) + "\n"


def load(path: str | Path) -> list[CheckEntry]:
    """Return the entries of a record, oldest first; RlxError, naming the file, when it is missing or damaged."""
    return _contents(path)[1]


def _contents(path: str | Path) -> tuple[str, list[CheckEntry]]:
    try:
        text = read_text(path)
        return text, _parsed(text, str(path))
    except FileNotFoundError:
        raise RlxError(f"{WHAT} {path}: no such file. rlx compile check writes {RECORD}.") from None
    except OSError as error:
        raise RlxError(f"{WHAT} {path}: cannot be read ({error.strerror or error}).") from error
    except FileError as error:
        reason = str(error).removeprefix(f"{path}: ").rstrip(".")
        raise RlxError(f"{WHAT} {path}: {reason}. Restore the file, or name another one with --record.") from error


def prepare(path: str | Path) -> None:
    """Check, before any work, that a record can be extended; RlxError if not."""
    path = Path(path)
    if path.suffix != ".jsonl":
        raise RlxError(f"{WHAT} {path}: must be a .jsonl file; its Markdown page is written next to it.")
    if path.exists():
        load(path)
    if (reason := why_not_writable(path.absolute().parent)) is not None:
        raise RlxError(f"{WHAT} {path}: cannot be written ({reason}). Name another file with --record.")


def append(path: str | Path, entry: CheckEntry) -> bool:
    """Add an entry to a record and return whether that was needed: one that repeats the last is not added.

    The last one is that of the same identity. The file is read and replaced under a lock next to it, and existing lines
    stay byte for byte. RlxError when the record cannot be read or is full, and OSError when the disk is.
    """
    path = Path(path)
    with file_lock(path, WHAT):
        text, entries = _contents(path) if path.exists() else (_HEAD, [])
        last = next((one for one in reversed(entries) if one.identity == entry.identity), None)
        if last is not None and entry.same_as(last):
            return False
        line = json.dumps(entry.to_dict(), allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        _entry(line, f"{path}: the new line")  # what could not be read again is not written
        text = text.removesuffix("\n") + "\n" + line + "\n"
        if len(text.encode()) > MAX_FILE_BYTES:
            raise RlxError(f"{WHAT} {path}: it is full ({MAX_FILE_BYTES >> 20} MiB). Name another with --record.")
        write_text(path, text)
    return True


def _entry(line: str, place: str) -> CheckEntry:
    return entry_of(parse_json(line, place, unique), place)


def _parsed(text: str, name: str) -> list[CheckEntry]:
    head, *lines = text.removesuffix("\n").split("\n")
    version = parse_json(head, f"{name}: line 1", unique)
    if version != {"schema_version": SCHEMA_VERSION}:
        raise FileError(f"{name}: line 1 is not {_HEAD.strip()}, so this is not a record of compile checks.")
    places = ((f"{name}: line {number}", line) for number, line in enumerate(lines, 2))
    return [_entry(line, place) for place, line in places]
