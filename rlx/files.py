"""Runtime values as plain JSON values, and files and folders that are written completely or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from enum import Enum
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np


def to_json(value: Any) -> Any:
    """Return ``value`` as dicts with string keys, lists, strings, numbers, booleans and None.

    Dataclasses become dicts, enumerations their value, time stamps ISO strings, NaN and infinities None. Raises
    TypeError for anything else, instead of storing its text.
    """
    if value is None or (isinstance(value, (bool, int)) and not isinstance(value, Enum)):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (str, os.PathLike)):
        return str(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.datetime64):
        return str(np.datetime_as_string(value, unit="s"))
    if isinstance(value, (np.generic, np.ndarray)):
        return to_json(value.tolist())
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): to_json(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    raise TypeError(f"{type(value).__name__} cannot be stored in a JSON file: {value!r}")


def why_not_writable(folder: Path) -> str | None:
    """Return why a folder, which may not exist yet, cannot be written to; None where it can."""
    try:
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    except OSError as error:
        return os.strerror(error.errno or errno.EIO)
    if not there.is_dir():
        return f"a file is in the way, {there}"
    if not os.access(there, os.W_OK | os.X_OK):
        return f"this user may not write in {there}"
    return None if there == folder else _why_not_made(folder, there)


def _why_not_made(folder: Path, there: Path) -> str | None:
    """Return why a folder, or one of that name, cannot be created in ``there``: root may write in /proc, but not so.

    A folder with a unique name is created and removed: one with that name could be another process's. A full disk also
    fails here, but is reported where something is written.
    """
    longest = os.pathconf(there, "PC_NAME_MAX")
    if any(len(os.fsencode(part)) > longest for part in folder.parts):
        return os.strerror(errno.ENAMETOOLONG)
    try:
        os.rmdir(tempfile.mkdtemp(prefix=".rlx-", dir=there))
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        return None if full else f"{there}: {os.strerror(error.errno or errno.EIO)}"
    return None


LONGEST_NAME = 100
"""Maximum characters of a file's name; there is also a suffix, and a temporary file's is longer."""


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path next to ``path`` and move it there on success, so that no half-written file remains.

    FileExistsError for a pipe or a device, which a file would replace.
    """
    path = Path(path)
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise FileExistsError(errno.EEXIST, "not a regular file, so it is not replaced", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with named_in_errors(path):
            yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def copy_file(path: str | Path, to: str | Path) -> None:
    """Copy a file, atomically."""
    with atomic_path(to) as temporary:
        shutil.copyfile(path, temporary)


@contextmanager
def named_in_errors(path: str | Path) -> Iterator[None]:
    """Add ``path`` to an error without a file name: the error of a full disk names none."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # pyarrow's and Pillow's errors say it only in their text
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error


def write_folder(parent: str | Path, name: str, write: Callable[[Path], None]) -> Path:
    """Let ``write`` fill a temporary folder, move it to ``name`` in ``parent`` when complete, and return its path.

    Existing folders are kept: when ``name`` is taken, the folder becomes ``name_2``, ``name_3`` and so on.
    """
    parent = Path(parent)
    parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=parent))
    try:
        write(new)
        new.chmod(0o755)
        return next(folder for folder in _free_names(parent / name) if _moved(new, folder))
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _free_names(path: Path) -> Iterator[Path]:
    names = (path if number == 1 else path.with_name(f"{path.name}_{number}") for number in count(1))
    return (folder for folder in names if not folder.exists())


def _moved(folder: Path, target: Path) -> bool:
    """Rename a folder and return whether that worked; False when another process took the name just now."""
    try:
        folder.rename(target)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            raise
        return False
    return True


def file_name(text: str) -> str:
    """Return a text as a valid file name, ``unnamed`` where no character is usable.

    A long one is cut, with a digest of the whole at its end: file systems limit the length of names.
    """
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._") or "unnamed"
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[:LONGEST_NAME]}_{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:8]}"


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def json_text(value: Any) -> str:
    """Return a plain value as indented JSON; ValueError for NaN."""
    return json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def write_json(path: str | Path, value: Any) -> None:
    """Write a plain value as indented JSON, atomically; NaN is refused."""
    write_text(path, json_text(value))
