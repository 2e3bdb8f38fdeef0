"""Reading account snapshots out of a log; every other line is ignored."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from rlx.errors import RecordError
from rlx.policies.production.problems import Problems
from rlx.policies.production.record import LARGEST, Snapshot
from rlx.policies.production.stamps import DAY, TIME, ZONE, parse_stamp

MARKER = "Portfolio snapshot recorded"
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_LINE = re.compile(
    rf"\s*(?P<stamp>{DAY}[T ]{TIME}(?:\s?(?:{ZONE}))?)\s*\|.*{MARKER}:\s*"
    rf"value=(?P<value>-?\$?-?{_NUMBER}),\s*global risk threshold=(?P<risk>{_NUMBER})x(?!\w)"
)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
LONGEST_LINE = 160


def read_snapshots(path: Path, problems: Problems) -> tuple[Snapshot, ...]:
    """Return the snapshots of a log by time, one a moment, and note lines that cannot be used.

    Raises RecordError for a file that cannot be read or has no line with the marker.
    """
    if not path.is_file():
        raise RecordError(f"policy.log={path}: no such file. Give the log of the production system.")
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            marked = [
                (number, _COLOUR.sub("", line).strip()) for number, line in enumerate(lines, start=1) if MARKER in line
            ]
    except OSError as error:
        raise RecordError(f"policy.log={path}: cannot be read: {error}.") from error
    if not marked:
        raise RecordError(f"policy.log={path}: no line holds '{MARKER}'. Give another log, or leave it out.")
    return _by_time(_parsed(marked, problems), problems)


def _parsed(marked: Iterable[tuple[int, str]], problems: Problems) -> list[Snapshot]:
    snapshots: list[Snapshot] = []
    for number, line in marked:
        snapshot = _snapshot(number, line)
        if snapshot is None:
            problems.add("unparsable_snapshot", f"line {number}: {line[:LONGEST_LINE]}")
            continue
        if snapshot.value <= 0.0:
            problems.add("snapshot_not_positive", f"line {number}: {snapshot.value:g}")
        snapshots.append(snapshot)
    return snapshots


def _snapshot(number: int, line: str) -> Snapshot | None:
    found = _LINE.match(line)
    stamp = None if found is None else parse_stamp(found["stamp"])
    if found is None or stamp is None:
        return None
    value, risk = _amount(found["value"]), _amount(found["risk"])
    return None if value is None or risk is None else Snapshot(number, stamp, value, risk)


def _amount(text: str) -> float | None:
    plain = text.replace(",", "").replace("$", "")
    return None if plain.startswith("--") or abs(float(plain)) > LARGEST else float(plain)


def _by_time(snapshots: list[Snapshot], problems: Problems) -> tuple[Snapshot, ...]:
    """Return the last snapshot of each moment, sorted."""
    kept: dict[object, Snapshot] = {}
    before: Snapshot | None = None
    for snapshot in snapshots:
        place, moment = f"line {snapshot.line}", snapshot.stamp.instant
        if before is not None and moment < before.stamp.instant:
            problems.add("snapshot_out_of_order", place)
        if moment in kept:
            earlier = kept[moment]
            same = (earlier.value, earlier.risk_threshold) == (snapshot.value, snapshot.risk_threshold)
            problems.add("repeated_snapshot" if same else "snapshot_contradicts", f"{place}, as line {earlier.line}")
        kept[moment] = before = snapshot
    return tuple(sorted(kept.values(), key=lambda snapshot: snapshot.stamp.instant))
