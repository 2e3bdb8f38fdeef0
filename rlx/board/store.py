"""The scoreboard's file: a history that grows by whole lines, one writer at a time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlx.board.entry import Entry
from rlx.board.lines import HEAD, SCHEMA_VERSION, lines_of, parse_board
from rlx.board.shape import MOST_ENTRIES
from rlx.console import say
from rlx.errors import FileError, RlxError
from rlx.evaluate import BOARD
from rlx.files import why_not_writable, write_text
from rlx.locks import file_lock, lock_path
from rlx.untrusted.paths import below
from rlx.untrusted.text import MAX_FILE_BYTES, read_text

REPORTS = "reports"
PAGES = (".md", ".html")
"""Suffixes of the files rendered next to a board."""
WHAT = "scoreboard"
"""What messages call the file."""


@dataclass(frozen=True)
class Scoreboard:
    """A scoreboard.

    ``keys`` has the shared values of each key (``key``, ``data`` and ``rules``) by hash, ``entries`` all entries ever
    written, oldest first.
    """

    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    entries: tuple[Entry, ...] = ()

    @classmethod
    def load(cls, path: str | Path) -> Scoreboard:
        """Read a scoreboard; RlxError, naming the file, when it is missing, damaged or has another schema."""
        return _read(Path(path))[0]


def _read(path: Path) -> tuple[Scoreboard, str, int]:
    """Return a board, its text in the current schema, and the schema of the file."""
    if path.suffix in PAGES:
        raise RlxError(f"scoreboard {path}: must be a .json file; {' and '.join(PAGES)} are written next to it.")
    try:
        text = read_text(path)
        version, keys, entries = parse_board(text, str(path))
    except FileNotFoundError:
        raise RlxError(
            f"scoreboard {path}: no such file. python evaluate.py protocol=benchmark writes {BOARD}."
        ) from None
    except OSError as error:
        raise RlxError(f"scoreboard {path}: cannot be read ({error}).") from error
    except FileError as error:
        reason = str(error).removeprefix(f"{path}: ").rstrip(".")
        raise RlxError(
            f"scoreboard {path}: {reason}. Restore the file from version control, or name another one."
        ) from error
    if version != SCHEMA_VERSION:
        text = HEAD + lines_of(keys, entries)
    return Scoreboard(keys, entries), text if text.endswith("\n") else f"{text}\n", version


def _at(path: Path) -> tuple[Scoreboard, str, int]:
    """Return the board at a path as ``_read`` does, or an empty one if the file does not exist."""
    return _read(path) if path.exists() else (Scoreboard(), HEAD, SCHEMA_VERSION)


def prepare(path: str | Path, new: int = 1) -> None:
    """Check, before any work, whether a board can take ``new`` entries; RlxError if not. Nothing is left behind.

    An existing board must be readable and have space, its folder must be writable, and no other writer may keep it
    locked. The mean size of existing entries determines the space needed.
    """
    path = Path(path)
    board, text, _ = _at(path)
    entries, size = len(board.entries), len(text.encode())
    if _is_full(entries + new, size + (size * new // entries if entries else 0)):
        raise _full(path, new)
    if (reason := why_not_writable(path.absolute().parent)) is not None:
        raise RlxError(f"scoreboard {path}: cannot be written ({reason}). Name another file with protocol.board.")
    if lock_path(path).exists():
        with file_lock(path, WHAT):
            pass


def append(path: str | Path, key: str, shared: Mapping[str, Any], entries: Sequence[Entry]) -> Scoreboard:
    """Add entries of one key to the scoreboard at ``path`` and return the new board; earlier entries are unchanged.

    The file is read and replaced under a lock next to it, so that two writers cannot lose lines, and existing lines
    stay byte for byte; only a board of schema 1 is rewritten, with a message. RlxError when another writer keeps the
    lock, when the existing file cannot be read, and when the new one could not be read again; the existing file is then
    unchanged.
    """
    path = Path(path)
    with file_lock(path, WHAT):
        board, text, version = _at(path)
        new = {} if key in board.keys else {key: dict(shared)}
        board = Scoreboard({**board.keys, **new}, (*board.entries, *entries))
        _refuse_unreadable(path, {key: board.keys[key]}, entries)
        text += lines_of(new, entries)
        if _is_full(max(len(board.keys), len(board.entries)), len(text.encode())):
            raise _full(path, len(entries))
        write_text(path, text)
    if version != SCHEMA_VERSION:
        say(f"scoreboard {path}: rewritten as one entry per line (schema {SCHEMA_VERSION})")
    return board


def _refuse_unreadable(path: Path, keys: Mapping[str, Any], entries: Sequence[Entry]) -> None:
    """Raise RlxError for entries that ``load`` would refuse: one would make the whole board unreadable."""
    try:
        parse_board(HEAD + lines_of(keys, entries), str(path))
    except (FileError, ValueError) as error:
        reason = re.sub(r"^line \d+: ", "", str(error).removeprefix(f"{path}: ")).rstrip(".")  # not in any file yet
        raise RlxError(
            f"scoreboard {path}: nothing is added, because the new lines could not be read again ({reason}). The "
            "results are in the run folder."
        ) from error


def _is_full(count: int, size: int) -> bool:
    return count > MOST_ENTRIES or size > MAX_FILE_BYTES


def _full(path: Path, new: int) -> RlxError:
    return RlxError(
        f"scoreboard {path}: the board is full; {MOST_ENTRIES:,} entries and {MAX_FILE_BYTES >> 20} MiB are read, "
        f"which leaves no space for {new:,} more. Name another one (protocol.board=...), and keep this one unchanged."
    )


def report_path(board: str | Path, entry: Entry) -> Path | None:
    """Return the path of the series of an entry's report; None where it has none.

    FileError when a symbolic link leads out of the board's folder.
    """
    return None if entry.report is None else below(Path(board).parent, REPORTS, *entry.report.split("/"))
