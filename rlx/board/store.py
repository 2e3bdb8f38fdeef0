"""The scoreboard's file: a history that only grows, written whole, one writer after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlx.board.entry import Entry
from rlx.board.shape import MOST_ENTRIES, check_document
from rlx.errors import FileError, RlxError
from rlx.evaluate import BOARD
from rlx.plain import json_text, why_not_writable, write_text
from rlx.untrusted.documents import parse_json, read_json
from rlx.untrusted.paths import below
from rlx.untrusted.shown import shown
from rlx.untrusted.text import MAX_FILE_BYTES

SCHEMA_VERSION = 1
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
        path = Path(path)
        if path.suffix in PAGES:
            raise RlxError(f"scoreboard {path}: must be a .json file; its pages, {' and '.join(PAGES)}, lie beside it.")
        try:
            document = read_json(path)
            _refuse_other_schema(document)
            entries = check_document(document, str(path))
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
        return cls(document["keys"], entries)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document."""
        return {
            "schema_version": SCHEMA_VERSION,
            "keys": self.keys,
            "entries": [entry.to_dict() for entry in self.entries],
        }


def prepare(path: str | Path) -> None:
    """Find out, before any work for it, whether a board can be written to; RlxError when not. Nothing is left behind.

    A board that is there must be readable, its folder writable, and no other writer may hold it for good.
    """
    path = Path(path)
    if path.exists() and len(Scoreboard.load(path).entries) >= MOST_ENTRIES:
        raise _full(path)
    if (reason := why_not_writable(path.absolute().parent)) is not None:
        raise RlxError(f"scoreboard {path}: cannot be written ({reason}). Name another file with protocol.board.")
    if _lock(path).exists():
        with alone(path):
            pass


def append(path: str | Path, key: str, shared: Mapping[str, Any], entries: Sequence[Entry]) -> Scoreboard:
    """Add entries of one key to the scoreboard at ``path`` and return it as it is then; nothing old is changed.

    The file is read and replaced under a lock beside it, so that of two writers neither loses a line. RlxError when
    another writer does not let go, when the file that is there cannot be read, and when the one to be written could
    not be; what is there is left as it is.
    """
    path = Path(path)
    with alone(path):
        board = Scoreboard.load(path) if path.exists() else Scoreboard()
        board = Scoreboard({key: dict(shared), **board.keys}, (*board.entries, *entries))
        _refuse_unreadable(path, Scoreboard({key: board.keys[key]}, tuple(entries)))
        if len(board.entries) > MOST_ENTRIES:
            raise _full(path)
        text = json_text(board.to_dict())
        if len(text.encode()) > MAX_FILE_BYTES:
            raise _full(path)
        write_text(path, text)
    return board


def _refuse_unreadable(path: Path, added: Scoreboard) -> None:
    """Raise RlxError for entries that ``load`` would refuse: one of them would make the whole board useless."""
    try:
        check_document(parse_json(json_text(added.to_dict()), path), str(path))
    except (FileError, ValueError) as error:
        reason = str(error).removeprefix(f"{path}: ").rstrip(".")
        raise RlxError(
            f"scoreboard {path}: nothing is added, as the new lines could not be read again ({reason}). What was judged"
            " lies in its run folder."
        ) from error


def _full(path: Path) -> RlxError:
    return RlxError(
        f"scoreboard {path}: the board is full; {MOST_ENTRIES:,} entries and {MAX_FILE_BYTES >> 20} MiB are read. Name"
        " another one (protocol.board=...), and keep this one as it is."
    )


def report_path(board: str | Path, entry: Entry) -> Path | None:
    """Return where the series of an entry's report lie, None where it has none.

    FileError when a symbolic link leads out of the board's folder.
    """
    return None if entry.report is None else below(Path(board).parent, REPORTS, *entry.report.split("/"))


@contextmanager
def alone(path: Path) -> Iterator[None]:
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


def _refuse_other_schema(document: Any) -> None:
    version = document.get("schema_version") if isinstance(document, dict) else None
    if version != SCHEMA_VERSION or isinstance(version, bool):
        raise FileError(f"schema_version={shown(version)}; this version reads {SCHEMA_VERSION}")
