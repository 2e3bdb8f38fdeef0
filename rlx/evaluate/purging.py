"""Which windows are a test of a policy: those far enough from the spans it was fitted on, by purge and embargo.

Lopez de Prado (2018, sections 7.4.1 and 7.4.2) removes observations from the training set that are too close to a fixed
test set. Here the training is over and the policy is fixed, so the windows too close to the training are excluded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from rlx.data.features import warmup_bars
from rlx.data.market import Market
from rlx.data.outlook import is_outlook
from rlx.evaluate.seen import Seen, seen_steps
from rlx.measures.evaluation import WindowLedger
from rlx.policies.base import Fit, Policy
from rlx.types import IntArray, TimeArray

UNSEEN = "unseen"
SEEN = "seen"
PURGED = "purged"
EMBARGOED = "embargoed"


class FitSpans(NamedTuple):
    """What a policy was fitted on, and how far away a window must be.

    ``stamps``: labels of all bars of the judged market, in which distances are counted. ``lookback_steps``: how many
    bars before a decision's own bar the policy's features reach. ``fits``: those of a refitted policy, empty for
    another; ``spans`` are then the parts of their spans in which they decide themselves.
    """

    spans: Seen
    stamps: TimeArray  # (N,)
    lookback_steps: int = 0
    purge_steps: int = 0
    embargo_steps: int = 0
    fits: Sequence[Fit] = ()


def window_status(windows: WindowLedger, fit_spans: FitSpans) -> list[str]:
    """Return for each window ``seen``, ``purged``, ``embargoed`` or ``unseen``, (B,): the first that applies.

    ``seen``: one of its decisions lies in a span. ``purged``: its first decision lies less than ``purge_steps`` bars
    after the last close of a span before it. ``embargoed``: its last close lies less than ``embargo_steps`` bars before
    the first decision of a span after it. A span outside the market counts as ending, or beginning, at its edge. For a
    refitted policy these are the first decision and the last close of each fit within the window.
    """
    purged = np.zeros(len(windows), dtype=np.bool_)
    embargoed = purged.copy()
    for opened, closed, spans in _deciders(windows, fit_spans):
        for first, last in spans.values():
            after = opened - np.searchsorted(fit_spans.stamps, last)
            before = np.searchsorted(fit_spans.stamps, first, side="right") - 1 - closed
            purged |= (closed > opened) & (after >= 0) & (after < fit_spans.purge_steps)
            embargoed |= (closed > opened) & (before >= 0) & (before < fit_spans.embargo_steps)
    seen = np.sum([count > 0 for count in seen_steps(windows.timestamps, fit_spans.spans).values()], axis=0) > 0
    return [str(name) for name in np.select([seen, purged, embargoed], [SEEN, PURGED, EMBARGOED], UNSEEN)]


def _deciders(windows: WindowLedger, fit_spans: FitSpans) -> Iterator[tuple[IntArray, IntArray, Seen]]:
    """Yield for each fit where it decides within each window: the first bar, the last close, (B,) each; its spans."""
    opened, closed = windows.starts, windows.starts + windows.steps
    if not fit_spans.fits:
        yield opened, closed, fit_spans.spans
        return
    bars = _first_bars(fit_spans)
    for fit, first, until in zip(fit_spans.fits, [0, *bars[1:]], [*bars[1:], len(fit_spans.stamps)], strict=True):
        yield np.maximum(opened, first), np.minimum(closed, until), fit.seen


def deciding_fits(windows: WindowLedger, fit_spans: FitSpans) -> list[Fit]:
    """Return for each window the fit that takes its first decision, (B,); the first fit decides before it too."""
    places = np.searchsorted(_first_bars(fit_spans), windows.starts, side="right") - 1
    return [fit_spans.fits[max(int(place), 0)] for place in places]


def _first_bars(fit_spans: FitSpans) -> list[int]:
    return [int(np.searchsorted(fit_spans.stamps, fit.first)) for fit in fit_spans.fits]


def lookback_steps(policy: Policy, market: Market) -> int:
    """Return how many bars before a decision's own bar the policy's features reach; 0 without features.

    Of forecasts these are the bars that the first one needs.
    """
    if not policy.feature_names:
        return 0
    forecasts = [name for name in policy.feature_names if is_outlook(name)]
    needed = [warmup_bars(name) for name in policy.feature_names if name not in forecasts]
    if forecasts and market.outlook is not None:
        needed.append(market.outlook.first_bar(market))
    return max(needed, default=0) + max(policy.window_steps, 1) - 1
