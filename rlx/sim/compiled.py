"""How functions over accounts are compiled: at their first call, kept on disk for the next start, free of the GIL.

Sums may be reordered, so that they run in vector registers; infinities and NaN keep their meaning. ``inlined`` helpers
are merged into their caller, and arrays are not reference-counted within: either halves the time of a step.
"""

from __future__ import annotations

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
