"""What a significance allows one to claim, in words."""

from __future__ import annotations

from rlx.evaluate.significance import Significance

ASSUMED = {
    "null": ", taking their unknown spread for that of noise",
    "floor": ", taking their spread, which is less, for that of noise",
}
"""What is said of a spread of the trials' Sharpe ratios that is not their own."""


def write_claim(significance: Significance) -> str:
    """Return a sentence or two on the number of trials and the Sharpe ratio it leaves; nothing where there is none."""
    if significance.psr is None or significance.dsr is None:
        return ""
    if significance.trials > 1:
        return _of_many(significance, significance.dsr)
    return f"{_of_one(significance, significance.psr)}{_track_record(significance)}"


def _of_many(significance: Significance, dsr: float) -> str:
    trials, sharpe = significance.trials, significance.expected_max_sharpe or 0.0
    words = f"With {trials} trials the deflated Sharpe ratio is {_probability(dsr, significance)}"
    chance = f"the best of {trials} worthless ones is expected to show a Sharpe ratio of {sharpe:.2f} by chance alone"
    assumed = ASSUMED.get(significance.trial_variance_from or "", "")
    if dsr >= significance.confidence:
        return f"{words}: chance and the choice among them do not explain its Sharpe ratio ({chance}{assumed})."
    return f"{words}: chance and the choice among them may explain its Sharpe ratio ({chance}{assumed})."


def _of_one(significance: Significance, psr: float) -> str:
    undeclared = "No number of trials was declared (protocol.trials); as the only one tried"
    only = undeclared if significance.trials_from == "none" else "As the only one tried"
    words = f"{only}, it has a probabilistic Sharpe ratio of {_probability(psr, significance)}"
    may = "may" if psr >= significance.confidence else "may not"
    return f"{words}: a true Sharpe ratio above zero {may} be claimed."


def _track_record(significance: Significance) -> str:
    needed = significance.min_track_record_steps
    if needed is None or needed <= significance.steps:
        return ""
    return f" At this one it would take {needed:,} steps, and there are {significance.steps:,}."


def _probability(value: float, significance: Significance) -> str:
    """Return the probability beside the confidence that is asked for, with digits enough to tell them apart."""
    compared = "at least" if value >= significance.confidence else "short of"
    digits = 2 if f"{value:.2f}" != f"{significance.confidence:.2f}" else 4
    return f"{value:.{digits}f}, {compared} {significance.confidence:.{digits}f}"
