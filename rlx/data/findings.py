"""The finding of a check: a code, its severity, the place, and the remedy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

_SHOWN = 6


class Severity(StrEnum):
    """``note``: read as intended, worth knowing. ``warning``: usable, look at it. ``error``: refused."""

    note = "note"
    warning = "warning"
    error = "error"


@dataclass(frozen=True)
class Finding:
    """One defect or note. ``file`` is a file name, ``symbol`` is empty for the file as a whole."""

    code: str
    severity: Severity
    message: str
    fix: str = ""
    file: str = ""
    symbol: str = ""

    def __str__(self) -> str:
        where = " ".join(part for part in (self.file, f"({self.symbol})" if self.symbol else "") if part)
        return f"{where}: {self.message} [{self.code}]" + (f" Fix: {self.fix}" if self.fix else "")


def grouped(findings: Iterable[Finding]) -> list[Finding]:
    """Merge equal findings of several symbols, in the order of the first of each."""
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.code, finding.severity, finding.message, finding.fix), []).append(finding)
    return [_joined(group) for group in groups.values()]


def _joined(group: list[Finding]) -> Finding:
    if len(group) == 1:
        return group[0]
    names = [finding.symbol or finding.file for finding in group]
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    files = {finding.file for finding in group}
    return replace(group[0], file=group[0].file if len(files) == 1 else f"{len(files)} files", symbol=shown)


WAIVABLE = frozenset(
    {
        "unadjusted_split",
        "security_change",
        "dividend_adjustment",
        "long_hole",
        "bad_print",
        "outside_range",
        "high_below_low",
        "mixed_frequency",
        "future_date",
    }
)
"""Errors a user may accept with ``data.allow``: the numbers can be traded, but their meaning is in doubt."""
