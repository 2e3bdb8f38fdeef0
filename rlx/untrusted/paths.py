"""Paths as people type them, and names from a file in a path, which never lead out of the intended folder."""

from __future__ import annotations

import os
from pathlib import Path

from rlx.errors import FileError
from rlx.untrusted.escape import one_line


def expanded(path: str | os.PathLike[str]) -> Path:
    """Return the path with the home folder in place of a leading ``~``; unchanged for an unknown user."""
    try:
        return Path(os.path.expanduser(path))  # Path.expanduser raises RuntimeError for an unknown user
    except ValueError:  # a null character
        return Path(path)


def why_unreadable(path: Path) -> str:
    """Return why a path cannot be read, for a message: it is missing, or a pipe, a device or a folder."""
    return "not a regular file" if path.exists() else "no such file"


def below(folder: str | os.PathLike[str], *names: str) -> Path:
    """Return the path of ``names``, one below the other, in ``folder``; FileError when it lies outside.

    A name such as ``..`` or ``/etc``, or a symbolic link, could lead there.
    """
    root = Path(folder)
    path = root.joinpath(*names)
    try:
        inside = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError, ValueError):  # links in a circle, a null character
        inside = False
    if not inside or ".." in path.parts[len(root.parts) :]:
        raise FileError(f"{one_line('/'.join(names))}: leads out of the folder {root}. No such path is followed.")
    return path
