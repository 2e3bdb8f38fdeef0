"""All checks of one symbol in their order, and the figures for the table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlx.data.bars import Bars
from rlx.data.calendars import frequency_label, modal_spacing_seconds
from rlx.data.checks.jumps import check_jumps
from rlx.data.checks.order import check_duplicates, check_frequency, check_gaps, check_sessions, sort_rows
from rlx.data.checks.values import (
    check_extremes,
    check_lookalike,
    check_missing,
    check_range,
    check_stale,
    check_volume_meaning,
    check_zeros,
    declare_unavailable,
)
from rlx.data.findings import Severity
from rlx.data.periods import within


@dataclass(frozen=True)
class SymbolFigures:
    """One line of the check table; ``fields`` are the available fields.

    ``moves``: overnight moves beyond 8% that were checked for ``splits``.
    """

    symbol: str
    file: str
    rows: int
    first: str
    last: str
    frequency: str
    fields: str
    gaps: int
    splits: int
    moves: int
    zeros: int
    wicks: int
    duplicates: int
    stale: int
    missing: int


def check_symbol(bars: Bars, start: str | None, end: str | None, close_only: bool) -> SymbolFigures:
    """Sort the bars, cut them to the period, check them and return their figures; findings stay with the bars."""
    with np.errstate(all="ignore"):  # the checks themselves find and report extreme prices
        return _check_symbol(bars, start, end, close_only)


def _check_symbol(bars: Bars, start: str | None, end: str | None, close_only: bool) -> SymbolFigures:
    from rlx.data.panel import format_stamp

    sort_rows(bars)
    bars.keep(within(bars.stamps, start, end))
    if close_only:
        bars.drop_fields("open", "high", "low", "volume")
    duplicates = check_duplicates(bars)
    if len(bars) < 2:
        bars.report("too_few_rows", Severity.error, f"{len(bars)} row(s) in the period; at least 2 are needed.")
        return SymbolFigures(bars.symbol, bars.file, len(bars), "", "", "", "", 0, 0, 0, 0, 0, duplicates, 0, 0)
    declare_unavailable(bars)
    check_extremes(bars)
    missing, zeros = check_missing(bars), check_zeros(bars)
    check_frequency(bars)
    check_sessions(bars)
    check_volume_meaning(bars)
    gaps, wicks, stale = check_gaps(bars), check_range(bars), check_stale(bars)
    jumps = check_jumps(bars)
    check_lookalike(bars)
    return SymbolFigures(
        symbol=bars.symbol,
        file=bars.file,
        rows=len(bars),
        first=format_stamp(bars.stamps[0]),
        last=format_stamp(bars.stamps[-1]),
        frequency=frequency_label(modal_spacing_seconds(bars.stamps)),
        fields="".join(name[0].upper() for name in ("open", "high", "low", "close", "volume") if name in bars.fields),
        gaps=gaps,
        splits=jumps.splits,
        moves=jumps.moves,
        zeros=zeros,
        wicks=wicks,
        duplicates=duplicates,
        stale=stale,
        missing=missing,
    )
