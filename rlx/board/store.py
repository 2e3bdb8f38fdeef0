"""The scoreboard's file: a history that grows by whole lines, one writer after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
from rlx.untrusted.paths import below
from rlx.untrusted.text import MAX_FILE_BYTES, read_text

REPORTS = "reports"
PAGES = (".md", ".html")
"""Endings of what is rendered beside a board."""
WAIT_SECONDS = 60.0
"""How long a writer waits for another one; a write takes less than a second."""


@dataclass(frozen=True)
class Scoreboard:
    """``keys`` has, by hash, what the entries of one key share (``key``, ``data`` and ``rules``), ``entries`` all
    lines ever written, oldest first.
    """

    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    entries: tuple[Entry, ...] = ()

    @classmethod
    def load(cls, path: str | Path) -> Scoreboard:
        """Read a scoreboard; RlxError, naming the file, when it is missing, damaged or of another schema."""
        return _read(Path(path))[0]


def _read(path: Path) -> tuple[Scoreboard, str, int]:
    """Return a board, its file's text as it is to be written from now on, and the schema that it is in."""
    if path.suffix in PAGES:
        raise RlxError(f"scoreboard {path}: must be a .json file; its pages, {' and '.join(PAGES)}, lie beside it.")
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
    """Return what ``_read`` does of the board at a path, an empty one where there is none."""
    return _read(path) if path.exists() else (Scoreboard(), HEAD, SCHEMA_VERSION)


def prepare(path: str | Path, new: int = 1) -> None:
    """Find out, before any work for it, whether a board takes ``new`` entries; RlxError when not. Nothing is left.

    A board that is there must be readable and have room, its folder writable, and no other writer may hold it for
    good. How much room the entries need is told by the mean of those that are there.
    """
    path = Path(path)
    board, text, _ = _at(path)
    entries, size = len(board.entries), len(text.encode())
    if _is_full(entries + new, size + (size * new // entries if entries else 0)):
        raise _full(path, new)
    if (reason := why_not_writable(path.absolute().parent)) is not None:
        raise RlxError(f"scoreboard {path}: cannot be written ({reason}). Name another file with protocol.board.")
    if _lock(path).exists():
        with file_lock(path):
            pass


def append(path: str | Path, key: str, shared: Mapping[str, Any], entries: Sequence[Entry]) -> Scoreboard:
    """Add entries of one key to the scoreboard at ``path`` and return it as it is then; nothing old is changed.

    The file is read and replaced under a lock beside it, so that of two writers neither loses a line, and lines that
    are there stay to the byte; only a board of schema 1 is rewritten, and that is said. RlxError when another writer
    does not let go, when the file that is there cannot be read, and when the one to be written could not be; what is
    there is left as it is.
    """
    path = Path(path)
    with file_lock(path):
        board, text, version = _at(path)
        new = {} if key in board.keys else {key: dict(shared)}
        board = Scoreboard({**board.keys, **new}, (*board.entries, *entries))
        _refuse_unreadable(path, {key: board.keys[key]}, entries)
        text += lines_of(new, entries)
        if _is_full(max(len(board.keys), len(board.entries)), len(text.encode())):
            raise _full(path, len(entries))
        write_text(path, text)
    if version != SCHEMA_VERSION:
        say(f"scoreboard {path}: rewritten as one entry a line (schema {SCHEMA_VERSION})")
    return board


def _refuse_unreadable(path: Path, keys: Mapping[str, Any], entries: Sequence[Entry]) -> None:
    """Raise RlxError for entries that ``load`` would refuse: one of them would make the whole board useless."""
    try:
        parse_board(HEAD + lines_of(keys, entries), str(path))
    except (FileError, ValueError) as error:
        reason = re.sub(r"^line \d+: ", "", str(error).removeprefix(f"{path}: ")).rstrip(".")  # of no file yet
        raise RlxError(
            f"scoreboard {path}: nothing is added, as the new lines could not be read again ({reason}). What was judged"
            " lies in its run folder."
        ) from error


def _is_full(count: int, size: int) -> bool:
    return count > MOST_ENTRIES or size > MAX_FILE_BYTES


def _full(path: Path, new: int) -> RlxError:
    return RlxError(
        f"scoreboard {path}: the board is full; {MOST_ENTRIES:,} entries and {MAX_FILE_BYTES >> 20} MiB are read, which"
        f" leaves no room for {new:,} more. Name another one (protocol.board=...), and keep this one as it is."
    )


def report_path(board: str | Path, entry: Entry) -> Path | None:
    """Return where the series of an entry's report lie, None where it has none.

    FileError when a symbolic link leads out of the board's folder.
    """
    return None if entry.report is None else below(Path(board).parent, REPORTS, *entry.report.split("/"))


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Keep other writers of a board, and of what is rendered from it, waiting; RlxError when one does not let go."""
    from filelock import FileLock, Timeout

    lock = FileLock(_lock(path), timeout=WAIT_SECONDS)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise RlxError(
            f"scoreboard {path}: another writer has held {_lock(path)} for {WAIT_SECONDS:g} s. Wait for it, and try "
            "again."
        ) from None
    except OSError as error:
        raise RlxError(f"scoreboard {path}: cannot be locked for writing ({error}).") from error
    try:
        yield
    finally:
        lock.release()


def _lock(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")
