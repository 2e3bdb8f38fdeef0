"""What a history of the old kind really contains, computed from the file: repeats, exact zeros, and the hours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from rlx.compile_check.legacy import COMPILED, LegacyEntry, by_symbol, content, variant_of

NEW_YORK = ZoneInfo("America/New_York")
OPENS, CLOSES = time(9, 30), time(16)
ALIKE = ("maxdiff_return", "close_val_loss")
"""The two measures that fix the forecasts of a run: equal in two runs only if their forecasts are."""
STEEP = -0.06
"""A six-bar return of the strategy below which the spread that was charged must have been wide."""


@dataclass(frozen=True)
class SymbolFindings:
    """The variant ``compile`` of one symbol, repeats removed, and the returns of ``simple`` at its commonest forecasts.

    ``zero`` counts the runs in which both measures of ``ALIKE`` are exactly those of the baseline. ``maxdiff_return``
    and ``loss`` are the commonest pair among baselines and compiled runs alike, None if no run has both, and
    ``simple_returns`` are the different values found there, ascending.
    """

    symbol: str
    runs: int
    zero: int
    maxdiff_return: float | None
    loss: float | None
    simple_returns: tuple[float, ...]


@dataclass(frozen=True)
class SimpleReturn:
    """One return of the strategy ``simple`` and when it was recorded, in UTC."""

    symbol: str
    moment: datetime
    value: float

    @property
    def in_session(self) -> bool:
        """Whether New York was trading, holidays not considered."""
        there = self.moment.astimezone(NEW_YORK)
        return there.weekday() < 5 and OPENS <= there.time() < CLOSES


def distinct(entries: Iterable[LegacyEntry]) -> list[LegacyEntry]:
    """Return the entries without repeats of the same pair of results, each at its first time."""
    first: dict[tuple[Any, ...], LegacyEntry] = {}
    for entry in entries:
        first.setdefault(content(entry), entry)
    return list(first.values())


def symbol_findings(entries: Sequence[LegacyEntry]) -> list[SymbolFindings]:
    """Return the findings of every symbol."""
    return [_findings(symbol, own) for symbol, own in by_symbol(entries).items()]


def _findings(symbol: str, entries: Sequence[LegacyEntry]) -> SymbolFindings:
    runs = [entry for entry in distinct(entries) if variant_of(entry) == COMPILED]
    zero = sum(all(entry["delta"].get(name) == 0.0 for name in ALIKE) for entry in runs)
    documents = [part for entry in runs for part in (entry["baseline"], entry["compile"])]
    pairs = ((part.get(ALIKE[0]), part.get(ALIKE[1])) for part in documents)
    known = [(maxdiff, loss) for maxdiff, loss in pairs if maxdiff is not None and loss is not None]
    if not known:
        return SymbolFindings(symbol, len(runs), zero, None, None, ())
    maxdiff, loss = Counter(known).most_common(1)[0][0]
    alike = (part.get("simple_return") for part in documents if tuple(map(part.get, ALIKE)) == (maxdiff, loss))
    simple = sorted({value for value in alike if value is not None})
    return SymbolFindings(symbol, len(runs), zero, maxdiff, loss, tuple(simple))


def simple_returns(entries: Sequence[LegacyEntry]) -> list[SimpleReturn]:
    """Return every recorded return of ``simple``, baselines and compiled runs, by time; repeats count once."""
    found = {
        SimpleReturn(entry["symbol"], datetime.fromisoformat(entry["timestamp"]), value): None
        for entry in distinct(entries)
        for value in (entry["baseline"].get("simple_return"), entry["compile"].get("simple_return"))
        if value is not None
    }
    return sorted(found, key=lambda one: (one.moment, one.symbol, one.value))
