"""The bars of one symbol as read from one file, before they are aligned with others."""

from __future__ import annotations

from dataclasses import dataclass, field

from rlx.data.findings import Finding, Severity
from rlx.types import BoolArray, FloatArray, IntArray, TimeArray


@dataclass
class Bars:
    """stamps: (N,) datetime64[ns] in file order until sorted. fields: name -> (N,) float64, NaN where missing.

    ``fields`` has ``close`` and those of open, high, low and volume that are in the file; ``extras`` has columns that
    only the checks read: ``dividend`` and ``money_volume``.
    """

    symbol: str
    file: str
    stamps: TimeArray
    fields: dict[str, FloatArray]
    extras: dict[str, FloatArray] = field(default_factory=dict)
    daily: bool = True
    findings: list[Finding] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.stamps)

    def report(self, code: str, severity: Severity, message: str, fix: str = "") -> None:
        """Add a finding about this symbol."""
        self.findings.append(Finding(code, severity, message, fix, self.file, self.symbol))

    def keep(self, rows: BoolArray | IntArray) -> None:
        """Keep the given rows: a mask or an index array."""
        self.stamps = self.stamps[rows]
        self.fields = {name: values[rows] for name, values in self.fields.items()}
        self.extras = {name: values[rows] for name, values in self.extras.items()}

    def drop_fields(self, *names: str) -> None:
        """Declare fields not available."""
        for name in names:
            self.fields.pop(name, None)


def describe_rows(bars: Bars, mask: BoolArray, shown: int = 3) -> str:
    """Return ``3 rows (2007-02-08, ...)`` for the rows a mask picks."""
    from rlx.data.panel import format_stamp

    stamps = [format_stamp(stamp) for stamp in bars.stamps[mask][:shown]]
    count = int(mask.sum())
    return f"{count} row{'s' if count != 1 else ''} ({', '.join(stamps)}{', ...' if count > shown else ''})"
