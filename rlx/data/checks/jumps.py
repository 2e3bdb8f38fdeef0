"""Jumps between bars: unadjusted splits, another security under the same ticker, bad dividends, bad closes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rlx.data.bars import Bars
from rlx.data.calendars import trades_weekends
from rlx.data.checks.order import LONG_HOLE_DAYS, gap_lengths
from rlx.data.findings import Severity
from rlx.data.panel import format_stamp
from rlx.types import BoolArray, FloatArray

RATIOS = tuple(sorted({*map(float, range(2, 11)), 1.5, 2.5, 12.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 100.0}))
OPEN_TOLERANCE = 0.03  # how far the opening after a split strays from the exact ratio
CLOSE_TOLERANCE = 0.02  # with closes alone the day's own move is in the ratio, so ask for a nearer hit
SPIKE = 3.0  # traded value above this multiple of its usual size means news, which a split is not
CONTINUITY = 8.0  # the same security keeps its usual traded value within this factor
JUMP = 2.0


@dataclass(frozen=True)
class _Jump:
    row: int
    ratio: float  # price after / price before
    multiple: float | None  # n of the n:1 or 1:n split whose ratio this is, if any


def check_jumps(bars: Bars) -> int:
    """Report jumps and return the number of unadjusted splits.

    A split is an opening within 3% of an exact n:1 (1:n) ratio to the last close, between sessions, without news: the
    traded value of the day is at most three times its usual one. A crash opens at any ratio and trades heavily.
    """
    close = bars.fields["close"]
    if len(close) < 3 or not (close > 0.0).all():
        return 0
    reference = bars.fields.get("open", close)
    if not (reference > 0.0).all():
        reference = close
    gaps = gap_lengths(bars)[0] > LONG_HOLE_DAYS
    moves = np.ones(len(close))
    moves[1:] = np.where(gaps, 1.0, reference[1:] / close[:-1])
    returns = np.ones(len(close))
    returns[1:] = np.where(gaps, 1.0, close[1:] / close[:-1])
    tolerance = CLOSE_TOLERANCE if reference is close else OPEN_TOLERANCE
    splits = _check_ratios(bars, moves, returns, tolerance)
    _check_spikes(bars, returns)
    return splits


def _check_ratios(bars: Bars, moves: FloatArray, returns: FloatArray, tolerance: float) -> int:
    splits, unexplained = 0, np.zeros(len(moves), dtype=np.bool_)
    for row in np.flatnonzero(np.abs(np.log(moves)) > 0.35):
        jump = _Jump(int(row), float(moves[row]), _multiple(float(moves[row]), tolerance))
        if _is_big_dividend(bars, jump):
            continue
        if jump.multiple is not None and _between_sessions(bars, jump.row) and row >= 3:
            value = _value_change(bars, jump.row)
            if value is not None and value[1] > CONTINUITY:
                _report_security_change(bars, jump, value[1])
                continue
            if value is None or value[0] <= SPIKE:
                _report_split(bars, jump)
                splits += 1
                continue
        unexplained[row] = True
    unexplained |= np.abs(np.log(returns)) > np.log(JUMP)
    explained = {finding.message for finding in bars.findings if finding.code in _EXPLANATIONS}
    for row in np.flatnonzero(unexplained & (np.abs(np.log(returns)) > np.log(JUMP))):
        stamp = format_stamp(bars.stamps[row])
        if not any(stamp in message for message in explained):
            bars.report(
                "price_jump",
                Severity.warning,
                f"close moves by a factor {returns[row]:.3g} on {stamp}: news, or an event left unadjusted.",
            )
    return splits


_EXPLANATIONS = ("unadjusted_split", "security_change", "dividend_adjustment")


def _multiple(ratio: float, tolerance: float) -> float | None:
    nearest = min(RATIOS, key=lambda n: abs(np.log(max(ratio, 1.0 / ratio) / n)))
    # 3:2 splits are near ordinary moves, so they need a nearer hit.
    allowed = min(tolerance, 0.015) if nearest < 2.0 else tolerance
    return nearest if abs(np.log(max(ratio, 1.0 / ratio) / nearest)) <= allowed else None


def _between_sessions(bars: Bars, row: int) -> bool:
    if trades_weekends(bars.stamps):
        return False  # crypto assets do not split
    if bars.daily:
        return True
    return bool(bars.stamps[row].astype("datetime64[D]") != bars.stamps[row - 1].astype("datetime64[D]"))


def _value_change(bars: Bars, row: int) -> tuple[float, float] | None:
    """Return traded value of the row, and its change of level afterwards, in multiples of the 20 bars before.

    The change of level is max(after / before, before / after); None without volumes.
    """
    volume = bars.fields.get("volume")
    if volume is None:
        return None
    value = volume * bars.fields["close"]
    before, after = float(np.median(value[max(row - 20, 0) : row])), float(np.median(value[row : row + 20]))
    if before <= 0.0 or after <= 0.0:
        return None
    return float(value[row]) / before, max(after / before, before / after)


def _is_big_dividend(bars: Bars, jump: _Jump) -> bool:
    dividend = bars.extras.get("dividend")
    previous = bars.fields["close"][jump.row - 1]
    if dividend is None or not dividend[jump.row] > 0.2 * previous:
        return False
    bars.report(
        "dividend_adjustment",
        Severity.error,
        f"price jumps by a factor {jump.ratio:.3g} on {format_stamp(bars.stamps[jump.row])}, where a dividend of"
        f" {dividend[jump.row]:g} is recorded against a price of {previous:.4g}: a dividend on another split basis was"
        " used to adjust the earlier prices.",
        f"download again, or start after it: data.start={format_stamp(bars.stamps[jump.row])}.",
    )
    return True


def _ratio_words(jump: _Jump) -> str:
    assert jump.multiple is not None
    n = "3:2" if jump.multiple == 1.5 else "5:2" if jump.multiple == 2.5 else f"{jump.multiple:g}:1"
    return f"{n} split" if jump.ratio < 1.0 else f"reverse {n} split"


def _report_split(bars: Bars, jump: _Jump) -> None:
    bars.report(
        "unadjusted_split",
        Severity.error,
        f"unadjusted {_ratio_words(jump)} on {format_stamp(bars.stamps[jump.row])}"
        f" (price x {jump.ratio:.4g} overnight).",
        f"use adjusted prices, or start after it: data.start={format_stamp(bars.stamps[jump.row])}.",
    )


def _report_security_change(bars: Bars, jump: _Jump, change: float) -> None:
    bars.report(
        "security_change",
        Severity.error,
        f"two securities under one ticker: on {format_stamp(bars.stamps[jump.row])} the price jumps by a factor"
        f" {jump.ratio:.4g} and the usual traded value by a factor {change:.0f}.",
        f"keep one of them: data.start={format_stamp(bars.stamps[jump.row])}.",
    )


def _check_spikes(bars: Bars, returns: FloatArray) -> None:
    """Warn about closes that leave by 20% or more and come back on the next bar."""
    moves = np.log(returns)
    first, second = moves[1:-1], moves[2:]
    back: BoolArray = (np.abs(first) > 0.22) & (np.abs(first + second) < 0.25 * np.abs(first))
    for row in np.flatnonzero(back) + 1:
        bars.report(
            "close_spike",
            Severity.warning,
            f"close moves by a factor {returns[row]:.3g} on {format_stamp(bars.stamps[row])} and straight back.",
        )
