"""The scorecard in words: what the numbers support, and no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from rlx.evaluate.claim import write_claim
from rlx.measures.metric import UNDEFINED
from rlx.measures.significance import Significance
from rlx.measures.statistics import Interval
from rlx.policies.gate import gate_in_words

Numbers = Mapping[str, float | None]

CLIPPED_WORTH_SAYING = 0.01
"""Mean absolute weight per step that limits can remove before the verdict mentions it."""

SEEN_AS = {"selected": "its best checkpoint was chosen on"}
"""Wording of a seen span for which "it was <name> on" does not work."""

SEEN_SAYS = "None of this says how it does on dates that it has not seen."
SIDES = {1: "lies above zero", 0: "covers zero", -1: "lies below zero"}


class Baseline(NamedTuple):
    """Equal weight, judged over the same windows; ``intervals`` draws its own intervals, which few verdicts need."""

    metrics: Numbers
    excess: Interval
    intervals: Callable[[], Mapping[str, Interval]] | None = None
    significance: Significance | None = None


def write_verdict(
    name: str,
    metrics: Numbers,
    equal_weight: Baseline | None,
    intervals: Mapping[str, Interval],
    *,
    steps: int = 0,
    seen_steps: Mapping[str, int] | None = None,
    oracle: bool = False,
    test_only: str | None = None,
    significance: Significance | None = None,
    gate: Mapping[str, Any] | None = None,
) -> str:
    """Return sentences on whether the policy beat equal weight, whether its intervals cover zero, and what it proves.

    Intervals and significance are left out for a ruined account, about which they mean nothing, and for an ``oracle``,
    whose knowledge of the future is not chance. ``seen_steps``: how many of the ``steps`` judged lie in each span the
    policy was fitted on, by name (``trained``, ``selected``). ``test_only`` is why the forecasts that it reads are for
    tests only. An oracle, such forecasts and seen steps are stated first, followed by numbers without claims. ``gate``
    holds the fields of a trained policy's gate.
    """
    ruined = bool(metrics.get("ruined"))
    seen = _seen(seen_steps or {}, steps)
    for_tests = f"No evidence of skill: its forecaster is for tests only ({test_only})." if test_only else ""
    sentences = [_oracle(name) if oracle else "", for_tests, seen]
    if ruined:
        sentences.append(f"{name} lost everything: its account was ruined.")
    if equal_weight is None:
        sentences.append("Equal weight was not judged, so nothing can be said about beating it.")
    elif ruined or oracle or seen or for_tests:
        sentences.append(_compared(metrics, equal_weight, with_excess=not (ruined or oracle or for_tests)))
    else:
        sentences.append(_against(name, metrics, equal_weight))
    sentences.append("" if gate is None else gate_in_words(gate))
    if not (ruined or oracle or seen or for_tests):
        sentences += [_certainty(intervals, equal_weight), _claim(significance, equal_weight)]
    sentences += [SEEN_SAYS if seen else "", _clipped(metrics.get("limit_clipped"))]
    return " ".join(sentence for sentence in sentences if sentence)


def _oracle(name: str) -> str:
    return f"Not a competitor: {name} is an oracle that sees the future, so it cannot be ranked."


def _seen(seen_steps: Mapping[str, int], steps: int) -> str:
    """Say which of the steps are no test of the policy; empty if all are a test."""
    parts: list[str] = []
    for name, count in seen_steps.items():
        if count:
            span = f"in the span {SEEN_AS.get(name, f'it was {name} on')}"
            lie = "lies" if count == 1 else "lie"
            parts.append(f"{count} {span}" if parts else f"{count} of these {steps} steps {lie} {span}")
    return f"Not a test: {' and '.join(parts)}." if parts else ""


def _clipped(clipped: float | None) -> str:
    if clipped is None or clipped <= CLIPPED_WORTH_SAYING:
        return ""
    return (
        f"The limits took {ratio(clipped)} of weight a step from its targets: what was judged is not what it asked for."
    )


def _against(name: str, metrics: Numbers, equal_weight: Baseline) -> str:
    """Say by the interval of the excess which earned more, and show both; ties are decided in the digits shown."""
    excess = equal_weight.excess
    if excess.low is None or excess.high is None:
        if excess.estimate == 0.0:
            return f"{name} did exactly as well as equal weight: step for step it earned the same."
        numbers = _numbers(metrics, equal_weight.metrics, 0)
        no_interval = f"There is no interval for the difference: {excess.reason}"
        return f"{name} compared with equal weight: {numbers}. {no_interval}."
    side, by = _side(excess, 3), round(excess.estimate or 0.0, 3)
    size, span = _size(by), _span(excess)
    if side:
        outcome = "beat equal weight" if side > 0 else "lost to equal weight"
        lead = f"{outcome} in mean return, by {size} a year ({span}, {'above' if side > 0 else 'below'} zero)"
    elif by:
        than = "higher" if by > 0 else "lower"
        lead = f"had a {than} mean return than equal weight, by {size} a year, which may be chance ({span})"
    else:
        lead = f"had the mean return of equal weight, to 0.1% a year ({span})"
    numbers = _numbers(metrics, equal_weight.metrics, side or (by > 0) - (by < 0))
    return f"{name} {lead}. {numbers[0].upper()}{numbers[1:]}."


def _compared(metrics: Numbers, equal_weight: Baseline, with_excess: bool) -> str:
    """Show both without saying which did better."""
    excess = equal_weight.excess
    shown = ""
    if with_excess and excess.low is not None and excess.estimate is not None:
        by = round(excess.estimate, 3)
        size = f"{_size(by)} a year {'lower' if by < 0 else 'higher'}" if by else "the same to 0.1% a year"
        shown = f"mean return {size} ({_span(excess)}), "
    return f"Compared with equal weight: {shown}{_numbers(metrics, equal_weight.metrics, 0)}."


def _numbers(metrics: Numbers, theirs: Numbers, side: int) -> str:
    """Show return and Sharpe ratio of both; ``side`` is which is ahead so far, which either number may contradict."""
    total, their_total = metrics["cumulative_return"], theirs["cumulative_return"]
    sharpe, their_sharpe = metrics["sharpe"], theirs["sharpe"]
    returns = f"{percent(total)} against {percent(their_total)}"
    sharpes = f"{ratio(sharpe)} against {ratio(their_sharpe)}"
    than = "lower" if side > 0 else "higher"
    other_return = side * _sign(total, their_total, 3) < 0
    other_sharpe = side * _sign(sharpe, their_sharpe, 2) < 0
    if other_return and other_sharpe:
        return f"but a {than} cumulative return, {returns}, and a {than} Sharpe ratio, {sharpes}"
    if other_return:
        return f"but a {than} cumulative return, {returns}; Sharpe ratio {sharpes}"
    if other_sharpe:
        return f"cumulative return {returns}, but a {than} Sharpe ratio: {sharpes}"
    return f"cumulative return {returns}, Sharpe ratio {sharpes}"


def _sign(mine: float | None, theirs: float | None, digits: int) -> int:
    """Return which number is higher in the digits that are shown; 0 if either is undefined."""
    if mine is None or theirs is None:
        return 0
    mine, theirs = round(mine, digits), round(theirs, digits)
    return (mine > theirs) - (mine < theirs)


def _side(interval: Interval, digits: int) -> int:
    """Return 1 if an interval lies above zero in the digits that are shown, -1 if it lies below, otherwise 0."""
    if interval.low is None or interval.high is None:
        return 0
    return int(round(interval.low, digits) > 0) - int(round(interval.high, digits) < 0)


def _span(interval: Interval) -> str:
    return f"{interval.confidence:.0%} interval {percent(interval.low)} to {percent(interval.high)}"


def _gained(intervals: Mapping[str, Interval]) -> int:
    """Return 1 for money made beyond chance, -1 for money lost, and 0 unless both intervals agree."""
    sides = {_side(intervals["sharpe"], 2), _side(intervals["cumulative_return"], 3)}
    return sides.pop() if len(sides) == 1 else 0


def _certainty(intervals: Mapping[str, Interval], equal_weight: Baseline | None) -> str:
    sharpe, total = intervals["sharpe"], intervals["cumulative_return"]
    if sharpe.low is None or sharpe.high is None or total.low is None or total.high is None:
        return f"There is no interval for its Sharpe ratio or return: {sharpe.reason or total.reason}."
    spans = (
        f"The {sharpe.confidence:.0%} intervals of its Sharpe ratio ({ratio(sharpe.low)} to {ratio(sharpe.high)}) "
        f"and cumulative return ({percent(total.low)} to {percent(total.high)})"
    )
    sides = _side(sharpe, 2), _side(total, 3)
    if sides[0] != sides[1]:
        return f"{spans} disagree: the first {SIDES[sides[0]]}, the second {SIDES[sides[1]]}."
    if sides[0] == 0:
        return f"{spans} both cover zero: there is no evidence that it makes or loses money."
    words = f"{spans} do not cover zero: it {'made' if sides[0] > 0 else 'lost'} money beyond chance"
    return f"{words}.{_so_did(sides[0], equal_weight)}"


def _so_did(side: int, equal_weight: Baseline | None) -> str:
    """Say that equal weight also gained, or lost, beyond chance: then it takes no skill."""
    theirs = None if equal_weight is None or equal_weight.intervals is None else equal_weight.intervals()
    if equal_weight is None or theirs is None or _gained(theirs) != side:
        return ""
    sharpe = theirs["sharpe"]
    words = f" So did equal weight (Sharpe ratio {ratio(sharpe.low)} to {ratio(sharpe.high)})"
    ahead = _side(equal_weight.excess, 3) == side
    return f"{words}." if ahead else f"{words}, which says more of the market than of the policy."


def _claim(significance: Significance | None, equal_weight: Baseline | None) -> str:
    if significance is None:
        return ""
    return write_claim(significance, None if equal_weight is None else equal_weight.significance)


def _size(value: float) -> str:
    """Return a percentage without its sign."""
    return percent(abs(value)).lstrip("+")


def percent(value: float | None) -> str:
    """Return a signed percentage, ``n/a`` for None."""
    return UNDEFINED if value is None else f"{round(value, 3) + 0.0:+.1%}"  # + 0.0: no minus sign before a zero


def ratio(value: float | None) -> str:
    """Return a ratio with two decimals, ``n/a`` for None."""
    return UNDEFINED if value is None else f"{round(value, 2) + 0.0:.2f}"
