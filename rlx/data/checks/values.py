"""Prices and volumes that are impossible, or at which nobody traded."""

from __future__ import annotations

import numpy as np

from rlx.data.bars import Bars, describe_rows
from rlx.data.calendars import trades_weekends, weekday_coverage
from rlx.data.findings import Severity
from rlx.types import BoolArray, FloatArray

PRICES = ("open", "high", "low", "close")
_CORRECT_CLOSES = "correct or remove the rows."
_CORRECT = "correct or remove the rows, or use the closes alone with data.close_only=true."
GROSS_OUTSIDE = 0.05  # an open or close more than 5% outside low..high is refused
WICK = 1.3  # a high or low 30% beyond open and close deserves a look
LOWEST, HIGHEST = 1e-15, 1e15  # the smallest coin in bitcoin, the largest banknote of any inflation, with a margin
MOST_TRADED = 1e30
BAD_PRINT = 10.0  # a factor of ten is a typing error, not a trade


def declare_unavailable(bars: Bars) -> None:
    """Remove fields without content: opens coded as zero, one price in four columns, absent volumes."""
    for name in ("open", "high", "low", "volume"):
        values = bars.fields.get(name)
        if values is not None and np.isnan(values).all():
            bars.drop_fields(name)
            bars.report(f"no_{name}", Severity.note, f"the {name} column is empty: not available.")
        elif values is not None and (values == 0.0).all():
            bars.drop_fields(name)
            bars.report(f"{name}_zero", Severity.warning, f"{name} is 0 on every row: missing, coded as zero.")
    prices = [bars.fields[name] for name in PRICES if name in bars.fields]
    if len(prices) == 4 and all((values == prices[3]).all() for values in prices):
        bars.drop_fields("open", "high", "low")
        bars.report(
            "close_only_as_ohlc",
            Severity.warning,
            "open = high = low = close on every row: closes formatted as OHLC, read as closes only.",
        )


def _correction(name: str) -> str:
    """Return what to do about a column's prices; without its closes a file has none."""
    return _CORRECT_CLOSES if name == "close" else _CORRECT


def check_extremes(bars: Bars) -> None:
    """Refuse prices so large or small that their ratios overflow; they are not prices."""
    for name in PRICES:
        values = bars.fields.get(name)
        if values is not None and (bad := (values > HIGHEST) | ((values > 0.0) & (values < LOWEST))).any():
            words = f"{name} beyond {LOWEST:g} to {HIGHEST:g} on {describe_rows(bars, bad)}."
            bars.report("extreme_price", Severity.error, words, _correction(name))


def check_missing(bars: Bars) -> int:
    """Refuse missing prices; treat a volume with holes or minus signs as not available; return the missing cells."""
    missing = 0
    for name in PRICES:
        values = bars.fields.get(name)
        if values is not None and (unknown := np.isnan(values)).any():
            missing += int(unknown.sum())
            bars.report(
                "missing_price", Severity.error, f"no {name} on {describe_rows(bars, unknown)}.", _correction(name)
            )
    volume = bars.fields.get("volume")
    if volume is not None:
        bad = ~((volume >= 0.0) & (volume <= MOST_TRADED))
        if bad.any():
            bars.report(
                "missing_volume",
                Severity.warning,
                f"volume missing, negative or above {MOST_TRADED:g} on {describe_rows(bars, bad)}; volume is not"
                " available.",
            )
            bars.drop_fields("volume")
    return missing


def check_zeros(bars: Bars) -> int:
    """Refuse prices of zero and below; return how many there are."""
    zeros = 0
    for name in PRICES:
        values = bars.fields.get(name)
        if values is not None and (bad := values <= 0.0).any():
            zeros += int(bad.sum())
            words = f"{name} is 0 or less on {describe_rows(bars, bad)}."
            bars.report("zero_price", Severity.error, words, _correction(name))
    return zeros


