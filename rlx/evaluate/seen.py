"""Which steps of a judgement lie in the spans a policy was fitted on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rlx.types import IntArray, TimeArray

Seen = Mapping[str, tuple[np.datetime64, np.datetime64]]
"""Spans a policy was fitted on, by name: time stamps of the first decision and of the last close."""


def seen_steps(stamps: TimeArray, seen: Seen) -> dict[str, IntArray]:
    """Count the decisions (..., T) within each span, (...); the last bar of a span only closes a step."""
    return {name: ((stamps >= first) & (stamps < last)).sum(axis=-1) for name, (first, last) in seen.items()}
