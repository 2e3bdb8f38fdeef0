"""Notes on the stamps of a file: how they were read, and which are refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from rlx.data.bars import Bars
from rlx.data.calendars import modal_spacing_seconds
from rlx.data.findings import Severity
from rlx.types import IntArray


class Note(NamedTuple):
    """As in a finding: a code, its severity, and a sentence."""

    code: str
    severity: Severity
    message: str


def report_future(bars: Bars, rows: IntArray | slice) -> None:
    """Refuse stamps after today: they cannot have been recorded. ``rows`` are the bars' rows in the file.

    The label of an unfinished bar, such as the end of this year, is allowed, and so is tomorrow, because of time zones.
    """
    now = np.datetime64(datetime.now(UTC).replace(tzinfo=None), "ns")
    late = np.flatnonzero(bars.stamps > now + np.timedelta64(1, "D"))
    if not late.size:
        return
    spacing = modal_spacing_seconds(np.unique(bars.stamps)) if len(bars) > 1 else 0.0
    late = late[bars.stamps[late] > now + np.timedelta64(round(spacing) + 86_400, "s")]
    if late.size:
        row = int(late[0]) if isinstance(rows, slice) else int(rows[late[0]])
        day = str(bars.stamps[late[0]])[:10]
        message = f"{late.size} date(s) in the future, first {day} in row {row + 1}."
        fix = "correct or remove the rows; a two-digit year may be in another century: write four digits."
        bars.report("future_date", Severity.error, message, fix)