def check_range(bars: Bars) -> int:
    """Check that open and close are within low..high and that low..high is plausible; return the failing rows."""
    high, low = bars.fields.get("high"), bars.fields.get("low")
    if high is None or low is None:
        return 0
    body = [bars.fields[name] for name in ("open", "close") if name in bars.fields]
    top, bottom = np.maximum.reduce(body), np.minimum.reduce(body)
    valid = (low > 0.0) & (bottom > 0.0) & ~np.isnan(high + low + top)
    with np.errstate(divide="ignore", invalid="ignore"):
        outside = np.where(valid, np.maximum(top / high, low / bottom) - 1.0, 0.0)
        wick = np.where(valid, np.maximum(high / top, bottom / low), 1.0)
    crossed = high < low
    _report_rows(bars, "high_below_low", Severity.error, "high below low", crossed)
    _report_rows(bars, "outside_range", Severity.error, "open or close far outside low..high", outside > GROSS_OUTSIDE)
    slight = (outside > 1e-6) & (outside <= GROSS_OUTSIDE)
    _report_rows(bars, "slightly_outside", Severity.warning, "open or close slightly outside low..high", slight)
    _report_rows(bars, "bad_print", Severity.error, "high or low ten times beyond open and close", wick > BAD_PRINT)
    long_wick = (wick > WICK) & (wick <= BAD_PRINT)
    _report_rows(bars, "wick", Severity.warning, "high or low 30% or more beyond open and close", long_wick)
    return int((crossed | (outside > 1e-6) | (wick > WICK)).sum())


def _report_rows(bars: Bars, code: str, severity: Severity, what: str, mask: BoolArray) -> None:
    if mask.any():
        fix = _CORRECT if severity is Severity.error else ""
        bars.report(code, severity, f"{what} on {describe_rows(bars, mask)}.", fix)


def check_stale(bars: Bars) -> int:
    """Warn about bars in which nothing happened: unchanged close, no range, no volume; return how many."""
    close = bars.fields["close"]
    still = np.zeros(len(close), dtype=np.bool_)
    still[1:] = close[1:] == close[:-1]
    if "high" in bars.fields and "low" in bars.fields:
        still &= bars.fields["high"] == bars.fields["low"]
    if "volume" in bars.fields:
        still &= bars.fields["volume"] == 0.0
    elif "high" not in bars.fields:
        still &= _in_runs(still, 4)  # closes repeat by chance, but not four times in a row
    if still.mean() > 0.02 or _longest_run(still) >= 10:
        bars.report(
            "stale", Severity.warning, f"{describe_rows(bars, still)} in which nothing traded ({still.mean():.1%})."
        )
    return int(still.sum())


def _run_lengths(mask: BoolArray) -> FloatArray:
    """Return for each position the length of the run of True it belongs to."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    lengths = np.zeros(len(mask))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        lengths[begin:end] = end - begin
    return lengths


def _in_runs(mask: BoolArray, minimum: int) -> BoolArray:
    return np.asarray(_run_lengths(mask) >= minimum)


def _longest_run(mask: BoolArray) -> int:
    return int(_run_lengths(mask).max(initial=0))


def check_volume_meaning(bars: Bars) -> None:
    """Find rows on which volume and money are swapped, and treat the volume as not available."""
    volume, money = bars.fields.get("volume"), bars.extras.get("money_volume")
    if volume is None or money is None:
        return
    price = bars.fields["close"]
    traded = (volume > 0.0) & (money > 0.0) & (np.abs(np.log(price)) > 1.0)
    if not traded.any():
        return
    ratio = np.log(money[traded] / volume[traded])
    swapped = np.abs(ratio + np.log(price[traded])) < 0.5
    if swapped.mean() > 0.01:
        rows = np.flatnonzero(traded)[swapped]
        mask = np.zeros(len(volume), dtype=np.bool_)
        mask[rows] = True
        bars.drop_fields("volume")
        bars.report(
            "swapped_volume",
            Severity.warning,
            f"volume contains money instead of units on {describe_rows(bars, mask)}; volume is not available.",
            "swap the two volume columns on these rows.",
        )


def check_lookalike(bars: Bars) -> None:
    """Warn about daily bars of a stock-like file that no exchange can have produced."""
    volume = bars.fields.get("volume")
    if not bars.daily or volume is None or len(bars) < 250 or trades_weekends(bars.stamps):
        return
    coverage, spanned = weekday_coverage(bars.stamps)
    if spanned < 250 or coverage < 1.0:
        return
    fractional = float(np.mean(volume % 1.0 != 0.0))
    also = f" and {fractional:.0%} of the volumes are fractions of a share" if fractional > 0.5 else ""
    bars.report(
        "synthetic_lookalike",
        Severity.warning,
        f"not one holiday in {spanned + 1} weekdays{also}: this looks generated, not recorded on an exchange.",
        "check the source of the file before trusting any result.",
    )
