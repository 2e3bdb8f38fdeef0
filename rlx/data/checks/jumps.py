"""Jumps between bars: unadjusted splits, another security under the same ticker, bad dividends, bad closes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

import numpy as np

from rlx.data.bars import Bars
from rlx.data.checks.order import LONG_HOLE_DAYS, gap_lengths
from rlx.data.checks.sessions import Sessions, sessions_of
from rlx.data.findings import Severity
from rlx.data.panel import format_stamp
from rlx.types import BoolArray, FloatArray

LOOKED_AT = 0.08  # overnight moves beyond this are checked: an 11:10 stock dividend is 9.5%
LARGE = 0.35  # beyond this a move that hits a ratio is a split, unless heavy trading shows that it is news
DOUBTFUL = 0.16  # the same for smaller moves where volume or range is missing, as a warning only
OPEN_TOLERANCE = 0.03  # how far the opening after a split deviates from the exact ratio
CLOSE_TOLERANCE = 0.02  # with closes alone the ratio includes the day's own move, so require a nearer hit
SPIKE = 3.0  # traded value above this multiple of its usual size means news, which a split is not
QUIET = 1.5  # traded value up to this multiple, and a range up to 2.5 usual moves: there was no news
QUIET_RANGE = 2.5
BUSY = 8.0  # on a day within its usual range even heavy trading is not a crash
FEWER = 0.5  # half as many shares as usual while the price multiplies: fewer, more expensive shares, not demand
UNUSUAL, VERY_UNUSUAL = 5.0, 10.0  # usual moves in an overnight move; in a crisis 10% is usual
CONTINUITY = 8.0  # the same security keeps its usual traded value within this factor
JUMP = 2.0

_LARGE_RATIOS = (1.5, 2.5, *map(float, range(2, 101)))
_SMALL_RATIOS = sorted({Fraction(p, q) for q in range(1, 6) for p in range(q + 1, 3 * q + 1)} | {Fraction(11, 10)})
_EXPLANATIONS = ("unadjusted_split", "possible_split", "security_change", "dividend_adjustment")


class _Verdict(StrEnum):
    nothing = "nothing"
    event = "event"
    unclear = "unclear"
    other_security = "other_security"
    dividend = "dividend"


@dataclass(frozen=True)
class _Jump:
    session: int
    row: int
    ratio: float  # price after / price before
    stamp: str

    @property
    def size(self) -> float:
        """Absolute logarithm of the ratio."""
        return abs(float(np.log(self.ratio)))


@dataclass(frozen=True)
class JumpCounts:
    """The number of overnight moves beyond 8% that were checked, and the number that are unadjusted splits."""

    moves: int
    splits: int


def check_jumps(bars: Bars) -> JumpCounts:
    """Report jumps; return how many overnight moves were checked and how many are unadjusted events.

    A split multiplies the price by a ratio and the number of shares traded by its inverse: the traded value, and the
    day after the opening, are ordinary ones. News opens at any ratio, with heavy trading and further moves. Without
    volumes the two cannot be distinguished, and a warning names both.
    """
    close = bars.fields["close"]
    if len(close) < 3 or not (close > 0.0).all():
        return JumpCounts(0, 0)
    sessions = sessions_of(bars)
    gaps = gap_lengths(bars)[0] > LONG_HOLE_DAYS
    moves = sessions.moves.copy()
    moves[1:][gaps[sessions.first[1:] - 1]] = 1.0
    found: dict[_Verdict, list[_Jump]] = {verdict: [] for verdict in _Verdict}
    for session in map(int, np.flatnonzero(np.abs(np.log(moves)) > LOOKED_AT)):
        row = int(sessions.first[session])
        jump = _Jump(session, row, float(moves[session]), format_stamp(bars.stamps[row]))
        found[_judge(sessions, jump)].append(jump)
    _report(sessions, found)
    returns = np.ones(len(close))
    returns[1:] = np.where(gaps, 1.0, close[1:] / close[:-1])
    _check_unexplained(bars, returns)
    _check_spikes(bars, returns)
    return JumpCounts(sum(map(len, found.values())), len(found[_Verdict.event]))


def _judge(sessions: Sessions, jump: _Jump) -> _Verdict:
    if jump.size > LARGE and _is_big_dividend(sessions.bars, jump):
        return _Verdict.dividend
    if jump.session < 3:
        return _Verdict.nothing
    hit = jump.size > LARGE and _hits_ratio(jump.ratio, OPEN_TOLERANCE if sessions.opened else CLOSE_TOLERANCE)
    value = sessions.value_change(jump.session)
    if value is None:
        doubtful = jump.ratio < np.exp(-DOUBTFUL) and _is_unusual(sessions, jump, VERY_UNUSUAL)
        wide = sessions.spans is not None and not _is_narrow(sessions, jump)
        return _Verdict.unclear if hit or (doubtful and not wide) else _Verdict.nothing
    if hit and value[1] > CONTINUITY:
        return _Verdict.other_security
    if hit and (value[0] <= SPIKE or _trades_inversely(sessions, jump, value[0])):
        return _Verdict.event
    return _judge_quiet(sessions, jump, value[0])


def _judge_quiet(sessions: Sessions, jump: _Jump, value: float) -> _Verdict:
    """Judge a move of any ratio by the lack of unusual trading: stock dividends, spin-offs and odd splits."""
    if value > QUIET or not (jump.ratio < 1.0 or jump.size > LARGE) or not _is_unusual(sessions, jump, UNUSUAL):
        return _Verdict.nothing
    if sessions.opened and sessions.spans is not None:
        return _Verdict.event if _is_narrow(sessions, jump) else _Verdict.nothing
    return _Verdict.unclear if jump.size > DOUBTFUL and _is_unusual(sessions, jump, VERY_UNUSUAL) else _Verdict.nothing


def _hits_ratio(ratio: float, tolerance: float) -> bool:
    factor = max(ratio, 1.0 / ratio)
    nearest = min(_LARGE_RATIOS, key=lambda n: abs(np.log(factor / n)))
    # 3:2 splits are near ordinary moves, so they need a nearer hit.
    return bool(abs(np.log(factor / nearest)) <= (min(tolerance, 0.015) if nearest < 2.0 else tolerance))


def _trades_inversely(sessions: Sessions, jump: _Jump, value: float) -> bool:
    """Whether a busy day is still a split: see FEWER for reverse splits and BUSY for splits."""
    if jump.ratio > 1.0:
        return value / jump.ratio <= FEWER
    return value <= BUSY and sessions.opened and _is_narrow(sessions, jump)


def _is_unusual(sessions: Sessions, jump: _Jump, times: float) -> bool:
    spread = sessions.spread(jump.session)
    return spread is not None and jump.size >= times * spread


def _is_narrow(sessions: Sessions, jump: _Jump) -> bool:
    spread = sessions.spread(jump.session)
    if sessions.spans is None or spread is None:
        return False
    return bool(sessions.spans[jump.session] <= QUIET_RANGE * spread)


def _is_big_dividend(bars: Bars, jump: _Jump) -> bool:
    dividend = bars.extras.get("dividend")
    return dividend is not None and bool(dividend[jump.row] > 0.2 * bars.fields["close"][jump.row - 1])


def ratio_words(ratio: float) -> str:
    """Return the name of an event with this price ratio: ``4:3 split``, ``reverse 20:1 split``, ``event``."""
    factor = max(ratio, 1.0 / ratio)
    if _hits_ratio(ratio, OPEN_TOLERANCE) and factor > 1.45:
        nearest = Fraction(min(_LARGE_RATIOS, key=lambda n: abs(np.log(factor / n))))
    else:
        nearest = min(_SMALL_RATIOS, key=lambda n: abs(np.log(factor / float(n))))
        if abs(np.log(factor / float(nearest))) > 0.01:
            return "event"
    return f"{'' if ratio < 1.0 else 'reverse '}{nearest.numerator}:{nearest.denominator} split"


def _report(sessions: Sessions, found: dict[_Verdict, list[_Jump]]) -> None:
    for jump in found[_Verdict.dividend]:
        _report_dividend(sessions.bars, jump)
    for jump in found[_Verdict.event]:
        _report_split(sessions.bars, jump)
    for jump in found[_Verdict.other_security]:
        _report_security_change(sessions, jump)
    if found[_Verdict.unclear]:
        _report_unclear(sessions, found[_Verdict.unclear])


def _report_dividend(bars: Bars, jump: _Jump) -> None:
    bars.report(
        "dividend_adjustment",
        Severity.error,
        f"price jumps by a factor {jump.ratio:.3g} on {jump.stamp}, where a dividend of"
        f" {bars.extras['dividend'][jump.row]:g} is recorded against a price of"
        f" {bars.fields['close'][jump.row - 1]:.4g}: a dividend on another split basis was used to adjust the earlier"
        " prices.",
        f"download again, or start after it: data.start={jump.stamp}.",
    )


def _report_split(bars: Bars, jump: _Jump) -> None:
    words = ratio_words(jump.ratio)
    what = "; no split's ratio: a spin-off or a special dividend" if words == "event" else ""
    bars.report(
        "unadjusted_split",
        Severity.error,
        f"unadjusted {words} on {jump.stamp} (price x {jump.ratio:.4g} overnight{what}).",
        f"use adjusted prices, or start after it: data.start={jump.stamp}; if news: data.allow=[unadjusted_split].",
    )


def _report_unclear(sessions: Sessions, jumps: list[_Jump]) -> None:
    shown = ", ".join(f"{jump.stamp} x {jump.ratio:.4g} ({ratio_words(jump.ratio)}?)" for jump in jumps[:3])
    lacks = "no volume" if sessions.value is None else "no opens and range"
    sessions.bars.report(
        "possible_split",
        Severity.warning,
        f"{len(jumps)} overnight move(s) that are news or unadjusted splits, with {lacks} to decide: {shown}"
        f"{', ...' if len(jumps) > 3 else ''}.",
        "make sure that the prices are adjusted.",
    )


def _report_security_change(sessions: Sessions, jump: _Jump) -> None:
    change = sessions.value_change(jump.session)
    assert change is not None
    sessions.bars.report(
        "security_change",
        Severity.error,
        f"two securities under one ticker: on {jump.stamp} the price jumps by a factor {jump.ratio:.4g} and the usual"
        f" traded value by a factor {change[1]:.0f}.",
        f"keep one of them: data.start={jump.stamp}.",
    )


def _check_unexplained(bars: Bars, returns: FloatArray) -> None:
    explained = " ".join(finding.message for finding in bars.findings if finding.code in _EXPLANATIONS)
    for row in np.flatnonzero(np.abs(np.log(returns)) > np.log(JUMP)):
        stamp = format_stamp(bars.stamps[row])
        if stamp not in explained:
            bars.report(
                "price_jump",
                Severity.warning,
                f"close moves by a factor {returns[row]:.3g} on {stamp}: news, or an event left unadjusted.",
            )


def _check_spikes(bars: Bars, returns: FloatArray) -> None:
    """Warn about closes that move by 20% or more and return on the next bar."""
    moves = np.log(returns)
    first, second = moves[1:-1], moves[2:]
    back: BoolArray = (np.abs(first) > 0.22) & (np.abs(first + second) < 0.25 * np.abs(first))
    for row in np.flatnonzero(back) + 1:
        bars.report(
            "close_spike",
            Severity.warning,
            f"close moves by a factor {returns[row]:.3g} on {format_stamp(bars.stamps[row])} and back on the next bar.",
        )
