"""One writer at a time: a lock next to a file that several commands extend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rlx.errors import RlxError

WAIT_SECONDS = 60.0
"""Seconds that a writer waits for another one; a write takes less than a second."""


@contextmanager
def file_lock(path: Path, what: str) -> Iterator[None]:
    """Lock out other writers of a file; RlxError, which names ``what`` the file is, when one keeps the lock."""
    from filelock import FileLock, Timeout

    lock = FileLock(lock_path(path), timeout=WAIT_SECONDS)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise RlxError(
            f"{what} {path}: another writer has held {lock_path(path)} for {WAIT_SECONDS:g} s. Wait for it, and try "
            "again."
        ) from None
    except OSError as error:
        raise RlxError(f"{what} {path}: cannot be locked for writing ({error}).") from error
    try:
        yield
    finally:
        lock.release()


def lock_path(path: Path) -> Path:
    """Return the path of a file's lock."""
    return path.with_name(f".{path.name}.lock")
