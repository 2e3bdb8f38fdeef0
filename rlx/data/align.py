"""From the bars of single symbols to one panel: the timestamps all of them have, nothing filled in."""

from __future__ import annotations

from functools import reduce

import numpy as np

from rlx.data.bars import Bars
from rlx.data.calendars import frequency_label, modal_spacing_seconds, trades_weekends
from rlx.data.findings import Finding, Severity
from rlx.data.panel import BAR_FIELDS, MarketPanel, format_stamp
from rlx.errors import DataError, did_you_mean
from rlx.types import AssetClass, FloatArray, TimeArray

ASSET_CLASSES = ("auto", *(member.value for member in AssetClass))


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
                    f"data.symbols: {_spanned(first)} and {_spanned(second)} have no common dates; trade them apart or"
                    " use data of the same period."
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


def alignment_findings(bars: list[Bars], common: TimeArray, source: str) -> list[Finding]:
    """Say how many timestamps are left out because some symbol has no bar there, and which symbols are to blame."""
    union = np.unique(np.concatenate([one.stamps for one in bars]))
    dropped = len(union) - len(common)
    findings = []
    if dropped:
        lacking = sorted(((len(union) - len(one), one) for one in bars), key=lambda pair: -pair[0])
        worst = ", ".join(f"{one.symbol} lacks {count}" for count, one in lacking[:3] if count)
        message = f"{dropped} of {len(union)} timestamps left out, because not every symbol has a bar there: {worst}."
        findings.append(Finding("dropped_bars", Severity.warning, message, file=source))
    for name in BAR_FIELDS:
        without = [one.symbol for one in bars if name not in one.fields]
        if without and len(without) < len(bars):
            message = f"{name} is left out for all, because {', '.join(without[:5])} has none."
            findings.append(Finding("partial_field", Severity.warning, message, file=source))
    return findings


def build_panel(bars: list[Bars], common: TimeArray, asset_class: str, source: str) -> MarketPanel:
    """Return the panel of ``common`` timestamps; fields that a symbol lacks are not available for any."""
    rows = [np.searchsorted(one.stamps, common) for one in bars]

    def stacked(name: str) -> FloatArray | None:
        if any(name not in one.fields for one in bars):
            return None
        return np.stack([one.fields[name][row] for one, row in zip(bars, rows, strict=True)], axis=1)

    close = stacked("close")
    assert close is not None
    return MarketPanel(
        symbols=tuple(one.symbol for one in bars),
        timestamps=common,
        close=close,
        open=stacked("open"),
        high=stacked("high"),
        low=stacked("low"),
        volume=stacked("volume"),
        asset_classes=tuple(_asset_class(one, asset_class) for one in bars),
        source=source,
    )


def _asset_class(bars: Bars, asset_class: str) -> AssetClass:
    if asset_class not in ASSET_CLASSES:
        allowed = ", ".join(ASSET_CLASSES)
        hint = did_you_mean(asset_class, ASSET_CLASSES)
        raise DataError(f"data.asset_class={asset_class!r}: unknown.{hint} Allowed: {allowed}.")
    if asset_class != "auto":
        return AssetClass(asset_class)
    return AssetClass.crypto if trades_weekends(bars.stamps) else AssetClass.equity
