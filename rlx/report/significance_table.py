"""A scorecard's significance as a table, for Markdown and the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rlx.measures.metric import written
from rlx.report.tables import Table
from rlx.untrusted.markdown import Markdown, code, words

TRIALS_FROM = {
    "declared": "declared",
    "sweep": "those of its sweep",
    "none": Markdown("none was declared (`protocol.trials`), so it is counted as the only one"),
}
VARIANCE_FROM = {
    "sweep": "over the scorecards of the sweep's trials",
    "null": "1 / (steps - 1), of worthless trials, since the actual one is unknown",
    "floor": "1 / (steps - 1), of worthless trials, since the actual one is less",
}
INDEPENDENT = Markdown("These numbers take steps as independent of each other; the intervals do not.")


def significance_table(block: dict[str, Any], name: Callable[[str], str] = code) -> Table:
    """Return value and meaning of each number of a scorecard's ``significance``, named by ``name``."""
    level = f"{block['confidence']:.4g}"
    meanings = {
        "psr": f"Probabilistic Sharpe ratio: confidence that the true one is above 0; {level} is required",
        "dsr": _deflated(block, level),
        "trials": words("Trials that this one was chosen from: ", TRIALS_FROM[block["trials_from"]]),
        "expected_max_sharpe": "Expected Sharpe ratio of the best of as many worthless trials (ratio/year)",
        "trial_variance_per_step": f"Variance of the trials' Sharpe ratios, {_origin(block)}",
        "min_track_record_steps": f"Steps needed at this Sharpe ratio for psr to reach {level}; n/a if none suffice",
        "steps": "Steps of the hold-out",
        "sharpe_per_step": "Sharpe ratio, not annualised (standard deviation with ddof 0)",
        "skewness": "Of the net returns, bias corrected",
        "kurtosis": "Of the net returns, bias corrected; 3 for a normal distribution",
    }
    rows = [[name(key), _text(block[key]), meaning] for key, meaning in meanings.items()]
    return Table(["", "value", "meaning"], rows, "Significance")


def _deflated(block: dict[str, Any], level: str) -> str:
    if block["trials"] == 1:
        return "Deflated Sharpe ratio: the same as psr for one trial, as nothing is deducted for luck in choosing"
    return f"Deflated Sharpe ratio: confidence that it is above the expected best of the trials; {level} is required"


def _origin(block: dict[str, Any]) -> str:
    return VARIANCE_FROM.get(block["trial_variance_from"], "not measured")


def _text(value: float | None) -> str:
    return written(value, "," if isinstance(value, int) else ".4g")
