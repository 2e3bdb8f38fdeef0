"""From the bars of single symbols to one panel: the timestamps they all share, nothing filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np

from rlx.data.bars import Bars
from rlx.data.calendars import Calendar, frequency_label, modal_spacing_seconds, trades_weekends
from rlx.data.findings import Finding, Severity
from rlx.data.panel import BAR_FIELDS, MarketPanel, format_stamp
from rlx.errors import DataError, did_you_mean
from rlx.types import AssetClass, FloatArray, TimeArray
from rlx.untrusted.shown import as_typed

AUTO = "auto"
ASSET_CLASSES = (AUTO, *(member.value for member in AssetClass))


def common_stamps(bars: list[Bars]) -> TimeArray:
    """Return the timestamps every symbol has; raises DataError naming two symbols that share none."""
    _refuse_mixed_frequency(bars)
    common: TimeArray = reduce(np.intersect1d, [one.stamps for one in bars])
    if len(common) >= 2:
        return common
    for k, first in enumerate(bars):
        for second in bars[k + 1 :]:
            if len(np.intersect1d(first.stamps, second.stamps)) < 2:
                raise DataError(
                    f"data.symbols: {_spanned(first)} and {_spanned(second)} have no common dates; trade them "
                    "separately or use data of the same period."
                )
    raise DataError(f"data.symbols: the {len(bars)} symbols have no dates in common; use fewer symbols.")


def _spanned(bars: Bars) -> str:
    return f"{bars.symbol} ({format_stamp(bars.stamps[0])} to {format_stamp(bars.stamps[-1])})"


def _refuse_mixed_frequency(bars: list[Bars]) -> None:
    labels = {one.symbol: frequency_label(modal_spacing_seconds(one.stamps)) for one in bars}
    if len({one.daily for one in bars}) > 1 or len(set(labels.values())) > 1:
        (first, length), *others = labels.items()
        second, other = next((pair for pair in others if pair[1] != length), others[0])
        raise DataError(f"data.path: bars of different length: {first} has {length} bars and {second} {other} bars.")


def lost_stamps(bars: list[Bars], common: TimeArray) -> str:
    """Return how many timestamps are not shared by all symbols, and the symbols that lack most; "" for none.

    For example ``740 of 1,000 timestamps (74%) left out: NEW lacks 500, GONE lacks 240``.
    """
    total = len(np.unique(np.concatenate([one.stamps for one in bars])))
    lost = total - len(common)
    if not lost:
        return ""
    lacking = sorted(((total - len(one), one.symbol) for one in bars if len(one) < total), key=lambda pair: -pair[0])
    worst = ", ".join(f"{symbol} lacks {count:,}" for count, symbol in lacking[:3])
    share = f"{lost / total:.0%}" if lost >= 0.01 * total else "less than 1%"
    return f"{lost:,} of {total:,} timestamps ({share}) left out: {worst}"


def alignment_findings(bars: list[Bars], lost: str, source: str) -> list[Finding]:
    """Report how many timestamps are left out because some symbol has no bar there, and which symbols lack them.

    ``lost``: the text of ``lost_stamps``.
    """
    findings = []
    if lost:
        message = f"{lost}; only those shared by every symbol are kept."
        fix = "leave symbols out or choose another period: data.symbols, data.start, data.end."
        findings.append(Finding("dropped_bars", Severity.warning, message, fix, source))
    for name in BAR_FIELDS:
        without = [one.symbol for one in bars if name not in one.fields]
        if without and len(without) < len(bars):
            message = f"{name} is omitted for all, because {', '.join(without[:5])} has none."
            findings.append(Finding("partial_field", Severity.warning, message, file=source))
    return findings


def calendar_findings(
    bars: list[Bars], common: TimeArray, calendar: Calendar, asset_class: Any, source: str
) -> list[Finding]:
    """Report what the stamps leave open: bars on weekends without an asset class, a history of less than a year.

    ``calendar``: of the ``common`` timestamps.
    """
    findings = []
    weekends = [one.symbol for one in bars if trades_weekends(one.stamps)]
    if asset_class == AUTO and weekends:
        shown = ", ".join(weekends[:3]) + (f" and {len(weekends) - 3} more" if len(weekends) > 3 else "")
        message = f"{shown}: bars on Saturdays and Sundays, but treated as equity: may be shorted and levered."
        fix = "declare data.asset_class=crypto (long-only, no leverage) or data.asset_class=equity."
        findings.append(Finding("weekend_bars", Severity.warning, message, fix, source))
    if not calendar.counted:
        message = (
            f"{format_stamp(common[0])} to {format_stamp(common[-1])} is too short to count the sessions of a year:"
            f" {calendar.periods_per_year:g} bars a year are assumed, as usual for such a week."
        )
        findings.append(Finding("short_history", Severity.note, message, file=source))
    return findings


def build_panel(bars: list[Bars], common: TimeArray, asset_class: Any, source: str) -> MarketPanel:
    """Return the panel of ``common`` timestamps; fields that a symbol lacks are not available for any."""
    symbols = tuple(one.symbol for one in bars)
    classes = asset_classes(symbols, asset_class)
    rows = [np.searchsorted(one.stamps, common) for one in bars]

    def stacked(name: str) -> FloatArray | None:
        if any(name not in one.fields for one in bars):
            return None
        return np.stack([one.fields[name][row] for one, row in zip(bars, rows, strict=True)], axis=1)

    close = stacked("close")
    assert close is not None
    return MarketPanel(
        symbols=symbols,
        timestamps=common,
        close=close,
        open=stacked("open"),
        high=stacked("high"),
        low=stacked("low"),
        volume=stacked("volume"),
        asset_classes=classes,
        source=source,
    )


def asset_classes(symbols: Sequence[str], asset_class: Any) -> tuple[AssetClass, ...]:
    """Return the class of each symbol: one for all, or a mapping; ``auto`` and symbols not named are equity.

    Only a declaration sets a class: labels on weekends are often the end of a week or month.
    """
    if not isinstance(asset_class, Mapping):
        return (_asset_class("data.asset_class", asset_class),) * len(symbols)
    for symbol in asset_class:
        if symbol not in symbols:
            raise DataError(
                f"data.asset_class: unknown symbol '{symbol}'.{did_you_mean(str(symbol), symbols)} "
                f"Allowed: {', '.join(symbols)}."
            )
    return tuple(_asset_class(f"data.asset_class.{name}", asset_class.get(name, AUTO)) for name in symbols)


def _asset_class(key: str, name: Any) -> AssetClass:
    if name not in ASSET_CLASSES:
        allowed = ", ".join(ASSET_CLASSES)
        said = as_typed(name)
        raise DataError(f"{key}={said}: unknown.{did_you_mean(said, ASSET_CLASSES)} Allowed: {allowed}.")
    return AssetClass.equity if name == AUTO else AssetClass(name)
