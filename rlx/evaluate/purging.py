"""Which windows are a test of a policy: those away from the spans it was made on, by purge and embargo.

Lopez de Prado (2018, sections 7.4.1 and 7.4.2) cuts observations out of the training set of a fixed test set. Here the
training is over and the policy fixed, so that of the same pairs, too close to each other, it is the window that goes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rlx.data.features import warmup_bars
from rlx.data.panel import format_stamp
from rlx.data.splits import Span
from rlx.evaluate.config import Protocol, WalkForward
from rlx.evaluate.seen import Seen, seen_steps
from rlx.measures.evaluation import WindowLedger
from rlx.policies.base import Policy
from rlx.types import BoolArray, TimeArray

UNSEEN = "unseen"
SEEN = "seen"
PURGED = "purged"
EMBARGOED = "embargoed"


class FitSpans(NamedTuple):
    """What a policy was made on, and how far from it a window must lie.

    ``stamps``: labels of all bars of the market that is judged, in which distances are counted. ``lookback_steps``:
    how many bars before a decision's own the policy's features reach.
    """

    spans: Seen
    stamps: TimeArray  # (N,)
    lookback_steps: int = 0
    purge_steps: int = 0
    embargo_steps: int = 0


def window_status(windows: WindowLedger, fit_spans: FitSpans) -> list[str]:
    """Return for each window ``seen``, ``purged``, ``embargoed`` or ``unseen``, (B,); the first that holds.

    ``seen``: one of its decisions lies in a span. ``purged``: its first decision lies less than ``purge_steps`` bars
    after the last close of a span before it. ``embargoed``: its last close lies less than ``embargo_steps`` bars before
    the first decision of a span after it. A span outside of the market counts as ending, or beginning, at its edge.
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


def no_test(protocol: Protocol, span: Span, stamps: TimeArray, spans: Seen) -> str | None:
    """Say, before anything is played, that no window of a walk-forward can be a test of a policy, and what would be.

    ``span``: the decisions judged. ``stamps`` (N,): labels of the market's bars. ``spans``: what the policy is made on.
    """
    if not isinstance(protocol, WalkForward):
        return None
    free = _away_from(protocol, stamps, spans)[span.start : span.stop]
    run = _longest_run(free)
    starts = range(0, len(free) - protocol.window + 1, protocol.stride)
    if any(free[start : start + protocol.window].all() for start in starts):
        return None
    said = f"protocol.window={protocol.window}, protocol.stride={protocol.stride}: none of the {len(starts)} windows is"
    said += " a test of this policy: each holds, or is too near to, decisions it was made on."
    if not len(run):
        return f"{said} No decision of the span is away from them; choose later data or other data.split dates."
    first, left = format_stamp(stamps[span.start + run.start]).replace(" ", "T"), len(free) - run.start
    fits = f"a protocol.window of at most {len(run)} fits, with protocol.start={first}"
    if protocol.window_steps > left and protocol.window_steps != Protocol.window_steps:  # the default is fitted
        fits += f" and a protocol.window_steps of at most {left}"
    return f"{said} Away from them are {len(run)} decisions from {first} on: {fits}."


def _away_from(protocol: WalkForward, stamps: TimeArray, spans: Seen) -> BoolArray:
    """Return a mask (N,) of the bars a window may decide at and be ``unseen``."""
    free = np.ones(len(stamps), dtype=np.bool_)
    for first, last in spans.values():
        opened, closed = np.searchsorted(stamps, first), np.searchsorted(stamps, last)
        free[max(int(opened) - (protocol.embargo_steps or 0), 0) : int(closed) + (protocol.purge_steps or 0)] = False
    return free


def _longest_run(mask: BoolArray) -> range:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    runs = [range(int(begin), int(end)) for begin, end in zip(edges[::2], edges[1::2], strict=True)]
    return max(runs, key=len, default=range(0))


def ineffective_distance(protocol: Protocol, name: str) -> str | None:
    """Say that purge and embargo do nothing for a policy of which it is not known what it was made on."""
    for key in ("purge_steps", "embargo_steps"):
        if isinstance(protocol, WalkForward) and getattr(protocol, key):
            asked = f"protocol.{key}={getattr(protocol, key)}"
            return f"{asked} has no effect: it is not known what {name} was made on."
    return None


def lookback_steps(policy: Policy) -> int:
    """Return how many bars before a decision's own the features that the policy sees reach; 0 without features."""
    if not policy.feature_names:
        return 0
    return max(map(warmup_bars, policy.feature_names)) + max(policy.window_steps, 1) - 1
