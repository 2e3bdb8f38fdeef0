"""The scoreboard's file: a history that only grows, written whole, one writer after the other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlx.board.entry import Entry
from rlx.errors import RlxError
from rlx.plain import write_json

SCHEMA_VERSION = 1
REPORTS = "reports"
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
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise RlxError(
                f"scoreboard {path}: no such file. python evaluate.py protocol=benchmark writes it."
            ) from None
        except ValueError as error:
            raise RlxError(
                f"scoreboard {path}: not a JSON document ({error}). Restore it from version control."
            ) from error
        if not isinstance(document, dict) or document.get("schema_version") != SCHEMA_VERSION:
            found = document.get("schema_version") if isinstance(document, dict) else None
            raise RlxError(f"scoreboard {path}: schema_version={found!r}; this version reads {SCHEMA_VERSION}.")
        if lacking := [name for name in ("keys", "entries") if name not in document]:
            raise RlxError(f"scoreboard {path}: no {lacking[0]!r} in it. Restore it from version control.")
        return cls(dict(document["keys"]), tuple(_entries(path, document["entries"])))

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON document."""
        return {
            "schema_version": SCHEMA_VERSION,
            "keys": self.keys,
            "entries": [entry.to_dict() for entry in self.entries],
        }


def append(path: str | Path, key: str, shared: Mapping[str, Any], entries: Sequence[Entry]) -> Scoreboard:
    """Add entries of one key to the scoreboard at ``path`` and return it as it is then; nothing old is changed.

    The file is read and replaced under a lock beside it, so that of two writers neither loses a line. RlxError when
    another writer does not let go or the file that is there cannot be read; it is left as it is.
    """
    path = Path(path)
    with alone(path):
        board = Scoreboard.load(path) if path.exists() else Scoreboard()
        board = Scoreboard({key: dict(shared), **board.keys}, (*board.entries, *entries))
        write_json(path, board.to_dict())
    return board


def report_path(board: str | Path, entry: Entry) -> Path | None:
    """Return where the series of an entry's report lie, None where it has none."""
    return None if entry.report is None else Path(board).parent / REPORTS / entry.report


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep other writers of a board, and of what is rendered from it, waiting; RlxError when one does not let go."""
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f".{path.name}.lock")
    try:
        with FileLock(lock, timeout=WAIT_SECONDS):
            yield
    except Timeout:
        raise RlxError(
            f"scoreboard {path}: another writer has held {lock} for {WAIT_SECONDS:g} s. Wait for it, and try again."
        ) from None


def _entries(path: Path, documents: Sequence[Mapping[str, Any]]) -> Iterator[Entry]:
    for number, document in enumerate(documents):
        try:
            if not isinstance(document, dict):
                raise RlxError("not an object")
            yield Entry.from_dict(document)
        except (RlxError, TypeError) as error:
            raise RlxError(f"scoreboard {path}: entry {number}: {error}.") from error
