"""Reading account snapshots out of a log; every other line is ignored."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from rlx.errors import FileError, RecordError
from rlx.policies.config import LogValue
from rlx.policies.production.amounts import has_decimal_point, parse_amount, undecided
from rlx.policies.production.problems import Problems
from rlx.policies.production.record import Snapshot
from rlx.policies.production.stamps import DAY, TIME, ZONE, parse_stamp
from rlx.untrusted.paths import why_unreadable
from rlx.untrusted.shown import brief
from rlx.untrusted.text import read_lines

MARKER = "Portfolio snapshot recorded"
_LINE = re.compile(
    rf"\s*(?P<bracket>\[)?(?P<stamp>{DAY}[Tt ]{TIME}(?:\s?(?:{ZONE}))?)(?(bracket)\])\s*\|.*{MARKER}:\s*"
    r"value=(?P<value>[^=]{1,80}),\s*global risk threshold=(?P<risk>[^=\s]{1,80})x(?!\w)"
)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
LONGEST_LINE = 160


def read_snapshots(path: Path, problems: Problems, meaning: LogValue) -> tuple[Snapshot, ...]:
    """Return the snapshots of a log by time, one per moment, and report unusable lines.

    Raises RecordError for an unreadable file, and when no line with the marker can be read.
    """
    if not path.is_file():
        raise RecordError(f"policy.log={path}: {why_unreadable(path)}. Give the log of the production system.")
    try:
        marked = [(number, _COLOUR.sub("", line).strip()) for number, line in read_lines(path) if MARKER in line]
    except FileError as error:
        raise RecordError(f"policy.log={error} The lines with '{MARKER}' are sufficient.") from error
    except OSError as error:
        raise RecordError(f"policy.log={path}: cannot be read: {error}.") from error
    if not marked:
        raise RecordError(f"policy.log={path}: no line contains '{MARKER}'. Give another log, or omit it.")
    snapshots = _parsed(marked, problems, meaning)
    if not snapshots:
        raise RecordError(
            f"policy.log={path}: none of {len(marked)} lines with '{MARKER}' can be read, such as "
            f"{brief(marked[0][1], LONGEST_LINE)!r}. Expected: '2025-10-22 09:58:17 | ... | {MARKER}: "
            "value=$128,097.52, global risk threshold=1.50x'."
        )
    return _by_time(snapshots, problems)


def _parsed(marked: Iterable[tuple[int, str]], problems: Problems, meaning: LogValue) -> list[Snapshot]:
    snapshots: list[Snapshot] = []
    found = [(number, line, _LINE.match(line)) for number, line in marked]
    point = any(has_decimal_point(match["value"]) for _, _, match in found if match is not None)
    for number, line, match in found:
        snapshot = None if match is None else _snapshot(number, match)
        two_readings = match is not None and not point and undecided(match["value"])
        if snapshot is None or two_readings:
            problem = "undecided_amount" if two_readings else "unparsable_snapshot"
            problems.add(problem, f"line {number}: {brief(line, LONGEST_LINE)}")
            continue
        if meaning is LogValue.equity and snapshot.value <= 0.0:
            problems.add("snapshot_not_positive", f"line {number}: {snapshot.value:g}")
        if meaning is LogValue.exposure and snapshot.value < 0.0:
            problems.add("exposure_negative", f"line {number}: {snapshot.value:g}")
        snapshots.append(snapshot)
    return snapshots


def _snapshot(number: int, found: re.Match[str]) -> Snapshot | None:
    stamp = parse_stamp(found["stamp"])
    if stamp is None:
        return None
    value, risk = parse_amount(found["value"]), parse_amount(found["risk"])
    return None if value is None or risk is None or risk < 0.0 else Snapshot(number, stamp, value, risk)


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
