"""A remark on how the stamps of a file were read."""

from __future__ import annotations

from typing import NamedTuple

from rlx.data.findings import Severity


class Note(NamedTuple):
    """As in a finding: a code, how bad it is, and a sentence."""

    code: str
    severity: Severity
    message: str
