"""Which windows are a test of a policy: those far enough from the spans it was fitted on, by purge and embargo.

Lopez de Prado (2018, sections 7.4.1 and 7.4.2) removes observations from the training set that are too close to a fixed
test set. Here the training is over and the policy is fixed, so the windows too close to the training are excluded.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rlx.data.features import warmup_bars
from rlx.evaluate.seen import Seen, seen_steps
from rlx.measures.evaluation import WindowLedger
from rlx.policies.base import Policy
from rlx.types import TimeArray

UNSEEN = "unseen"
SEEN = "seen"
PURGED = "purged"
EMBARGOED = "embargoed"


class FitSpans(NamedTuple):
    """What a policy was fitted on, and how far away a window must be.

    ``stamps``: labels of all bars of the judged market, in which distances are counted. ``lookback_steps``: how many
    bars before a decision's own bar the policy's features reach.
    """

    spans: Seen
    stamps: TimeArray  # (N,)
    lookback_steps: int = 0
    purge_steps: int = 0
    embargo_steps: int = 0


def window_status(windows: WindowLedger, fit_spans: FitSpans) -> list[str]:
    """Return for each window ``seen``, ``purged``, ``embargoed`` or ``unseen``, (B,): the first that applies.

    ``seen``: one of its decisions lies in a span. ``purged``: its first decision lies less than ``purge_steps`` bars
    after the last close of a span before it. ``embargoed``: its last close lies less than ``embargo_steps`` bars before
    the first decision of a span after it. A span outside the market counts as ending, or beginning, at its edge.
    """
    opened, closed = windows.starts, windows.starts + windows.steps
    purged = np.zeros(len(windows), dtype=np.bool_)
    embargoed = purged.copy()
    for first, last in fit_spans.spans.values():
        after = opened - np.searchsorted(fit_spans.stamps, last)
        before = np.searchsorted(fit_spans.stamps, first, side="right") - 1 - closed
        purged |= (after >= 0) & (after < fit_spans.purge_steps)
        embargoed |= (before >= 0) & (before < fit_spans.embargo_steps)
    seen = np.sum([count > 0 for count in seen_steps(windows.timestamps, fit_spans.spans).values()], axis=0) > 0
    return [str(name) for name in np.select([seen, purged, embargoed], [SEEN, PURGED, EMBARGOED], UNSEEN)]


def lookback_steps(policy: Policy) -> int:
    """Return how many bars before a decision's own bar the policy's features reach; 0 without features."""
    if not policy.feature_names:
        return 0
    return max(map(warmup_bars, policy.feature_names)) + max(policy.window_steps, 1) - 1
