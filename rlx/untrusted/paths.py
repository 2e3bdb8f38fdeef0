"""Paths as people type them, and names from a file in a path, which never lead out of the folder meant for them."""

from __future__ import annotations

import os
from pathlib import Path

from rlx.errors import FileError
from rlx.untrusted.escape import one_line


def expanded(path: str | os.PathLike[str]) -> Path:
    """Return the path with the home folder in place of a leading ``~``; as it stands where no user is called so."""
    try:
        return Path(os.path.expanduser(path))  # that of Path raises RuntimeError for a user it does not know
    except ValueError:  # a null character
        return Path(path)


def why_unreadable(path: Path) -> str:
    """Return why nothing is read from a path, for a message: nothing is there, or a pipe, a device or a folder."""
    return "not a regular file" if path.exists() else "no such file"


def below(folder: str | os.PathLike[str], *names: str) -> Path:
    """Return the path of ``names``, one below the other, in ``folder``; FileError when it lies outside.

    It would by a name such as ``..`` or ``/etc``, and by a symbolic link on the way.
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
