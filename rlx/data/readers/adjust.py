"""Which of several price columns are used: adjusted ones where the file has them."""

from __future__ import annotations

import numpy as np

from rlx.data.bars import Bars
from rlx.data.findings import Severity
from rlx.types import FloatArray


def adjusted(bars: Bars, columns: dict[str, FloatArray]) -> None:
    """Fill ``bars.fields`` from the numeric columns of a file and report the choice.

    A full set of adjusted prices is used unchanged. An adjusted close next to raw prices scales open, high and low by
    adjusted close / close of the same bar, so that all four prices are on one scale; volume is unchanged.
    """
    if {"adj_open", "adj_high", "adj_low", "adj_close"} <= set(columns):
        bars.fields = {name: columns[f"adj_{name}"] for name in ("open", "high", "low", "close")}
        if "adj_volume" in columns or "volume" in columns:
            bars.fields["volume"] = columns.get("adj_volume", columns.get("volume", np.zeros(0)))
        bars.report("adjusted_prices", Severity.note, "the adjusted price columns are used, not the raw ones.")
        return
    bars.fields = {name: columns[name] for name in ("open", "high", "low", "close", "volume") if name in columns}
    adj_close = columns.get("adj_close")
    if adj_close is None:
        return
    if "close" not in columns:
        bars.drop_fields("open", "high", "low")
        bars.report("close_only", Severity.note, "only an adjusted close; prices on other scales are omitted.")
    else:
        with np.errstate(all="ignore"):
            factor = adj_close / columns["close"]
        if np.nanmax(np.abs(factor - 1.0), initial=0.0) < 1e-9:
            return
        for name in ("open", "high", "low"):
            if name in columns:
                bars.fields[name] = columns[name] * factor
        bars.report("adjusted_prices", Severity.note, "open, high and low scaled by adjusted close / close.")
    bars.fields["close"] = adj_close
