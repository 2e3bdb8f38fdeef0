"""The scorecard in words: what the numbers allow one to say, and no more."""

from __future__ import annotations

from collections.abc import Mapping

from rlx.evaluate.claim import write_claim
from rlx.evaluate.significance import Significance
from rlx.evaluate.statistics import Interval

Numbers = Mapping[str, float | None]

CLIPPED_WORTH_SAYING = 0.01
"""Mean absolute weight a step that limits may take before the verdict mentions it."""

SEEN_AS = {"selected": "its best checkpoint was chosen on"}
"""How a seen span is worded where "it was <name> on" would not say it."""


def write_verdict(
    name: str,
    metrics: Numbers,
    equal_weight: Numbers | None,
    intervals: Mapping[str, Interval],
    excess: Interval | None,
    *,
    steps: int = 0,
    seen_steps: Mapping[str, int] | None = None,
    oracle: bool = False,
    significance: Significance | None = None,
) -> str:
    """Return sentences on whether the policy beat equal weight, whether its intervals cover zero, and what it proves.

    Of a ruined account intervals and significance say nothing, so they are left out, as they are of an ``oracle``:
    knowing the future is not chance. ``seen_steps``: how many of the ``steps`` judged lie in each span the policy was
    made on, by name (``trained``, ``selected``). Both are said first.
    """
    ruined = bool(metrics.get("ruined"))
    arithmetic_only = ruined or oracle
    sentences = [_oracle(name) if oracle else "", _seen(seen_steps or {}, steps)]
    if ruined:
        sentences.append(f"{name} lost everything: its account was ruined.")
    if equal_weight is None or excess is None:
        sentences.append("Equal weight was not judged beside it, so nothing can be said about beating it.")
    else:
        sentences += [_against(name, metrics, equal_weight), "" if arithmetic_only else _excess(excess)]
    certainty = "" if arithmetic_only else _certainty(intervals)
    claim = "" if arithmetic_only or significance is None else write_claim(significance)
    sentences += [certainty, claim, _clipped(metrics.get("limit_clipped"))]
    return " ".join(sentence for sentence in sentences if sentence)


def _oracle(name: str) -> str:
    return f"Not a competitor: {name} is an oracle that sees the future, so it cannot be ranked."


def _seen(seen_steps: Mapping[str, int], steps: int) -> str:
    """Say which of the steps are no test of the policy; nothing when none is."""
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


def _against(name: str, metrics: Numbers, equal_weight: Numbers) -> str:
    """Compare cumulative return and Sharpe; a Sharpe ratio that does not exist decides nothing."""
    mine, theirs = metrics["cumulative_return"], equal_weight["cumulative_return"]
    sharpe, their_sharpe = metrics["sharpe"], equal_weight["sharpe"]
    signs = {_sign(mine, theirs), _sign(sharpe, their_sharpe)} - {None}
    outcome = "beat equal weight on one measure and not on the other"
    if len(signs) == 1:
        outcome = {1: "beat equal weight", -1: "lost to equal weight", 0: "did exactly as well as equal weight"}[
            signs.pop() or 0
        ]
    numbers = f"cumulative return {percent(mine)} against {percent(theirs)}"
    return f"{name} {outcome}: {numbers}, Sharpe {ratio(sharpe)} against {ratio(their_sharpe)}."


def _sign(mine: float | None, theirs: float | None) -> int | None:
    if mine is None or theirs is None:
        return None
    return (mine > theirs) - (mine < theirs)


def _excess(excess: Interval) -> str:
    if excess.low is None or excess.high is None:
        same = excess.estimate == 0.0
        return "Step for step it earned the same." if same else f"No interval for the difference: {excess.reason}."
    side = "above" if (excess.estimate or 0.0) >= 0 else "below"
    size = percent(abs(excess.estimate or 0.0)).lstrip("+")
    span = f"{excess.confidence:.0%} interval {percent(excess.low)} to {percent(excess.high)}"
    if excess.covers_zero:
        reading = "the interval covers zero, so the difference may be chance"
    else:
        reading = f"the interval lies {'above' if excess.low > 0 else 'below'} zero"
    return f"Its mean return is {size} a year {side} that of equal weight ({span}): {reading}."


def _certainty(intervals: Mapping[str, Interval]) -> str:
    sharpe, total = intervals["sharpe"], intervals["cumulative_return"]
    if sharpe.low is None or sharpe.high is None or total.low is None or total.high is None:
        return f"There is no interval for its Sharpe ratio or return: {sharpe.reason or total.reason}."
    spans = (
        f"The {sharpe.confidence:.0%} intervals of its Sharpe ratio ({ratio(sharpe.low)} to {ratio(sharpe.high)}) "
        f"and cumulative return ({percent(total.low)} to {percent(total.high)})"
    )
    if sharpe.covers_zero and total.covers_zero:
        return f"{spans} both cover zero: there is no evidence that it makes or loses money."
    if sharpe.covers_zero or total.covers_zero:
        return f"{spans} disagree: only that of the {'Sharpe ratio' if sharpe.covers_zero else 'return'} covers zero."
    return f"{spans} do not cover zero: it {'made' if sharpe.low > 0 else 'lost'} money beyond chance."


def percent(value: float | None) -> str:
    """Return a signed percentage, ``n/a`` for None."""
    return "n/a" if value is None else f"{value:+.1%}"


def ratio(value: float | None) -> str:
    """Return a ratio with two decimals, ``n/a`` for None."""
    return "n/a" if value is None else f"{value:.2f}"
