"""Compilation of functions over accounts: at their first call, cached on disk for the next start, without the GIL.

Sums may be reordered, so that they run in vector registers; infinities and NaN keep their meaning. ``inlined`` helpers
are merged into their caller, and arrays are not reference-counted within: either halves the time of a step.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from numba import njit

_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "nsz", "contract", "arcp"},
    "_nrt": False,
}
inlined: Any = njit(forceinline=True, **_OPTIONS)
compiled: Any = njit(cache=True, **_OPTIONS)


def digest_of_sources(folder: Path) -> int:
    """Return a number that changes with any Python file of a folder."""
    files = sorted(folder.glob("*.py"))
    return int.from_bytes(hashlib.sha256(b"".join(file.read_bytes() for file in files)).digest()[:6])


SOURCES = digest_of_sources(Path(__file__).parent)
"""Default of the last argument of every compiled function.

A default value is part of the signature under which numba keeps compiled code. By itself numba checks only the file of
the function, and would keep using code with old constants and helpers after another file has changed.

A change that moves or renames a class of an argument also has to rename the compiled functions that take it: numba
unpickles the whole index of a function, old classes included, before it checks whether the index is stale.
"""
