"""Which claim a significance supports, in words."""

from __future__ import annotations

from rlx.measures.significance import Significance

ASSUMED = {
    "null": ", taking their unknown spread for that of noise",
    "floor": ", taking their spread, which is less, for that of noise",
}
"""What the sentence adds when the spread of the trials' Sharpe ratios is assumed, by its origin."""

MOST_PLACES = 4


def write_claim(significance: Significance, equal_weight: Significance | None = None) -> str:
    """Return one or two sentences on the number of trials and the deflated Sharpe ratio; empty without a ratio.

    They also say whether ``equal_weight``, counted as one of the same number of trials, passes the same bar.
    """
    if significance.psr is None or significance.dsr is None:
        return ""
    if significance.trials > 1:
        words = _of_many(significance, significance.dsr)
    else:
        words = f"{_of_one(significance, significance.psr)}{_track_record(significance)}"
    return f"{words}{_as_equal_weight(significance, equal_weight)}"


def reaches(value: float, bar: float) -> bool:
    """Return whether a probability is at least ``bar`` at the most digits that are ever shown."""
    return round(value, MOST_PLACES) >= round(bar, MOST_PLACES)


def is_significant(significance: Significance) -> bool:
    """Return whether a Sharpe ratio above zero, or above that of the luckiest trial, can be claimed."""
    return significance.dsr is not None and reaches(significance.dsr, significance.confidence)


def _as_equal_weight(significance: Significance, equal_weight: Significance | None) -> str:
    if equal_weight is None or not is_significant(significance) or not is_significant(equal_weight):
        return ""
    return f" Equal weight passes the same bar, at {_digits(equal_weight.dsr or 0.0, equal_weight.confidence)}."


def _of_many(significance: Significance, dsr: float) -> str:
    trials, sharpe = significance.trials, significance.expected_max_sharpe or 0.0
    words = f"With {trials} trials the deflated Sharpe ratio is {_probability(dsr, significance)}"
    chance = f"the best of {trials} worthless ones is expected to show a Sharpe ratio of {sharpe:.2f} by chance alone"
    assumed = ASSUMED.get(significance.trial_variance_from or "", "")
    if reaches(dsr, significance.confidence):
        return f"{words}: chance and the choice among them do not explain its Sharpe ratio ({chance}{assumed})."
    return f"{words}: chance and the choice among them may explain its Sharpe ratio ({chance}{assumed})."


def _of_one(significance: Significance, psr: float) -> str:
    undeclared = "No number of trials was declared (protocol.trials); as the only one tried"
    only = undeclared if significance.trials_from == "none" else "As the only one tried"
    words = f"{only}, it has a probabilistic Sharpe ratio of {_probability(psr, significance)}"
    may = "may" if reaches(psr, significance.confidence) else "may not"
    return f"{words}: a true Sharpe ratio above zero {may} be claimed."


def _track_record(significance: Significance) -> str:
    needed = significance.min_track_record_steps
    if needed is None or needed <= significance.steps or is_significant(significance):
        return ""
    return f" At this one it would take {needed:,} steps, and there are {significance.steps:,}."


def _probability(value: float, significance: Significance) -> str:
    """Return the probability and the required confidence, with enough digits to distinguish them."""
    compared = "at least" if reaches(value, significance.confidence) else "short of"
    confidence = significance.confidence
    digits = _places(value, confidence)
    return f"{value:.{digits}f}, {compared} {confidence:.{digits}f}"


def _digits(value: float, confidence: float) -> str:
    return f"{value:.{_places(value, confidence)}f}"


def _places(value: float, confidence: float) -> int:
    return 2 if f"{value:.2f}" != f"{confidence:.2f}" else MOST_PLACES
